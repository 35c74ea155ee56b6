"""Histograms of the density of proteins, and what a noisy density most likely stands for."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEAST_NOISE = 0.1
"""Noise below which the levels of a histogram are separate, in the standard deviation of the density."""

_POINTS = 400  # of a curve; its steps are then a tenth of the narrowest noise
_REACH = 4.0  # standard deviations of the noise beyond the histogram


@dataclass(frozen=True, eq=False)
class DensityCurve:
    """A function of density, on equal steps.

    Attributes
    ----------
    start, step
        Place of the first value and distance of the values.
    expected
        Mean of the true density at each noisy one, shape ``(k,)``.
    slope
        Its derivative, shape ``(k,)``.
    """

    start: float
    step: float
    expected: FloatArray
    slope: FloatArray


@dataclass(frozen=True, eq=False)
class ProteinDensity:
    """Density of protein crystals at some resolution, in maps with the standard fall-off (see `UniqueGrid`).

    Attributes
    ----------
    levels
        Equally probable levels inside the protein, ascending, mean 0 and variance 1, shape ``(q,)``.
    solvent_spread
        Standard deviation of the density of the solvent, waters and ripples, in that of the whole map.
    """

    levels: FloatArray
    solvent_spread: float


def protein_density(d_min: float) -> ProteinDensity:
    """Look up the density of proteins, calculated from the training split by benchmarks/histograms.py.

    Parameters
    ----------
    d_min
        Å; interpolated between the tabulated limits, the nearest one beyond them.
    """
    limits, levels, solvent = _table()
    place = float(np.interp(d_min, limits, np.arange(len(limits))))
    low = min(int(place), len(limits) - 2)
    mixed = (low + 1 - place) * levels[low] + (place - low) * levels[low + 1]
    centred = mixed - mixed.mean()
    return ProteinDensity(centred / centred.std(), float(np.interp(d_min, limits, solvent)))


@cache
def _table() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Resolution limits ``(r,)``, levels ``(r, q)`` and the spread of the solvent ``(r,)``."""
    content = json.loads((files("rephase.phasing.modification") / "histograms.json").read_text("utf-8"))
    return np.array(content["d_min"]), np.array(content["levels"]), np.array(content["solvent"])


def expected_density(levels: FloatArray, noise: float) -> DensityCurve:
    """Find the mean of the true density where a noisy one is seen: histogram matching that knows the noise.

    With equally probable levels r and normal noise of standard deviation σ, ⟨ρ⟩(y) = Σ r w / Σ w, where
    w = exp(−(y − r)²/2σ²). Without noise ρ = y; with much of it ρ is the mean of the histogram.

    Parameters
    ----------
    levels
        Equally probable values of the true density, shape ``(q,)``.
    noise
        σ on the same scale; at least `LEAST_NOISE` times the spread of the levels is assumed.
    """
    sigma = max(noise, LEAST_NOISE * float(levels.std()))
    y = np.linspace(levels[0] - _REACH * sigma, levels[-1] + _REACH * sigma, _POINTS)
    exponent = -0.5 * ((y[:, None] - levels) / sigma) ** 2
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    total = weight.sum(axis=1)
    mean = weight @ levels / total
    variance = weight @ levels**2 / total - mean**2
    # Tweedie: the derivative of the mean is the remaining variance over that of the noise
    return DensityCurve(float(y[0]), float(y[1] - y[0]), mean, np.maximum(variance, 0.0) / sigma**2)
