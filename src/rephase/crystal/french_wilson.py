"""Amplitudes from measured intensities, negative ones included (French & Wilson, 1978).

French, S. & Wilson, K. (1978). Acta Cryst. A34, 517–525. The posterior of the true intensity J given the
measurement I ± σ and the mean intensity Σ of its kind is a truncated normal distribution,

    acentric  p(J) ∝ exp(−(J − I)²/2σ² − J/Σ),            J ≥ 0
    centric   p(J) ∝ J^(−1/2) exp(−(J − I)²/2σ² − J/2Σ),  J ≥ 0

In units of σ both depend on one number h: I/σ − σ/Σ, or I/σ − σ/2Σ. The moments of J and √J are
parabolic cylinder functions of h; here they are integrated numerically, without tables or asymptotic series.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)  # relative error of the moments below 1e-10
_REACH = 9.0  # in σ: exp(−9²/2) = 3e-18 is beyond double precision
_STRONG = 30.0  # from here on x = 0 is out of reach
_CHUNK = 16384  # rows at a time: 64 nodes × 16384 doubles = 8 MiB per array


@dataclass(frozen=True, eq=False)
class Amplitudes:
    """Posterior means and standard deviations, each of shape ``(n,)``.

    Attributes
    ----------
    f, sigf
        Amplitude, on the scale of the square root of the intensities.
    i, sigi
        Intensity.
    """

    f: FloatArray
    sigf: FloatArray
    i: FloatArray
    sigi: FloatArray


def french_wilson(
    intensity: FloatArray, sigma: FloatArray, mean_intensity: FloatArray, centric: NDArray[np.bool_]
) -> Amplitudes:
    """Estimate true amplitudes and intensities.

    Parameters
    ----------
    intensity, sigma
        Measurement and its standard uncertainty (> 0), shape ``(n,)``.
    mean_intensity
        Expected intensity of each reflection, ε included (> 0), shape ``(n,)``.
    centric
        Centric flags, shape ``(n,)``.

    Returns
    -------
    Posterior amplitudes and intensities.
    """
    if np.any(sigma <= 0.0) or np.any(mean_intensity <= 0.0):
        raise ValueError("σ and the mean intensity must be positive")
    h = intensity / sigma - sigma / mean_intensity * np.where(centric, 0.5, 1.0)
    power = np.where(centric, 0, 1)  # of t = √x in the density of t: x^(−1/2) dx = 2 dt, dx = 2t dt
    moments = np.empty((4, len(h)))
    for rows, integrate in ((h > _STRONG, _strong_moments), (h <= _STRONG, _weak_moments)):
        index = np.flatnonzero(rows)
        for start in range(0, len(index), _CHUNK):
            piece = index[start : start + _CHUNK]
            moments[:, piece] = integrate(h[piece], power[piece])
    f, sigf, i, sigi = moments
    return Amplitudes(f=f * np.sqrt(sigma), sigf=sigf * np.sqrt(sigma), i=i * sigma, sigi=sigi * sigma)


def _weak_moments(h: FloatArray, power: NDArray[np.int_]) -> FloatArray:
    """Integrate over t = √x, x ≥ 0, where p(x) ∝ … exp(−(x − h)²/2).

    Parameters
    ----------
    h
        Centre of the normal distribution, shape ``(n,)``.
    power
        Power of t in front of the exponential, shape ``(n,)``.

    Returns
    -------
    ⟨t⟩, σ(t), ⟨x⟩, σ(x), shape ``(4, n)``.
    """
    low = np.sqrt(np.maximum(h - _REACH, 0.0))
    # left of the origin the density decays like exp(−|h| x), which is shorter than the normal tail
    decay = 0.5 * _REACH**2 / np.maximum(-h, 1e-3)
    high = np.sqrt(np.where(h > 0.0, h + _REACH, np.minimum(_REACH, decay)))
    t = 0.5 * (high - low)[:, None] * (_NODES + 1.0) + low[:, None]
    x = t * t
    exponent = -0.5 * (x - np.maximum(h, 0.0)[:, None]) ** 2 + np.minimum(h, 0.0)[:, None] * x
    density = _WEIGHTS * t ** power[:, None] * np.exp(exponent)
    density /= density.sum(axis=1, keepdims=True)
    return np.concatenate([_mean_and_deviation(density, t), _mean_and_deviation(density, x)])


def _strong_moments(h: FloatArray, power: NDArray[np.int_]) -> FloatArray:
    """Do the same far from the origin, over δ = x − h, which keeps all digits however large h is."""
    delta = _REACH * _NODES
    t = np.sqrt(h[:, None] + delta)
    density = _WEIGHTS * np.exp(-0.5 * delta**2) * (t / np.sqrt(h)[:, None]) ** (power[:, None] - 1)
    density /= density.sum(axis=1, keepdims=True)
    root = np.sqrt(h)
    f = _mean_and_deviation(density, delta / (t + root[:, None]))
    i = _mean_and_deviation(density, np.broadcast_to(delta, t.shape))
    return np.stack([f[0] + root, f[1], i[0] + h, i[1]])


def _mean_and_deviation(density: FloatArray, values: FloatArray) -> FloatArray:
    """Mean and standard deviation over the last axis, shape ``(2, n)``."""
    mean = np.sum(density * values, axis=1)
    variance = np.sum(density * (values - mean[:, None]) ** 2, axis=1)
    return np.stack([mean, np.sqrt(variance)])
