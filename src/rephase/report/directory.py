"""The report of an output directory, written again from the files in it."""

from pathlib import Path

import numpy as np

from rephase.io.ccp4map import read_ccp4_map
from rephase.io.model import read_model
from rephase.report.html import write_report
from rephase.report.map_view import PEAK_ELEMENT, Atoms, MapForReport
from rephase.report.results import read_results

RESULTS, MAP, REPORT = "results.json", "map.ccp4", "report.html"
PEAKS = "peaks.pdb"
MODELS = ("model.cif", "model.pdb", PEAKS)
"""Names under which a model is looked for; the first one there is shown."""
_DUMMY = "DUM"  # residue name of peaks written as a model


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
    density, cell, spacegroup = read_ccp4_map(directory / MAP)
    models = [directory / name for name in MODELS if (directory / name).is_file()]
    a, b, c, alpha, beta, gamma = cell.parameters
    return MapForReport(
        grid=density.astype(np.float32),
        cell=(a, b, c, alpha, beta, gamma),
        spacegroup=spacegroup.xhm(),
        atoms=atoms_of_model(models[0]) if models else None,
    )


def atoms_of_model(path: Path) -> Atoms:
    """Read the atoms of a model, without hydrogens and alternatives; dummy atoms count as map peaks."""
    structure = read_model(path).structure
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    found = list(structure[0].all())
    return Atoms(
        xyz_cart=np.array([site.atom.pos.tolist() for site in found]).reshape(-1, 3),
        elements=tuple(
            PEAK_ELEMENT if site.residue.name == _DUMMY else site.atom.element.name for site in found
        ),
        labels=tuple(
            f"{site.chain.name} {site.residue.seqid} {site.residue.name} {site.atom.name}" for site in found
        ),
    )
