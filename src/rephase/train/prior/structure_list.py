"""The whole entries that a prior is trained on, as a table beside them lists them."""

import csv
from pathlib import Path

from rephase.data.fragments import Split
from rephase.data.structures.split_table import read_split_table
from rephase.errors import UserError

MANIFEST = "manifest.tsv"
_WANTED = f"a folder of structures with {MANIFEST}, of the columns id, file and split"


def structure_list(folder: Path, split: Split) -> list[Path]:
    """List the files of a split, in the order of the table.

    Parameters
    ----------
    folder
        Holds the table, separated by tabs, and the files it names.
    split
        Those wanted.

    Raises
    ------
    UserError
        When the table or one of its columns is missing, a file is not there, or none is of the split.
    """
    table = folder / MANIFEST
    splits = read_split_table(table)
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if not rows or "file" not in rows[0] or "id" not in rows[0]:
        raise UserError(_WANTED, f"{table} without the column file", "name it in the first line")
    found = [folder / (row["file"] or "") for row in rows if splits.get((row["id"] or "").upper()) == split]
    if not found:
        raise UserError(f"structures of the split {split}", f"none in {table}", "complete the table")
    for path in found:
        if not path.is_file():
            raise UserError(f"the files that {table} names", f"no file {path}", "copy them again")
    return found
