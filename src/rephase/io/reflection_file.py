"""Open a reflection file, MTZ or mmCIF, plain or gzipped, as a `gemmi.Mtz`; explain what is wrong if not."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gemmi
import numpy as np

from rephase.crystal.symmetry import require_chiral
from rephase.errors import UserError

_WANTED = "a reflection file (MTZ or structure-factor mmCIF, plain or gzipped)"
_PARSER_ERRORS = (RuntimeError, ValueError, LookupError, ArithmeticError, OSError, EOFError, zlib.error)
_PDB_RECORDS = (b"HEADER", b"CRYST1", b"REMARK", b"ATOM  ", b"TITLE ")
_MERGE = "merge first (Aimless, dials.merge)"
_SHORTEST_EDGE = 2.0  # Å; no molecular crystal has a shorter cell edge, and 1 × 1 × 1 Å means "not set"


def read_reflection_file(path: Path | str) -> gemmi.Mtz:
    """Read merged reflections of one crystal.

    Parameters
    ----------
    path
        MTZ or structure-factor mmCIF; recognised by content, gzip included.

    Returns
    -------
    The file's columns; an mmCIF is converted, keeping `status` as a ``FreeR_flag`` column (0 = test set).

    Raises
    ------
    UserError
        Missing, empty, truncated or foreign file, unmerged data, no reflections.
    """
    path = Path(path)
    content = _read_bytes(path)
    with explaining(path):
        mtz = _mtz_from_file(path, content) if content.startswith(b"MTZ ") else _mtz_from_cif(path, content)
        _check_merged(path, mtz)
        _ = [column.label for column in mtz.columns]  # labels that are not text fail here, not later
    return mtz


def cell_and_spacegroup(mtz: gemmi.Mtz, dataset_id: int) -> tuple[gemmi.UnitCell, gemmi.SpaceGroup]:
    """Return the cell of a dataset and the space group, both checked.

    Raises
    ------
    UserError
        If either is missing, if they contradict each other, or if the group is not chiral.
    """
    cell = mtz.get_cell(dataset_id)
    if min(cell.a, cell.b, cell.c) < _SHORTEST_EDGE:
        cell = mtz.cell
    found = f"{cell.a:g} {cell.b:g} {cell.c:g} Å, {cell.alpha:g} {cell.beta:g} {cell.gamma:g}°"
    edges_good = np.isfinite(cell.parameters).all() and min(cell.a, cell.b, cell.c) >= _SHORTEST_EDGE
    if not (edges_good and np.isfinite(cell.volume) and cell.volume > 0.0):
        raise UserError("a unit cell", found, "write the unit cell into the file's header")
    spacegroup = require_chiral(mtz.spacegroup)
    if not cell.is_compatible_with_spacegroup(spacegroup, 0.01):
        raise UserError(
            f"a cell that {spacegroup.xhm()} allows", found, "correct the header, or phase in P1 with --in-p1"
        )
    return cell, spacegroup


@contextmanager
def explaining(path: Path, wanted: str = _WANTED) -> Iterator[None]:
    """Turn a parser's complaint about `path` into a `UserError`."""
    try:
        yield
    except _PARSER_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(wanted, f"{path}: {reason}", "check that the file is complete") from error


def _read_bytes(path: Path) -> bytes:
    if not path.exists():
        raise UserError(_WANTED, f"{path} does not exist", "check the spelling of the path")
    if not path.is_file():
        raise UserError(_WANTED, f"{path} is not a file", "give the file itself")
    with explaining(path):
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    if not content.strip():
        raise UserError(_WANTED, f"{path} is empty", "copy or download it again")
    return content


def _mtz_from_file(path: Path, content: bytes) -> gemmi.Mtz:
    mtz = gemmi.read_mtz_file(str(path))
    if mtz.nreflections == 0 or len(mtz.columns) < 3:
        raise UserError("reflections", f"{path} holds none ({len(content)} bytes)", "give another file")
    return mtz


def _mtz_from_cif(path: Path, content: bytes) -> gemmi.Mtz:
    try:
        document = gemmi.cif.read_string(content)
    except ValueError as error:
        if content.lstrip()[:6] in _PDB_RECORDS:
            found, do = f"{path} is a PDB file", "give the measured data, not a model"
        else:
            found, do = f"{path} is neither: {' '.join(str(error).split())}", "convert it to MTZ"
        raise UserError(_WANTED, found, do) from error
    if not any(block.find_values("_refln.index_h") for block in document):
        model = any(block.find_values("_atom_site.id") for block in document)
        found = "holds atoms, no reflections" if model else "holds no _refln loop"
        raise UserError(_WANTED, f"{path} {found}", "give the structure factors (…-sf.cif or MTZ)")
    for block in gemmi.as_refln_blocks(document):
        if block.default_loop is not None and block.is_merged():
            return gemmi.CifToMtz().convert_block_to_mtz(block)
    raise UserError("merged data", f"{path} holds unmerged data only", _MERGE)


def _check_merged(path: Path, mtz: gemmi.Mtz) -> None:
    if len(mtz.batches) > 0 or any(column.type == "Y" for column in mtz.columns):
        raise UserError(
            "merged data",
            f"{path} is an unmerged MTZ (batches, M/ISYM)",
            "merge first (Aimless, dials.merge)",
        )
