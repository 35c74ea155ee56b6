"""The files that a set is built from: found, named and summed, in an order that no folder decides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rephase.data.sets.set_record import printable
from rephase.errors import UserError
from rephase.io.checksums import sha256_of

LISTS = {".txt", ".list", ".lst"}
_STRUCTURES = {".pdb", ".ent", ".cif", ".mmcif", ".bcif"}


@dataclass(frozen=True, order=True)
class Source:
    """A file with a structure.

    Attributes
    ----------
    name
        Its path below the directory that was given, else its own name.
    sha256
        Of its content; empty where it cannot be read.
    path
        Where it is.
    """

    name: str
    sha256: str
    path: Path


def find_files(given: Sequence[Path]) -> dict[Path, str]:
    """Find the files that are meant by paths of structures, directories and lists.

    Parameters
    ----------
    given
        A directory stands for every file in and below it whose name is that of a structure; a file named
        .txt, .list or .lst for the paths in its lines, relative to itself, where # begins a comment.

    Returns
    -------
    The name of each file: its path below the directory that was given, else its own.

    Raises
    ------
    UserError
        When a path is missing, or there is no structure at all.
    """
    found = {path.absolute(): name for one in given for name, path in _expand(one)}
    if not found:
        places = ", ".join(map(str, given)) or "no path"
        raise UserError(
            "structures", f"none in {places}", "give .pdb, .ent, .cif or .bcif files, or .gz of them"
        )
    return found


def sum_files(names: Mapping[Path, str], advance: Callable[[int], None] = lambda files: None) -> list[Source]:
    """Sum the content of files, and sort them by name and sum; equal ones count once.

    Parameters
    ----------
    names
        As of `find_files`.
    advance
        Called with the number of files summed.
    """
    sources: dict[tuple[str, str], Source] = {}
    for path, name in sorted(names.items()):
        source = Source(printable(name), _sum(path), path)
        sources.setdefault((source.name, source.sha256), source)
        advance(1)
    return sorted(sources.values())


def _expand(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield names and paths of the structures that one path stands for."""
    if path.is_dir():
        for file in path.rglob("*"):
            if _named_as_structure(file) and (file.is_file() or _leads_nowhere(file)):
                yield file.relative_to(path).as_posix(), file
    elif path.suffix.lower() in LISTS and path.is_file():
        yield from ((file.name, file) for file in _listed(path))
    elif path.is_file():
        yield path.name, path
    else:
        found = f"{path} is none of these" if path.exists() else f"no file {path}"
        raise UserError("a structure, a directory or a list", found, "check the path")


def _leads_nowhere(file: Path) -> bool:
    """Tell whether a file is a link to what is not there: it is reported as missing when it is read."""
    return file.is_symlink() and not file.exists()


def _named_as_structure(file: Path) -> bool:
    name = file.name.lower().removesuffix(".gz")
    return Path(name).suffix in _STRUCTURES


def _listed(path: Path) -> Iterator[Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError("a list of paths", f"{path} is no text", "write one path on a line") from None
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text:
            file = path.parent / text
            if not file.is_file():
                raise UserError(
                    f"a structure in line {number} of {path}", f"no file {file}", "correct the list"
                )
            yield file


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:  # reported when the file is read
        return ""
