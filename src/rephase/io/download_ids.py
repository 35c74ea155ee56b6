"""Which entries of the Protein Data Bank to download: codes as words, or listed in files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rephase.errors import UserError
from rephase.io.pdb_codes import shortened

_SHORT = re.compile(r"[1-9][0-9a-z]{3}")
_EXTENDED = re.compile(r"pdb_[0-9a-z]{8}")


def read_entry_ids(words: Sequence[str]) -> list[str]:
    """Read PDB codes, each once, in the order of their first mention.

    Parameters
    ----------
    words
        Codes such as 1ABC or pdb_00001abc, in either case and separated by commas or spaces; and files of
        codes, as ``@list.txt`` or ``list.txt``, where # begins a comment.

    Returns
    -------
    Lower-case codes; an extended one is shortened where it has four characters of its own.

    Raises
    ------
    UserError
        When a word is no code, a file cannot be read, or there is no code at all.
    """
    found = [entry_id(text, place) for word in words for text, place in _texts(word)]
    if not found:
        raise UserError("PDB codes", "none", "type for example 1ubq 4hhb, or @list.txt for a file of codes")
    return list(dict.fromkeys(found))


def entry_id(text: str, place: str = "") -> str:
    """Return one PDB code in its canonical form.

    Parameters
    ----------
    text
        The code, in either case.
    place
        Where it was found, for the message.

    Raises
    ------
    UserError
        When it is no PDB code.
    """
    code = shortened(text.lower())
    if not (_SHORT.fullmatch(code) or _EXTENDED.fullmatch(code)):
        raise UserError(
            "a PDB code, such as 1abc or pdb_00001abc",
            f"{text!r}{place}",
            "correct it; a file of codes is given as @list.txt",
        )
    return code


def _texts(word: str) -> Iterator[tuple[str, str]]:
    """Yield the codes of a word, or of the file that it names, each with its place."""
    if word.startswith("@"):
        yield from _listed(Path(word[1:]).expanduser())
    elif Path(word).is_file() and not _SHORT.fullmatch(word.lower()):
        yield from _listed(Path(word))
    else:
        yield from ((text, "") for text in _split(word))


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text file"
        raise UserError("a file of PDB codes", f"{path}: {reason}", "check the path") from error
    for number, line in enumerate(lines, start=1):
        yield from ((text, f" in line {number} of {path}") for text in _split(line.partition("#")[0]))


def _split(text: str) -> list[str]:
    return text.replace(",", " ").split()
