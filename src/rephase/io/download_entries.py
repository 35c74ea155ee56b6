"""Download the structure files of many PDB entries into one directory."""

import fcntl
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rephase.errors import UserError
from rephase.io.checksums import read_sums, sha256_of, write_sums
from rephase.io.download import POLITE, Downloader, DownloadError, Manners, Stopped
from rephase.io.download_checks import EXTENSIONS, StructureFormat, check_structure_file, keep_gzipped
from rephase.io.download_parts import BadBodyError, discard
from rephase.io.download_sources import Source

GIVE_UP_AFTER = 5
"""Entries in a row that no source delivered, other than unknown ones: the connection is down."""
_SECONDS_BETWEEN_SUMS = 5.0

Status = Literal["kept", "fetched", "replaced", "missing", "failed", "not tried"]


@dataclass(frozen=True)
class Outcome:
    """What became of one entry.

    Attributes
    ----------
    entry
        PDB code.
    name
        Of its file in the directory.
    status
        ``kept``: it was there, whole. ``replaced``: it was there, but damaged or altered. ``missing``: no
        source has it. ``not tried``: the run ended before.
    reason
        Why there is no file, source by source.
    sha256
        Of the file, where there is one.
    size
        Bytes of the file.
    """

    entry: str
    name: str
    status: Status
    reason: str = ""
    sha256: str = ""
    size: int = 0

    @property
    def here(self) -> bool:
        """Whether the file lies, whole, in the directory."""
        return self.status in ("kept", "fetched", "replaced")


def fetch_entries(
    entries: Sequence[str],
    directory: Path,
    kind: StructureFormat,
    sources: Sequence[Source],
    *,
    manners: Manners = POLITE,
    jobs: int = 2,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Download the files that are not there yet, and note their SHA-256 in `SHA256SUMS`.

    A file is there when its sum is the noted one, or, without a sum, when it is whole and of its format.
    Interrupted at any point, the same call goes on where it stopped.

    Parameters
    ----------
    entries
        Lower-case PDB codes, each once.
    directory
        Where the files go; it is made when absent.
    kind
        Format of the files; they are kept gzipped.
    sources
        Asked in turn until one has the file.
    manners
        How the servers are treated.
    jobs
        Connections at a time.
    tell
        Called with each outcome as it comes.

    Returns
    -------
    One outcome for each entry, in their order.

    Raises
    ------
    UserError
        When `SHA256SUMS` cannot be read, a file lies in place of the directory, or another process downloads
        into it.
    OSError
        When a file cannot be written; what has arrived stays for the next call.
    """
    _make_directory(directory)
    outcomes: dict[str, Outcome] = {}
    written = time.monotonic()
    with _alone_in(directory), closing(Downloader(manners, jobs)) as downloader:
        sums = read_sums(directory)
        request = _Request(directory, kind, tuple(sources), dict(sums), downloader)
        try:
            with closing(_in_parallel(request, entries, jobs)) as arriving:
                for outcome in arriving:
                    outcomes[outcome.entry] = outcome
                    if outcome.here:
                        sums[outcome.name] = outcome.sha256
                    tell(outcome)
                    if time.monotonic() - written > _SECONDS_BETWEEN_SUMS:
                        write_sums(directory, sums)
                        written = time.monotonic()
        finally:
            write_sums(directory, sums)
    return [outcomes.get(entry, Outcome(entry, _name(entry, kind), "not tried")) for entry in entries]


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"the directory {directory}", "there is a file in its place", "choose another"
        ) from error


@contextmanager
def _alone_in(directory: Path) -> Generator[None]:
    """Keep other processes from downloading into the directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however that ends
    except BlockingIOError:
        found = "another process downloads into it"
        raise UserError(f"the directory {directory}", found, "wait for it, or end it") from None


@dataclass(frozen=True)
class _Request:
    """What is common to all entries of a run."""

    directory: Path
    kind: StructureFormat
    sources: tuple[Source, ...]
    noted: Mapping[str, str]
    downloader: Downloader


def _in_parallel(request: _Request, entries: Sequence[str], jobs: int) -> Generator[Outcome]:
    """Yield outcomes as they come, until all are there or the connection seems to be down."""
    waiting = iter(entries)
    running: set[Future[Outcome]] = set()
    in_a_row = 0
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while in_a_row < GIVE_UP_AFTER:
                for entry in waiting:
                    running.add(pool.submit(_fetch, request, entry))
                    if len(running) >= 2 * jobs:
                        break
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for outcome in (future.result() for future in done):
                    if outcome.status != "kept":
                        in_a_row = in_a_row + 1 if outcome.status == "failed" else 0
                    yield outcome
        finally:  # also after an interrupt or a full disk: the threads end at their next chunk
            request.downloader.stop()


def _fetch(request: _Request, entry: str) -> Outcome:
    name = _name(entry, request.kind)
    path = request.directory / name
    present = path.is_file()
    if present and (sha256 := _sum_if_whole(path, request)):
        return Outcome(entry, name, "kept", sha256=sha256, size=path.stat().st_size)
    reasons = ["the file that is here is damaged or altered"] if present else []
    all_missing = True
    for source in request.sources:
        try:
            _fetch_from(request, source.url(entry, request.kind), path)
        except DownloadError as error:
            reasons.append(f"{source.name}: {error}")
            all_missing &= error.missing
        except Stopped:
            return Outcome(entry, name, "not tried")
        else:
            status: Status = "replaced" if present else "fetched"
            return Outcome(entry, name, status, sha256=sha256_of(path), size=path.stat().st_size)
    return Outcome(entry, name, "missing" if all_missing else "failed", "; ".join(reasons))


def _fetch_from(request: _Request, url: str, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    request.downloader.download(url, part, lambda body: check_structure_file(body, request.kind))
    keep_gzipped(part, path)
    discard(part)


def _sum_if_whole(path: Path, request: _Request) -> str:
    """Return the sum of a file that is as it was noted, or whole where nothing is noted; else nothing."""
    sha256 = sha256_of(path)
    if path.name in request.noted:
        return sha256 if sha256 == request.noted[path.name] else ""
    try:
        check_structure_file(path, request.kind)
    except BadBodyError:
        return ""
    return sha256


def _name(entry: str, kind: StructureFormat) -> str:
    return f"{entry}.{EXTENSIONS[kind]}"
