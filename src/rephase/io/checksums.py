"""SHA-256 sums of the files in a directory, in a file that ``sha256sum --check`` understands."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/]+)")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_sums(directory: Path) -> dict[str, str]:
    """Read `SHA256SUMS` of a directory: file name → hexadecimal sum; empty where there is none.

    Raises
    ------
    UserError
        When a line is no sum and name.
    """
    path = directory / SUMS
    if not path.is_file():
        return {}
    sums = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise UserError(
                f"a SHA-256 sum and a file name in line {number} of {path}",
                repr(line[:80]),
                f"delete {path}: the files are then checked by their content",
            )
        sums[found[2]] = found[1]
    return sums


def write_sums(directory: Path, sums: Mapping[str, str]) -> None:
    """Write `SHA256SUMS`, sorted by name and replaced in one step; files that are gone are left out."""
    lines = [f"{sums[name]}  {name}\n" for name in sorted(sums) if (directory / name).is_file()]
    write_whole(directory / SUMS, "".join(lines).encode())
