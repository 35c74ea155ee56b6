"""The end game of a solution by the density prior: symmetry, last passes, cross-validation."""

from dataclasses import replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.origins import moved_phases
from rephase.phasing.finish import FOLDS, FinishedPhases, figures_of_merit, folds, place
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.search import Problem
from rephase.phasing.symmetry_origin import SymmetryFit, average_symmetry

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_MOST_PASSES = 12
_SETTLED = np.radians(1.0)  # amplitude-weighted mean change of phase in a pass, after which no more are made
_FOLD_PASSES = 2


def finish_by_prior(
    projection: PriorProjection,
    problem: Problem,
    phi: FloatArray,
    hkl_asu: NDArray[np.int32],
    operations: gemmi.GroupOps,
    placed: bool,
) -> FinishedPhases:
    """Use all reflections, place the origin, average mates, let the prior settle, and cross-validate.

    Parameters
    ----------
    projection
        The prior at work on all reflections.
    problem
        Amplitudes.
    phi
        P1 phases in radians, shape ``(m,)``.
    hkl_asu
        Unique reflections in the primitive cell, shape ``(n, 3)``.
    operations
        Operators in the primitive cell.
    placed
        Whether the phases obey them at the origin already, and are to stay there.
    """
    grid = problem.grid
    fit, inverted = SymmetryFit(np.zeros(3), 1.0, {}), False
    if not placed:
        fit, inverted = place(grid, problem.full, phi, operations)
    phi = moved_phases(grid.expansion.hkl, phi, fit.shift, "other" if inverted else "same")
    at_origin = replace(projection, symmetric=len(operations.sym_ops) > 1)
    phi = settle_by_prior(at_origin, _obeying_symmetry(problem, phi, hkl_asu, operations))
    phi_asu, _ = average_symmetry(grid.expansion, phi, problem.full, hkl_asu, operations)
    phi = grid.expansion.phases(phi_asu)
    predicted = predict_folds(at_origin, phi)
    to_scale = problem.full / projection.amplitude
    fom, overall = figures_of_merit(problem, predicted * to_scale, len(hkl_asu))
    return FinishedPhases(phi, phi_asu, fom, fit, overall, inverted)


def settle_by_prior(projection: PriorProjection, phi: FloatArray) -> FloatArray:
    """Pass phases in radians, shape ``(m,)``, through the prior until they hardly change."""
    weight = projection.amplitude / projection.amplitude.sum()
    states = projection.start(phi[None])
    for _ in range(_MOST_PASSES):
        states = projection.step(states)
        new = projection.phases(states)[0]
        change = np.abs(np.angle(np.exp(1j * (new - phi)))) @ weight
        phi = new
        if change < _SETTLED:
            break
    return phi


def predict_folds(projection: PriorProjection, phi: FloatArray) -> ComplexArray:
    """Predict every reflection from the others: each fold is forgotten and grown again.

    Parameters
    ----------
    phi
        P1 phases in radians, shape ``(m,)``.

    Returns
    -------
    Coefficients of the predicted density on the scale of the standard amplitudes, shape ``(m,)``.
    """
    fold = folds(projection.grid.expansion)
    predicted = np.zeros(len(phi), dtype=np.complex128)
    for k in range(FOLDS):
        working = projection.without(fold == k)
        states = working.start(phi[None])
        for _ in range(_FOLD_PASSES):
            states = working.step(states)
        predicted[fold == k] = working.predicted(states)[0][fold == k]
    return predicted


def _obeying_symmetry(
    problem: Problem, phi: FloatArray, hkl_asu: NDArray[np.int32], operations: gemmi.GroupOps
) -> FloatArray:
    expansion = problem.grid.expansion
    phi_asu, _ = average_symmetry(expansion, phi, problem.full, hkl_asu, operations)
    return expansion.phases(phi_asu)
