"""Collect the figures by which a solution is judged."""

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.confidence import Evidence
from rephase.phasing.finish import FinishedPhases
from rephase.phasing.prior_evidence import prior_evidence
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.search import Round

FloatArray = NDArray[np.float64]

_CONTRAST_RADIUS = 3.0  # Å, of the Gaussian average of the squared density: two bonds


def evidence_of(
    best: Round, finished: FinishedPhases, agreeing: tuple[int, int], projection: PriorProjection | None
) -> Evidence:
    """Collect what is known of the best start of a round.

    Parameters
    ----------
    best
        The round.
    finished
        What became of its best start.
    agreeing
        Starts with the same map, it included, and how many were compared.
    projection
        The prior at work on all reflections; None without one.
    """
    problem = best.problem
    rows = problem.grid.expansion.asu_index[problem.omitted]
    same, compared = agreeing if not problem.recipe.given else (1, 1)  # starts from one file agree anyway
    return Evidence(
        free_correlation=best.figure,
        free_reflections=len(np.unique(rows)),  # symmetry mates share one measurement
        symmetry=finished.fit.agreement if finished.fit.by_operator else None,
        agreeing=(same - 1) / max(compared - 1, 1),
        contrast=solvent_contrast(problem.grid, problem.full, finished.phi),
        prior=prior_evidence(projection, finished.phi) if projection is not None else None,
    )


def solvent_contrast(grid: AmplitudeGrid, f: FloatArray, phi: FloatArray) -> float:
    """Spread of the local mean square of a map over its mean: large where solvent is flat.

    Parameters
    ----------
    grid
        The crystal.
    f, phi
        Amplitudes, and phases in radians, at the rows of the expansion, shape ``(m,)``.
    """
    rho = grid.density(grid.from_reflections(f * np.exp(1j * phi)))
    blur = torch.exp(-2.0 * np.pi**2 * (_CONTRAST_RADIUS / 2.0) ** 2 * grid.inv_d2)
    local = grid.density(grid.structure_factors(rho.square()) * blur)
    return float(local.std() / local.mean().clamp_min(1e-30))
