"""How many starts of a round found the same map."""

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.alignment import align
from rephase.evaluate.origins import moved_phases
from rephase.phasing.search import Round

FloatArray = NDArray[np.float64]

_SAME_SOLUTION = 0.70  # map correlation of two starts at the same origin and hand
_MOST_COMPARED = 16


def agreement_of_starts(best: Round, rows: int) -> tuple[tuple[int, int], FloatArray]:
    """Compare the starts of a round with its best one, at the best origin and hand of each.

    Parameters
    ----------
    best
        The round.
    rows
        Number of unique reflections.

    Returns
    -------
    Starts with the same map, the best one included, and how many were compared; and their mean
    amplitude-weighted phase difference to the best one in degrees, shape ``(rows,)``, NaN where only one
    start found it.
    """
    grid, full = best.problem.grid, best.problem.full
    order = np.argsort(best.merit.r_work)[:_MOST_COMPARED]
    phi = best.phases()[order]
    hkl, triclinic = grid.expansion.hkl, gemmi.SpaceGroup("P 1")
    total, agreeing = np.zeros(len(hkl)), 1
    for other in phi[1:]:
        fit = align(hkl, full, phi[0], full, other, triclinic)
        if fit.score < _SAME_SOLUTION:
            continue
        moved = moved_phases(hkl, other, fit.shift, fit.hand)
        total += np.degrees(np.abs(np.angle(np.exp(1j * (moved - phi[0])))))
        agreeing += 1
    if agreeing == 1:
        return (1, len(order)), np.full(rows, np.nan)
    index = grid.expansion.asu_index
    mean = np.bincount(index, total / (agreeing - 1), rows) / np.maximum(
        np.bincount(index, minlength=rows), 1
    )
    return (agreeing, len(order)), mean
