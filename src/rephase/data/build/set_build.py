"""Building a set from structures: every file on its own, then clusters and splits of all, then the shards."""

import contextlib
import errno
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from rephase import __version__
from rephase.data.build.assembly import Assembly, assemble, set_parts
from rephase.data.build.executors import LOST, R, Results, T
from rephase.data.build.parts import part_name, read_part, write_part
from rephase.data.build.sources import Source, find_files, sum_files
from rephase.data.build.task import Batch, FileFacts, FileResult, extract_batch
from rephase.data.fragments import Split
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import RECORD, SetOrigin, SetRecord
from rephase.data.sets.set_writer import staging, write_staged
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.split_table import read_split_table
from rephase.errors import UserError
from rephase.io.config import dump_config
from rephase.logs import Log, counted

FILES_PER_BATCH = 16  # some seconds of work
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Runner(Protocol):
    """One of the ways in `rephase.data.build.executors`, all but its task and items filled in."""

    def __call__(self, task: Callable[[T], R], items: Sequence[T]) -> Results[R]:
        """Yield the number and result of every item, in any order."""


def build_set(
    structures: Sequence[Path],
    path: Path,
    config: BuildConfig,
    run: Runner,
    log: Log,
    *,
    split_table: Path | None = None,
    force: bool = False,
) -> SetRecord:
    """Build a set, going on where an interrupted build of the same sources and settings stopped.

    The bytes of the set depend on its name, the sources and the settings alone: not on the order of the
    files, how the work was shared, nor how often it was interrupted.

    Parameters
    ----------
    structures
        Files, directories and lists, as `find_files` takes them.
    path
        Directory of the set; what is done so far lies in ``NAME.partial``.
    config
        The rules.
    run
        Where the work is done.
    log
        What is said.
    split_table
        Table with the columns id and split, which is binding.
    force
        Replace a set of that name.

    Raises
    ------
    UserError
        When there are no structures or no fragments, `path` holds another set, or the disk is full.
    """
    log.stage("Sources")
    table = None if split_table is None else read_split_table(split_table)
    names = find_files(structures)
    with log.progress(len(names), "files") as advance:
        sources = sum_files(names, advance)
    key = _key(sources, config, table)
    done = None if force else _already_built(path, key)
    if done is not None:
        log.say(
            f"{path} is already built from {counted(len(sources), 'file')} and these settings: nothing to do"
        )
        return done
    log.say(counted(len(sources), "file"))
    with staging(path, force) as partial, _full_disk_explained(path):
        log.stage("Fragments")
        files = _extract(sources, config, partial / "parts", run, log)
        log.stage("Clusters and splits")
        plan = assemble(files, config, table)
        log.say(", ".join(f"{name}: {value}" for name, value in plan.notes.items()))
        _check_any(plan)
        log.stage("Shards")
        origin = SetOrigin(
            command="rephase data build",
            key=key,
            config=config.model_dump(mode="json"),
            sources=len(sources),
            rejected=plan.rejected,
            skipped=plan.skipped,
            notes=plan.notes,
        )
        with log.progress(plan.fragments, "fragments") as advance:
            return write_staged(
                path, partial, set_parts(files, plan), origin, seed=config.seed, advance=advance
            )


def _key(sources: Sequence[Source], config: BuildConfig, table: dict[str, Split] | None) -> str:
    """Sum everything that the set depends on."""
    files = [[source.name, source.sha256] for source in sources]
    text = json.dumps([__version__, dump_config(config), table, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _already_built(path: Path, key: str) -> SetRecord | None:
    """Return the record of a complete set of these sources and settings, None where there is nothing."""
    if not (path / RECORD).is_file():  # nothing, or nothing that may be replaced, as the writer will say
        return None
    record = FragmentSet.open(path).record
    if record.origin.key != key:
        raise UserError(
            f"a set of these sources and settings at {path}",
            "one of other sources, settings or another version of the program",
            "give another name, or add --force to build it anew",
        )
    return record


def _extract(
    sources: Sequence[Source], config: BuildConfig, folder: Path, run: Runner, log: Log
) -> list[Path]:
    """Work off all batches that are not there yet; return the files of all batches in order."""
    starts = range(0, len(sources), FILES_PER_BATCH)
    batches = [Batch(tuple(sources[first : first + FILES_PER_BATCH]), config) for first in starts]
    files = [folder / part_name(batch) for batch in batches]
    folder.mkdir(exist_ok=True)
    for other in set(folder.iterdir()) - set(files):
        other.unlink()
    todo = [number for number, file in enumerate(files) if read_part(file) is None]
    if len(todo) < len(files):
        log.say(f"going on: {len(files) - len(todo)} of {len(files)} batches are there")
    with log.progress(sum(len(batches[number].sources) for number in todo), "files") as advance:
        lost = []
        for done, result in run(extract_batch, [batches[number] for number in todo]):
            number = todo[done]
            if result is LOST:
                lost.append(number)
                continue
            write_part(files[number], result)
            advance(len(batches[number].sources))
        for number in sorted(lost):
            write_part(files[number], _one_by_one(batches[number], run))
            advance(len(batches[number].sources))
    return files


def _one_by_one(batch: Batch, run: Runner) -> list[FileResult]:
    """Extract the files of a batch that killed its process, each in a task of its own."""
    results: dict[int, FileResult] = {}
    singles = [Batch((source,), batch.config) for source in batch.sources]
    for number, result in run(extract_batch, singles):
        facts = FileFacts(name=batch.sources[number].name, reason=LOST.value)
        results[number] = FileResult(facts) if result is LOST else result[0]
    return [results[number] for number in range(len(singles))]


def _check_any(plan: Assembly) -> None:
    """Raise a UserError that tells what left everything out, where nothing stays."""
    if not plan.fragments:
        rejected = plan.rejected.items()
        rules = [f"{n} of the {kind} by {rule}" for kind, rules in rejected for rule, n in rules.items()]
        files = [f"{counted(len(plan.skipped), 'file')} that could not be used"] if plan.skipped else []
        first = [f"{plan.skipped[0].name}: {plan.skipped[0].reason}"] if plan.skipped else []
        raise UserError(
            "at least one fragment",
            f"none; left out: {', '.join([*rules, *files, *first])}",
            "loosen the rules, or give other files",
        )


@contextlib.contextmanager
def _full_disk_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise UserError(
            f"space on the disk of {path}",
            error.strerror or str(error),
            "free some, and give the same command again: it goes on where it stopped",
        ) from error
