"""The report of an output directory, written again from the files in it."""

from pathlib import Path

import gemmi
import numpy as np

from rephase.errors import UserError
from rephase.report.html import write_report
from rephase.report.map_view import Atoms, MapForReport
from rephase.report.results import read_results

RESULTS, MAP, REPORT = "results.json", "map.ccp4", "report.html"
MODELS = ("model.cif", "model.pdb")
"""Names under which a model is looked for; the first one there is shown."""


def report_of_directory(directory: Path) -> Path:
    """Write `report.html` from `results.json`, `map.ccp4` and, where there is one, the model.

    Parameters
    ----------
    directory
        Output directory of `rephase solve`.

    Returns
    -------
    Path of the report.

    Raises
    ------
    UserError
        When a file is missing or cannot be read.
    """
    results = read_results(directory / RESULTS)
    path = directory / REPORT
    write_report(results, map_of_directory(directory), path)
    return path


def map_of_directory(directory: Path) -> MapForReport:
    """Read `map.ccp4`, and the model where there is one."""
    grid = _read_grid(directory / MAP)
    models = [directory / name for name in MODELS if (directory / name).is_file()]
    spacegroup = grid.spacegroup or gemmi.SpaceGroup("P 1")
    a, b, c, alpha, beta, gamma = grid.unit_cell.parameters
    return MapForReport(
        grid=np.array(grid, dtype=np.float32),
        cell=(a, b, c, alpha, beta, gamma),
        spacegroup=spacegroup.xhm(),
        atoms=atoms_of_model(models[0]) if models else None,
    )


def atoms_of_model(path: Path) -> Atoms:
    """Read the atoms of the first model of a PDB or mmCIF file, without hydrogens and alternatives."""
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError) as error:
        raise _unreadable("a PDB or mmCIF file", path, str(error)) from error
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    found = list(structure[0].all()) if len(structure) else []
    return Atoms(
        xyz_cart=np.array([cra.atom.pos.tolist() for cra in found]).reshape(-1, 3),
        elements=tuple(cra.atom.element.name for cra in found),
        labels=tuple(
            f"{cra.chain.name} {cra.residue.seqid} {cra.residue.name} {cra.atom.name}" for cra in found
        ),
    )


def _read_grid(path: Path) -> gemmi.FloatGrid:
    """Grid over the whole unit cell, axes in the order of the cell edges."""
    if not path.is_file():
        raise UserError(
            wanted=f"the map {path.name} beside {RESULTS}",
            found=f"no file {path}",
            do="run `rephase solve` again, or put the map back",
        )
    try:
        grid = gemmi.read_ccp4_map(str(path), setup=True).grid
    except (RuntimeError, ValueError) as error:
        raise _unreadable("a CCP4 map", path, str(error)) from error
    if not np.isfinite(np.array(grid, copy=False)).all():
        raise _unreadable("a map of the whole unit cell", path, "points without a value")
    return grid


def _unreadable(wanted: str, path: Path, found: str) -> UserError:
    return UserError(wanted=wanted, found=f"{path}: {found}", do="run `rephase solve` again")
