"""Phase probabilities multiplied: Hendrickson–Lattman coefficients added."""

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from rephase.crystal.symmetry import centric_phase
from rephase.io.phase_sets import phase_and_fom_from_hl

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MOST_COMMON = 0.95  # correlation; at 1 either estimate would do and the weights are undefined


def calculated_hl(
    e_observed: FloatArray,
    e_calculated: FloatArray,
    phi_calculated: FloatArray,
    sigma_a: FloatArray,
    centric: BoolArray,
) -> FloatArray:
    """Coefficients of the phase probability that a calculated structure factor gives.

    exp(X cos(φ − φc)), X = 2 σA Eo Ec/(1 − σA²), half of that for centric reflections (Sim, 1959; Read,
    1986).

    Parameters
    ----------
    e_observed, e_calculated
        Normalised amplitudes, shape ``(n,)``.
    phi_calculated
        Radians, shape ``(n,)``.
    sigma_a
        Of each reflection, below 1, shape ``(n,)``.
    centric
        Shape ``(n,)``.

    Returns
    -------
    Shape ``(n, 4)``; C = D = 0.
    """
    x = np.where(centric, 1.0, 2.0) * sigma_a * e_observed * e_calculated / (1.0 - sigma_a**2)
    zero = np.zeros_like(x)
    return np.stack([x * np.cos(phi_calculated), x * np.sin(phi_calculated), zero, zero], axis=1)


def common_errors(
    start: tuple[FloatArray, FloatArray], modified: tuple[FloatArray, FloatArray]
) -> tuple[float, float, float]:
    """Estimate the correlation of the errors of two sets of phases from how well they agree.

    Independent errors make ⟨cos(φ1 − φ2)⟩ the product of the figures of merit; phases of a model and those of
    a density that was modified from its map agree better, because both are wrong in the same way. With
    variances −2 ln m, those of the difference and of both sets give the correlation.

    Parameters
    ----------
    start, modified
        Phases in radians and figures of merit above 0, each of shape ``(n,)``.

    Returns
    -------
    The correlation, between 0 and `_MOST_COMMON`, and the variances of both in radians².
    """
    weight = start[1] * modified[1]
    expected = float(np.average(weight, weights=weight))
    agreement = max(expected, float(np.average(np.cos(start[0] - modified[0]), weights=weight)))
    first, second = (max(-2.0 * np.log(np.average(m, weights=weight)), 1e-6) for _, m in (start, modified))
    correlation = np.log(agreement / expected) / np.sqrt(first * second)
    return float(min(correlation, _MOST_COMMON)), float(first), float(second)


def shares_of_information(correlation: float, first: float, second: float) -> tuple[float, float]:
    """Return the parts of two phase probabilities that may be multiplied, their errors being correlated.

    The best linear combination of two estimates with variances v and correlation ρ gives the first the weight
    (1 − ρ√(v1/v2))/(1 − ρ²) in terms of its own; both are 1 for ρ = 0. Where one adds nothing to the other
    it is left out.

    Parameters
    ----------
    correlation
        ρ, see `common_errors`.
    first, second
        Variances of both.
    """
    ratio = float(np.sqrt(first / second))
    if correlation * ratio >= 1.0:
        return 0.0, 1.0
    if correlation >= ratio:
        return 1.0, 0.0
    rest = 1.0 - correlation**2
    return (1.0 - correlation * ratio) / rest, (1.0 - correlation / ratio) / rest


def combined_hl(
    start_hl: FloatArray, modified_hl: FloatArray, hkl: NDArray[np.int32], spacegroup: gemmi.SpaceGroup
) -> FloatArray:
    """Multiply the probabilities of starting phases and of a modified density, common errors counted once.

    Parameters
    ----------
    start_hl, modified_hl
        Coefficients, shape ``(n, 4)``.
    hkl, spacegroup
        Unique reflections, shape ``(n, 3)``, and the space group.

    Returns
    -------
    Shape ``(n, 4)``. Reflections without starting phases keep what the modified density says.
    """
    start, modified = (phases_of_hl(hl, hkl, spacegroup) for hl in (start_hl, modified_hl))
    both = (start[1] > 0.0) & (modified[1] > 0.0)
    if not both.any():
        return start_hl + modified_hl
    errors = common_errors((start[0][both], start[1][both]), (modified[0][both], modified[1][both]))
    of_start, of_modified = shares_of_information(*errors)
    given = np.any(start_hl != 0.0, axis=1)[:, None]
    return of_start * start_hl + np.where(given, of_modified, 1.0) * modified_hl


def phases_of_hl(
    hl: FloatArray, hkl: NDArray[np.int32], spacegroup: gemmi.SpaceGroup
) -> tuple[FloatArray, FloatArray]:
    """Centroid phase and figure of merit; in closed form where C = D = 0.

    Parameters
    ----------
    hl
        Coefficients, shape ``(n, 4)``.
    hkl, spacegroup
        Unique reflections, shape ``(n, 3)``, and the space group, which restricts centric phases.

    Returns
    -------
    Phases in radians and figures of merit, 0–1, each of shape ``(n,)``.
    """
    vector = hl[:, 0] + 1j * hl[:, 1]
    restricted = centric_phase(hkl, spacegroup)
    centric = np.isfinite(restricted)
    axis = np.where(centric, np.exp(1j * np.nan_to_num(restricted)), 1.0)
    along = np.real(vector * axis.conj())
    vector = np.where(centric, along * axis, vector)
    length = np.abs(vector)
    phi, fom = np.angle(vector), np.where(centric, np.tanh(length), i1e(length) / i0e(length))
    bimodal = np.any(hl[:, 2:] != 0.0, axis=1)
    phi[bimodal], fom[bimodal] = phase_and_fom_from_hl(hl[bimodal], hkl[bimodal], spacegroup)
    return phi, fom
