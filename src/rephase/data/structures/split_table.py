"""Tables that say which entries are trained on and which are held out."""

import csv
import re
from pathlib import Path

from rephase.data.fragments import SPLITS, Split
from rephase.errors import UserError
from rephase.io.pdb_codes import shortened

_WANTED = "a table with the columns id and split"
_LARGEST = 256 * 2**20  # bytes
_SYNONYMS: dict[str, Split] = {"training": "train", "valid": "val", "validation": "val", "dev": "val"}
_EXTENDED = re.compile(r"PDB_[0-9A-Z]{8}")


def read_split_table(path: Path | str) -> dict[str, Split]:
    """Read the split of each entry; the first line names the columns, tabs, commas or blanks part them.

    Ids may be PDB ids, entities such as 4AZ3_1, or fragments such as 4AZ3_1.pd_11: the entry counts.

    Returns
    -------
    Splits by PDB id in capitals.

    Raises
    ------
    UserError
        When the file is missing or no such table, a split is unknown, or an entry has two.
    """
    path = Path(path)
    lines = _lines(path)
    if not lines:
        raise UserError(_WANTED, f"{path} is empty", "give a table like manifest.tsv")
    part = next((mark for mark in ("\t", ",", ";") if mark in lines[0][1]), None)
    header = [name.lower() for name in _cells(lines[0][1], part)]
    if not {"id", "split"} <= set(header):
        raise UserError(
            _WANTED, f"{path} begins with {lines[0][1][:80]!r}", "name its columns in the first line"
        )
    id_column, split_column = header.index("id"), header.index("split")
    splits: dict[str, Split] = {}
    for number, line in lines[1:]:
        cells = _cells(line, part)
        if len(cells) <= max(id_column, split_column) or not cells[id_column]:
            raise UserError(_WANTED, f"{path}, line {number}: {line[:80]!r}", "complete the line")
        entry, split = entry_of(cells[id_column]), _split(cells[split_column], path, number)
        if splits.setdefault(entry, split) != split:
            raise UserError(
                "one split for each entry",
                f"{path}, line {number}: {entry} is also {splits[entry]}",
                "decide",
            )
    return splits


def _cells(line: str, part: str | None) -> list[str]:
    """Take a line apart at a character, outside of quotes, or at blanks."""
    try:
        cells = line.split() if part is None else next(csv.reader([line], delimiter=part))
    except csv.Error as error:  # a cell of more than 128 kB
        raise UserError(_WANTED, f"{line[:80]!r}: {error}", "correct the table") from error
    return [cell.strip() for cell in cells]


def entry_of(name: str) -> str:
    """Return the PDB id, in capitals, of an entry, an entity or a fragment."""
    text = name.strip().upper()
    extended = _EXTENDED.match(text)
    return shortened(extended[0]) if extended else text.split("_")[0]


def _split(text: str, path: Path, number: int) -> Split:
    name = text.lower()
    for split in SPLITS:
        if name == split or _SYNONYMS.get(name) == split:
            return split
    raise UserError(
        f"a split: {', '.join(SPLITS)}", f"{path}, line {number}: {text[:40]!r}", "correct the table"
    )


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return lines that are neither empty nor comments, with their numbers."""
    if not path.is_file():
        raise UserError(_WANTED, f"{path} is not a file", "check the path")
    if path.stat().st_size > _LARGEST:
        raise UserError(_WANTED, f"{path} has {path.stat().st_size} bytes", "give a table of entries")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(_WANTED, f"{path}: {error}", "give a text file") from error
    lines = enumerate(text.splitlines(), 1)
    return [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
