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
    pieces = [
        _moments(h[start : start + _CHUNK], power[start : start + _CHUNK])
        for start in range(0, len(h), _CHUNK)
    ]
    f, sigf, i, sigi = np.concatenate([np.empty((4, 0)), *pieces], axis=1)
    return Amplitudes(f=f * np.sqrt(sigma), sigf=sigf * np.sqrt(sigma), i=i * sigma, sigi=sigi * sigma)


def _moments(h: FloatArray, power: NDArray[np.int_]) -> FloatArray:
    """Integrate mean and standard deviation of t = √x and of x ≥ 0, where p(x) ∝ … exp(−(x − h)²/2).

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
    mean_t = np.sum(density * t, axis=1)
    mean_x = np.sum(density * x, axis=1)
    sd_t = np.sqrt(np.sum(density * (t - mean_t[:, None]) ** 2, axis=1))
    sd_x = np.sqrt(np.sum(density * (x - mean_x[:, None]) ** 2, axis=1))
    return np.stack([mean_t, sd_t, mean_x, sd_x])
