"""The files of an output directory: phases and maps of one hand or both, and what each file is for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.density_map import density_map
from rephase.io.ccp4map import write_ccp4_map
from rephase.io.model import peak_structure, write_model
from rephase.io.observations import Observations
from rephase.io.phased import write_phased_mtz
from rephase.phasing.constraints import VOLUME_PER_ATOM
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.report.directory import MAP, PEAKS, REPORT, RESULTS
from rephase.report.map_view import MapForReport
from rephase.report.peaks import unique_peaks
from rephase.report.results import OutputFile
from rephase.report.viewers import CHIMERAX_SCRIPT, COOT_SCRIPT, PYMOL_SCRIPT

FloatArray = NDArray[np.float64]

LOG, PHASED = "solve.log", "phased.mtz"
MODIFY_LOG = "modify.log"
OTHER_PHASED, OTHER_MAP = "phased_other_hand.mtz", "map_other_hand.ccp4"
_DESCRIPTIONS = {
    REPORT: ("verdict, data, phasing, map", "any web browser"),
    PHASED: ("your columns, phases and map coefficients", f"coot --script {COOT_SCRIPT}"),
    MAP: ("the map, weighted by figures of merit", f"chimerax {CHIMERAX_SCRIPT}"),
    PEAKS: ("highest peaks of the map as dummy atoms", f"coot --script {COOT_SCRIPT}"),
    OTHER_PHASED: ("phases of the mirror image", f"coot --auto {OTHER_PHASED}"),
    OTHER_MAP: ("map of the mirror image", f"chimerax {OTHER_MAP}"),
    COOT_SCRIPT: ("opens the map in Coot", f"coot --script {COOT_SCRIPT}"),
    CHIMERAX_SCRIPT: ("opens the map in ChimeraX", f"chimerax {CHIMERAX_SCRIPT}"),
    PYMOL_SCRIPT: ("opens the map in PyMOL", f"pymol {PYMOL_SCRIPT}"),
    RESULTS: ("every figure of the report, for programs", ""),
    LOG: ("what was printed", ""),
    MODIFY_LOG: ("what was printed", ""),
}


def make_room(output: Path) -> None:
    """Make the directory, or clear it of the files of an earlier run; what is not ours stays."""
    output.mkdir(parents=True, exist_ok=True)
    for name in _DESCRIPTIONS:
        (output / name).unlink(missing_ok=True)


def describe_files(output: Path) -> tuple[OutputFile, ...]:
    """List the files of the directory; those that are written last are there in any case."""
    return tuple(
        OutputFile(name=name, what=what, how_to_open=how)
        for name, (what, how) in _DESCRIPTIONS.items()
        if name in (REPORT, RESULTS) or (output / name).exists()
    )


def write_hand(
    mtz: Path,
    map_: Path,
    observed: Observations,
    prepared: PreparedData,
    solution: Solution,
    phi: FloatArray,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Write the MTZ file and the map of one hand.

    Parameters
    ----------
    mtz, map_
        Files to write.
    observed
        The user's columns.
    prepared, solution
        Amplitudes, figures of merit and verdict.
    phi
        Phases of this hand in radians, shape ``(n,)``.

    Returns
    -------
    The map over one cell, shape ``(nu, nv, nw)``, and sentences about renamed columns.
    """
    data, judgement = prepared.reflections, solution.judgement
    history = (f"rephase: {judgement.word}, free correlation {judgement.figure:.2f}",)
    notes = write_phased_mtz(mtz, observed.source, data.hkl, phi, solution.fom, data.f, history)
    density = density_map(data.hkl, solution.fom * data.f, phi, data.cell, data.spacegroup)
    write_ccp4_map(map_, density, data.cell, data.spacegroup)
    return density, notes


def write_peaks(
    path: Path, density: NDArray[np.float32], prepared: PreparedData, atoms: float | None
) -> None:
    """Write the highest peaks of the asymmetric unit as dummy atoms.

    Parameters
    ----------
    path
        PDB file to write.
    density
        Map over one cell, shape ``(nu, nv, nw)``.
    prepared
        The crystal.
    atoms
        Expected number of atoms other than hydrogen; as many as there is room for where it is None.
    """
    cell, spacegroup = prepared.reflections.cell, prepared.reflections.spacegroup
    room = cell.volume / len(spacegroup.operations()) / VOLUME_PER_ATOM
    a, b, c, alpha, beta, gamma = cell.parameters
    map_ = MapForReport(density, (a, b, c, alpha, beta, gamma), spacegroup.xhm())
    xyz, heights = unique_peaks(map_, round(room if atoms is None else atoms))
    if len(xyz):
        write_model(path, peak_structure(xyz, heights, cell, spacegroup))
