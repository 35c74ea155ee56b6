"""Comparison of two phase sets: match the reflections, find origin and hand, measure the agreement."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.evaluate.alignment import Alignment, HandFit, align
from rephase.evaluate.compatible_search import coarse_grid, coarse_origin
from rephase.evaluate.map_figures import map_correlation, p1_multiplicity
from rephase.evaluate.matching import MatchedSets, match
from rephase.evaluate.origins import Hand, enantiomorph, origin_shifts
from rephase.evaluate.phasematch_result import (
    ComparedSet,
    FomRow,
    HandFigures,
    MovedFile,
    Overall,
    PhaseMatch,
    ShellRow,
)
from rephase.evaluate.statistics import fom_table, shell_table, weighted_phase_error
from rephase.io.phase_sets import PhaseSet, write_moved

FloatArray = NDArray[np.float64]

CPHASEMATCH_FLOOR = 1.0  # cphasematch divides by max(sum, 1)
CLEAR_SIGMAS = 3.0  # hands closer than three standard errors of a correlation are called undecided


def compare(first: PhaseSet, second: PhaseSet) -> PhaseMatch:
    """Compare two phase sets at the exact origin, with both hands' figures.

    Parameters
    ----------
    first, second
        From `rephase.io.phase_sets.read_phase_set`; the second is moved onto the first.

    Returns
    -------
    PhaseMatch
        The comparison, with shells of equal numbers of common reflections.

    Raises
    ------
    UserError
        Different cells, space groups that no move brings together, no common reflections.
    """
    sets = match(first, second)
    use = sets.common
    found = align(
        sets.hkl[use],
        sets.f1[use],
        sets.phi1[use],
        sets.f2[use],
        sets.phi2[use],
        first.spacegroup,
        second.spacegroup,
    )
    allowed = origin_shifts(first.spacegroup, second.spacegroup, found.hand)
    origins = allowed.describe() if allowed is not None else ""
    notes = _hand_notes(first.spacegroup, second.spacegroup, found, int(use.sum()))
    hands = [
        _figures(sets.moved(np.array(fit.shift), fit.hand), fit, fit is found.best) for fit in found.fits
    ]
    moved = sets.moved(found.shift, found.hand)
    tables = shell_table(moved, sets.inv_d2[use])
    return _report("refined", (first, second), (sets, moved), hands, tables, origins, notes)


def compare_as_cphasematch(first: PhaseSet, second: PhaseSet) -> PhaseMatch:
    """Compare two phase sets exactly as cphasematch 0.1 (CCP4) does, coarse origin and all.

    Shell limits come from the complete list of reflections to the resolution of the files, 000 included.

    Raises
    ------
    UserError
        Different cells or space groups, no common reflections.
    """
    if first.spacegroup.xhm() != second.spacegroup.xhm():
        raise UserError(
            f"one space group, as cphasematch does ({first.spacegroup.xhm()} in {first.path})",
            f"{second.spacegroup.xhm()} in {second.path}",
            "leave out --compat",
        )
    sets = match(first, second).single_precision()
    use = sets.common
    d_min = float(1.0 / np.sqrt(sets.inv_d2.max()))
    shift, hand = coarse_origin(
        sets.hkl[use],
        (sets.f1 * sets.f2)[use],
        sets.phi1[use],
        sets.phi2[use],
        first.spacegroup,
        coarse_grid(first.cell, d_min),
    )
    moved = sets.moved_in_single_precision(shift, hand)
    fit = HandFit(hand, (shift[0], shift[1], shift[2]), _correlation(moved))
    complete = gemmi.make_miller_array(first.cell, first.spacegroup, d_min * (1 - 1e-6))
    listed = np.append(np.asarray(first.cell.calculate_1_d2_array(complete)), 0.0)
    hands = [_figures(moved, fit, chosen=True)]
    tables = shell_table(moved, listed, CPHASEMATCH_FLOOR)
    origins = "grid points of the whole cell"
    return _report("cphasematch-compatible", (first, second), (sets, moved), hands, tables, origins, [])


def write_second_moved(result: PhaseMatch, first: PhaseSet, second: PhaseSet, output: Path) -> PhaseMatch:
    """Write the file of the second set with its phases moved onto the first, and note that in the result.

    All phases of the file move with the compared ones, unless the first set is in the same file: then only
    the compared columns do, since the others may belong to either.
    """
    columns = second.labels if first.path.samefile(second.path) else None
    moved = write_moved(second.path, output, columns, result.shift, result.hand == "other", first.spacegroup)
    return result.model_copy(update={"moved": MovedFile(path=str(output), columns=list(moved))})


def _report(
    mode: Literal["refined", "cphasematch-compatible"],
    files: tuple[PhaseSet, PhaseSet],
    before_and_after: tuple[MatchedSets, MatchedSets],
    hands: list[HandFigures],
    tables: tuple[list[dict[str, Any]], dict[str, Any]],
    origins: str,
    notes: Sequence[str],
) -> PhaseMatch:
    """Put the comparison together."""
    sets, moved = before_and_after
    best = next(fit for fit in hands if fit.chosen)
    d = 1.0 / np.sqrt(sets.inv_d2[sets.common])
    return PhaseMatch(
        mode=mode,
        first=_compared(files[0]),
        second=_compared(files[1]),
        cell=files[0].cell.parameters,
        d_max=float(d.max()),
        d_min=float(d.min()),
        n_common=int(sets.common.sum()),
        origins=origins,
        hand=best.hand,
        shift=best.shift,
        hands=hands,
        mean_phase_error_before_deg=weighted_phase_error(sets),
        mean_phase_error_after_deg=best.mean_phase_error_deg,
        shells=[ShellRow(**row) for row in tables[0]],
        fom_bins=[FomRow(**row) for row in fom_table(moved)],
        overall=Overall(**tables[1]),
        notes=list(notes),
    )


def _figures(moved: MatchedSets, fit: HandFit, chosen: bool) -> HandFigures:
    return HandFigures(
        hand=fit.hand,
        shift=fit.shift,
        map_correlation=fit.score,
        mean_phase_error_deg=weighted_phase_error(moved),
        chosen=chosen,
    )


def _correlation(sets: MatchedSets) -> float:
    """Map correlation over the cell of the common reflections."""
    use = sets.common
    m = p1_multiplicity(sets.hkl[use], sets.spacegroup)
    return map_correlation(sets.f1[use], sets.phi1[use], sets.f2[use], sets.phi2[use], m)


def _hand_notes(
    first: gemmi.SpaceGroup, second: gemmi.SpaceGroup, found: Alignment, n_common: int
) -> list[str]:
    """Say what the symmetry and the figures leave open about the hand."""
    if len(found.fits) == 1:
        impossible: Hand = "other" if found.hand == "same" else "same"
        inverted = enantiomorph(second)
        name = inverted.xhm() if inverted is not None else "another setting"
        return [
            f"Only the {found.hand} hand is possible: inversion takes {second.xhm()} into {name}, "
            f"so the {impossible} hand does not fit {first.xhm()}."
        ]
    scores = [fit.score for fit in found.fits]
    if abs(scores[0] - scores[1]) < CLEAR_SIGMAS / np.sqrt(2 * n_common):
        return ["The two hands fit about equally well: the hand is undecided."]
    return []


def _compared(phases: PhaseSet) -> ComparedSet:
    return ComparedSet(path=str(phases.path), labels=list(phases.labels), spacegroup=phases.spacegroup.xhm())
