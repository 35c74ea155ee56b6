"""Figures of merit of a map or of phases against the truth, in reciprocal space."""

from collections.abc import Callable

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.origins import Hand

FloatArray = NDArray[np.float64]

SOLVED_MAP_CORRELATION = 0.80
"""A map is solved from here on (after origin alignment, with the right hand): the project's own rule."""


def p1_multiplicity(hkl: NDArray[np.integer], spacegroup: gemmi.SpaceGroup) -> FloatArray:
    """Count the reflections of the whole sphere that each unique one stands for, shape ``(n,)``.

    Rotations of the group over ε, and twice that for acentric reflections (their Friedel mates). With these
    weights a sum over the asymmetric unit is the sum over P1, and by Parseval the integral over the cell.
    """
    ops = spacegroup.operations()
    indices = np.ascontiguousarray(hkl, dtype=np.int32)
    epsilon = np.asarray(ops.epsilon_factor_without_centering_array(indices), dtype=np.float64)
    centric = np.asarray(ops.centric_flag_array(indices), dtype=bool)
    return np.asarray(len(ops.sym_ops) / epsilon * np.where(centric, 1.0, 2.0))


def map_correlation(
    f1: FloatArray, phi1: FloatArray, f2: FloatArray, phi2: FloatArray, weights: FloatArray | None = None
) -> float:
    """Pearson correlation of two maps over the whole cell, from their coefficients (Parseval).

    Σ w F₁F₂ cos(φ₁ − φ₂) / √(Σ w F₁² · Σ w F₂²); without F000 both maps have mean zero, so the caller
    leaves that term out.

    Parameters
    ----------
    f1, phi1, f2, phi2
        Amplitudes and phases (radians), shape ``(n,)``.
    weights
        Number of P1 reflections behind each row (`p1_multiplicity`); None for a hemisphere of P1.

    Returns
    -------
    float
        −1 to 1; 0 where a map is flat.
    """
    w = np.ones_like(f1) if weights is None else weights
    norm = np.sqrt(np.sum(w * f1**2) * np.sum(w * f2**2))
    return float(np.sum(w * f1 * f2 * np.cos(phi1 - phi2)) / norm) if norm > 0 else 0.0


def phase_errors(phi1: FloatArray, phi2: FloatArray) -> FloatArray:
    """|Δφ| = acos(cos(φ₁ − φ₂)) in degrees, 0 to 180; inputs in radians, any shape."""
    difference = np.degrees(phi1 - phi2)
    return np.asarray(np.abs((difference + 180.0) % 360.0 - 180.0))


def mean_phase_error(phi1: FloatArray, phi2: FloatArray, weights: FloatArray | None = None) -> float:
    """Weighted mean of |Δφ| in degrees (90 for random phases); inputs in radians, shape ``(n,)``."""
    return float(np.average(phase_errors(phi1, phi2), weights=weights))


def is_solved(correlation: float, hand: Hand) -> bool:
    """Apply the rule of the benchmarks: map correlation ≥ 0.80 after alignment, and the right hand."""
    return hand == "same" and correlation >= SOLVED_MAP_CORRELATION


def bootstrap_interval(
    values: FloatArray,
    rng: np.random.Generator,
    statistic: Callable[..., FloatArray] = np.mean,
    resamples: int = 2000,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over the examples (Efron & Tibshirani 1993, ch. 13).

    Parameters
    ----------
    values
        One value per example, shape ``(n,)``, n ≥ 1.
    rng
        Source of the resamples.
    statistic
        Numpy reduction that takes ``axis=``, such as ``np.mean`` or ``np.median``.
    resamples
        Number of bootstrap samples.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    picks = rng.integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(statistic(np.asarray(values)[picks], axis=1), [2.5, 97.5])
    return float(low), float(high)
