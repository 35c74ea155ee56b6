"""From the map of the best start to phases of the asymmetric unit with figures of merit."""

from dataclasses import dataclass

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ive
from torch import Tensor

from rephase.crystal.shells import equal_count_shells
from rephase.crystal.symmetry import P1Expansion
from rephase.evaluate.origins import moved_phases
from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import Constraint
from rephase.phasing.merit import correlation
from rephase.phasing.relaxation import settle
from rephase.phasing.search import Problem
from rephase.phasing.symmetry_origin import SymmetryFit, average_symmetry, fit_symmetry

FloatArray = NDArray[np.float64]

_SETTLE = 30  # iterations of error reduction; the mean phase change per further iteration is below 0.1°
_PLACED_BY = 4000  # P1 reflections of lowest resolution; more only cost time and memory
FOLDS = 8
_FOLD_SETTLE = 20


@dataclass(frozen=True, eq=False)
class FinishedPhases:
    """Phases of one solution.

    Attributes
    ----------
    phi
        P1 phases at the origin of the group, radians, shape ``(m,)``.
    phi_asu
        Phases of the unique reflections, radians, shape ``(n,)``.
    fom
        Expected ⟨cos Δφ⟩ of each unique reflection, 0–1, shape ``(n,)``.
    fit
        Where the symmetry lies and how well the P1 phases obeyed it before averaging.
    cross_validated
        Correlation of E with values predicted without it, over all reflections.
    inverted
        True if the phases had to be inverted to fit the space group.
    """

    phi: FloatArray
    phi_asu: FloatArray
    fom: FloatArray
    fit: SymmetryFit
    cross_validated: float
    inverted: bool


@torch.inference_mode()
def finish(
    problem: Problem, start: Tensor, hkl_asu: NDArray[np.int32], operations: gemmi.GroupOps
) -> FinishedPhases:
    """Use all reflections, place the origin, average the symmetry mates, and estimate figures of merit.

    Parameters
    ----------
    problem
        Amplitudes and recipe.
    start
        Map of measured amplitudes, shape ``(nu, nv, nw)``.
    hkl_asu
        Unique reflections in the primitive cell, shape ``(n, 3)``.
    operations
        Operators in the primitive cell.
    """
    grid = problem.grid
    constraint = problem.recipe.constraint(grid)
    rho = settle(start[None], grid, constraint, _SETTLE)
    F = grid.at_reflections(grid.structure_factors(rho))[0]
    fit, inverted = place(grid, problem.full, np.angle(F), operations)
    phi = moved_phases(grid.expansion.hkl, np.angle(F), fit.shift, "other" if inverted else "same")
    phi_asu, _ = average_symmetry(grid.expansion, phi, problem.full, hkl_asu, operations)
    if len(operations.sym_ops) > 1:
        phi = _settle_phases(problem, grid.expansion.phases(phi_asu))
        phi_asu, _ = average_symmetry(grid.expansion, phi, problem.full, hkl_asu, operations)
        phi = grid.expansion.phases(phi_asu)
    predicted = predict_omitted(problem, phi)
    fom, overall = figures_of_merit(problem, predicted, len(hkl_asu))
    return FinishedPhases(phi, phi_asu, fom, fit, overall, inverted)


def map_of(problem: Problem, phi: FloatArray) -> Tensor:
    """Map of the measured amplitudes with P1 phases in radians ``(m,)``: shape ``(1, nu, nv, nw)``."""
    return problem.grid.density(problem.grid.from_reflections(problem.full * np.exp(1j * phi)))[None]


def folds(expansion: P1Expansion) -> NDArray[np.int64]:
    """Divide reflections into `FOLDS` parts, mates together: the part of each row, shape ``(m,)``."""
    drawn = np.random.default_rng(0).integers(FOLDS, size=int(expansion.asu_index.max()) + 1)
    return np.asarray(drawn[expansion.asu_index])


