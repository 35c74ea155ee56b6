"""Starting phases of a stated mean error: true phases with random errors, or those of a damaged model."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from rephase.crystal.shells import equal_count_shells
from rephase.data.crystals.crystal_model import CrystalModel, orthogonalisation
from rephase.data.crystals.structure_factors import structure_factors
from rephase.evaluate.map_figures import mean_phase_error, phase_errors

FloatArray = NDArray[np.float64]

KEPT = 0.6  # part of the atoms that a damaged model has
FARTHEST = 4.0  # Å; displacements beyond leave nothing of a model
_SHELLS = 8


@dataclass(frozen=True, eq=False)
class Seed:
    """Phases in radians, shape ``(n,)``, and what ⟨cos Δφ⟩ they are thought to have, the same shape."""

    phi: FloatArray
    fom: FloatArray


def mean_error_of(sigma: float) -> float:
    """Mean |Δφ| in degrees of normal errors of σ radians, wrapped to half a turn: 90 for a large σ."""
    odd = np.arange(1.0, 200.0, 2.0)
    terms = np.exp(-0.5 * (odd * sigma) ** 2) / odd**2
    return math.degrees(math.pi / 2.0 - 4.0 / math.pi * float(terms.sum()))


def sigma_of(mean_error_deg: float) -> float:
    """Invert `mean_error_of` for errors of 1 to 89°."""
    return float(brentq(lambda sigma: mean_error_of(sigma) - mean_error_deg, 1e-3, 5.0))


def random_errors(
    true_phi: FloatArray,
    mean_error_deg: float,
    rng: np.random.Generator,
    centric: NDArray[np.bool_] | None = None,
) -> Seed:
    """Add normal errors, whatever the amplitude and resolution, to true phases.

    The errors are the quantiles of the distribution in random order, so that their mean is the same for every
    crystal. The figure of merit is ⟨cos Δφ⟩ = exp(−σ²/2). Centric phases have half a turn for an error, as
    often as it takes.
    """
    sigma, count = sigma_of(mean_error_deg), len(true_phi)
    levels = (rng.permutation(count) + 0.5) / count
    errors, fom = norm.ppf(levels) * sigma, np.full(count, math.exp(-0.5 * sigma**2))
    if centric is not None:
        wrong = mean_error_deg / 180.0
        errors = np.where(centric, np.pi * (levels < wrong), errors)
        fom = np.where(centric, 1.0 - 2.0 * wrong, fom)
    return Seed(true_phi + errors, np.clip(fom, 0.0, 1.0))


def damaged_model(
    model: CrystalModel,
    hkl: NDArray[np.int32],
    true_phi: FloatArray,
    mean_error_deg: float,
    rng: np.random.Generator,
) -> Seed:
    """Calculate phases of a model without some of its atoms, and the others displaced by as much as it takes.

    The displacements are normal and isotropic; their size is found by bisection, for one draw of directions.
    The figure of merit is ⟨cos Δφ⟩ of the shell of resolution, as well known as by a good estimate of σA.

    Raises
    ------
    ValueError
        When the missing atoms alone make larger errors.
    """
    kept = rng.permutation(len(model)) < round(KEPT * len(model))
    moves = rng.normal(size=(len(model), 3))

    def phases(rms: float) -> FloatArray:
        return np.angle(structure_factors(displaced(model, kept, moves * rms / math.sqrt(3.0)), hkl))

    def excess(rms: float) -> float:
        return mean_phase_error(phases(rms), true_phi) - mean_error_deg

    if excess(0.0) > 0.0:
        raise ValueError(f"a model with {KEPT:.0%} of the atoms has larger errors than {mean_error_deg:g}°")
    phi = phases(float(brentq(excess, 0.0, FARTHEST, xtol=1e-3)))
    return Seed(phi, shell_cosine(phi, true_phi, np.asarray(model.cell.calculate_1_d2_array(hkl))))


def displaced(model: CrystalModel, kept: NDArray[np.bool_], shift_cart: FloatArray) -> CrystalModel:
    """Keep some atoms, mask ``(n,)``, and move all of them by ``(n, 3)`` Å."""
    to_frac = np.linalg.inv(orthogonalisation(model.cell))
    return replace(
        model,
        xyz_frac=(model.xyz_frac + shift_cart @ to_frac.T)[kept],
        elements=model.elements[kept],
        b_iso=model.b_iso[kept],
    )


def shell_cosine(phi: FloatArray, true_phi: FloatArray, inv_d2: FloatArray) -> FloatArray:
    """⟨cos Δφ⟩ of the shell of each reflection, at least 0, shape ``(n,)``."""
    shell = equal_count_shells(inv_d2, _SHELLS).assign(inv_d2)
    cosine = np.cos(np.radians(phase_errors(phi, true_phi)))
    total, count = np.bincount(shell, cosine), np.bincount(shell)
    return np.clip(total / np.maximum(count, 1), 0.0, 1.0)[shell]
