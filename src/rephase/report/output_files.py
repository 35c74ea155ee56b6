"""The files of an output directory: phases and maps of one hand or both, and what each file is for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.density_map import density_map
from rephase.io.ccp4map import write_ccp4_map
from rephase.io.observations import Observations
from rephase.io.phased import write_phased_mtz
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.report.directory import MAP, REPORT, RESULTS
from rephase.report.results import OutputFile
from rephase.report.viewers import CHIMERAX_SCRIPT, COOT_SCRIPT, PYMOL_SCRIPT

FloatArray = NDArray[np.float64]

LOG, PHASED = "solve.log", "phased.mtz"
OTHER_PHASED, OTHER_MAP = "phased_other_hand.mtz", "map_other_hand.ccp4"
_OURS = (
    *(LOG, PHASED, MAP, OTHER_PHASED, OTHER_MAP, RESULTS, REPORT),
    *(COOT_SCRIPT, CHIMERAX_SCRIPT, PYMOL_SCRIPT),
)


def make_room(output: Path) -> None:
    """Make the directory, or clear it of the files of an earlier run; what is not ours stays."""
    output.mkdir(parents=True, exist_ok=True)
    for name in _OURS:
        (output / name).unlink(missing_ok=True)


def write_hand(
    paths: tuple[Path, Path],
    observed: Observations,
    prepared: PreparedData,
    solution: Solution,
    phi: FloatArray,
) -> tuple[float, tuple[str, ...]]:
    """Write the MTZ file and the map of one hand.

    Parameters
    ----------
    paths
        Of the MTZ file and of the map.
    observed
        The user's columns.
    prepared, solution
        Amplitudes, figures of merit and verdict.
    phi
        Phases of this hand in radians, shape ``(n,)``.

    Returns
    -------
    The r.m.s. of the map, and sentences about renamed columns.
    """
    data, judgement = prepared.reflections, solution.judgement
    history = (f"rephase: {judgement.word}, free correlation {judgement.figure:.2f}",)
    notes = write_phased_mtz(paths[0], observed.source, data.hkl, phi, solution.fom, data.f, history)
    density = density_map(data.hkl, solution.fom * data.f, phi, data.cell, data.spacegroup)
    write_ccp4_map(paths[1], density, data.cell, data.spacegroup)
    return float(np.sqrt(np.mean(np.square(density, dtype=np.float64)))), notes


def list_files(both_hands: bool) -> tuple[OutputFile, ...]:
    """Describe the files of the output directory."""
    rows = [
        (REPORT, "this report: verdict, data, phasing, map", "any web browser"),
        (PHASED, "your columns, phases and map coefficients", f"coot --script {COOT_SCRIPT}"),
        (MAP, "the map, weighted by figures of merit", f"chimerax {CHIMERAX_SCRIPT}"),
    ]
    if both_hands:
        rows.append((OTHER_PHASED, "the same for the mirror image", f"coot --auto {OTHER_PHASED}"))
        rows.append((OTHER_MAP, "map of the mirror image", f"chimerax {OTHER_MAP}"))
    rows += [
        (COOT_SCRIPT, "opens the map in Coot", f"coot --script {COOT_SCRIPT}"),
        (CHIMERAX_SCRIPT, "opens the map in ChimeraX", f"chimerax {CHIMERAX_SCRIPT}"),
        (PYMOL_SCRIPT, "opens the map in PyMOL", f"pymol {PYMOL_SCRIPT}"),
        (RESULTS, "every figure of the report, for programs", ""),
        (LOG, "what was printed", ""),
    ]
    return tuple(OutputFile(name=name, what=what, how_to_open=how) for name, what, how in rows)