@torch.inference_mode()
def predict_omitted(problem: Problem, phi: FloatArray) -> NDArray[np.complex128]:
    """Predict every reflection from the others: eight folds, each forgotten and grown again.

    Parameters
    ----------
    phi
        P1 phases in radians, shape ``(m,)``.

    Returns
    -------
    Structure factors of the constrained density, shape ``(m,)``; mates of one reflection share a fold.
    """
    expansion = problem.grid.expansion
    fold = folds(expansion)
    predicted = np.zeros(len(expansion), dtype=np.complex128)
    for k in range(FOLDS):
        grid = problem.grid.without(fold == k)
        start = grid.density(grid.from_reflections(np.where(fold == k, 0.0, problem.full * np.exp(1j * phi))))
        constraint: Constraint = problem.recipe.constraint(grid)
        rho = settle(start[None], grid, constraint, _FOLD_SETTLE)
        predicted[fold == k] = grid.at_reflections(grid.structure_factors(rho))[0][fold == k]
    return predicted


def figures_of_merit(
    problem: Problem, predicted: NDArray[np.complex128], rows: int
) -> tuple[FloatArray, float]:
    """Sim weights of predicted against observed amplitudes, σA from their correlation in shells.

    For acentric structure factors with complex correlation σA the intensities correlate as σA²; the figure
    of merit is I1(X)/I0(X), X = 2 σA Eo Ec/(1 − σA²) (Sim, 1959; Read, 1986).

    Parameters
    ----------
    predicted
        See `predict_omitted`, shape ``(m,)``.
    rows
        Number of unique reflections.

    Returns
    -------
    Figure of merit of each unique reflection, shape ``(rows,)``, and the overall correlation of E.
    """
    observed = problem.full * problem.to_e
    calculated = np.abs(predicted) * problem.to_e
    inv_d2 = np.asarray(problem.grid.cell.calculate_1_d2_array(problem.grid.expansion.hkl))
    sigma_a = np.zeros(len(observed))
    count = int(np.clip(len(observed) // 200, 1, 20))
    shell_of = equal_count_shells(inv_d2, count).assign(inv_d2)
    for shell in np.unique(shell_of):
        here = shell_of == shell
        calculated[here] /= np.sqrt(np.mean(calculated[here] ** 2)).clip(1e-12)
        cc = correlation(calculated[None, here] ** 2, observed[here] ** 2)[0]
        sigma_a[here] = np.sqrt(np.clip(cc, 0.0, 0.98))
    x = 2.0 * sigma_a * observed * calculated / (1.0 - sigma_a**2)
    weight = ive(1, x) / ive(0, x)
    index = problem.grid.expansion.asu_index
    count_per_row = np.maximum(np.bincount(index, minlength=rows), 1)
    overall = float(correlation(calculated[None], observed)[0])
    return np.bincount(index, weight, rows) / count_per_row, overall


def place(
    grid: AmplitudeGrid, f: FloatArray, phi: FloatArray, operations: gemmi.GroupOps
) -> tuple[SymmetryFit, bool]:
    """Fit the symmetry to the phases and to their inverse; only in enantiomorphic groups do they differ.

    Parameters
    ----------
    grid
        The crystal.
    f, phi
        Amplitudes, and phases in radians, at the rows of the expansion, shape ``(m,)``.
    operations
        Operators in the primitive cell.

    Returns
    -------
    Where the symmetry lies, and whether it is that of the inverse.
    """
    inv_d2 = np.asarray(grid.cell.calculate_1_d2_array(grid.expansion.hkl))
    low = np.sort(np.argsort(inv_d2, kind="stable")[:_PLACED_BY])
    expansion = grid.expansion.select(low)
    same = fit_symmetry(expansion, f[low], phi[low], operations)
    other = fit_symmetry(expansion, f[low], -phi[low], operations)
    if other.agreement > same.agreement + 1e-3:
        return other, True
    return same, False


def _settle_phases(problem: Problem, phi: FloatArray) -> FloatArray:
    constraint = problem.recipe.constraint(problem.grid)
    rho = settle(map_of(problem, phi), problem.grid, constraint, _SETTLE)
    return np.asarray(np.angle(problem.grid.at_reflections(problem.grid.structure_factors(rho))[0]))
