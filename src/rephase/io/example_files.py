"""Files of an example crystal: what an experiment would give, and the truth behind it."""

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.reflections import IndexArray, Reflections
from rephase.errors import UserError


def check_new_directory(target: Path, force: bool) -> None:
    """Raise a UserError where `target` is a file, or exists and `force` is false."""
    if target.exists() and not target.is_dir():
        raise UserError(f"a new directory {target}", "a file of that name", "give another name")
    if target.exists() and not force:
        raise UserError(
            f"a new directory {target}",
            "it exists already",
            "give another name, or add --force to replace it",
        )


def write_measured_mtz(path: Path, reflections: Reflections, free: NDArray[np.int64]) -> None:
    """Write FP, SIGFP and FreeR_flag, one row per unique reflection.

    Parameters
    ----------
    path
        File to write.
    reflections
        Amplitudes and their standard uncertainties.
    free
        Set of each reflection, shape ``(n,)``; set 0 is the test set, as in CCP4.
    """
    columns = [("FP", "F", reflections.f), ("SIGFP", "Q", reflections.sigf), ("FreeR_flag", "I", free)]
    _write_mtz(path, reflections.hkl, reflections.cell, reflections.spacegroup, columns)


def write_phased_mtz(
    path: Path,
    hkl: IndexArray,
    f_complex: NDArray[np.complex128],
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
) -> None:
    """Write structure factors, shape ``(n,)``, as FC and PHIC in degrees."""
    columns = [("FC", "F", np.abs(f_complex)), ("PHIC", "P", np.degrees(np.angle(f_complex)))]
    _write_mtz(path, hkl, cell, spacegroup, columns)


def _write_mtz(
    path: Path,
    hkl: IndexArray,
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
    columns: Sequence[tuple[str, str, NDArray[np.number]]],
) -> None:
    mtz = gemmi.Mtz(with_base=True)
    mtz.title = "rephase example"
    mtz.spacegroup = spacegroup
    mtz.set_cell_for_all(cell)
    mtz.add_dataset("example")
    for label, column_type, _ in columns:
        mtz.add_column(label, column_type)
    table = np.column_stack([hkl, *(values for _, _, values in columns)])
    mtz.set_data(table.astype(np.float32))
    mtz.write_to_file(str(path))


def write_fasta(path: Path, name: str, sequence: str) -> None:
    """Write one sequence in FASTA format, 60 letters a line."""
    lines = [sequence[start : start + 60] for start in range(0, len(sequence), 60)]
    path.write_text("\n".join([f">{name}", *lines, ""]), encoding="utf-8")


def write_pdb(path: Path, structure: gemmi.Structure) -> None:
    """Write a structure in PDB format."""
    path.write_text(structure.make_pdb_string(), encoding="utf-8")
