"""Tests for twinning that need no structure: local intensity differences and moments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_FEWEST_PAIRS = 400  # ⟨|L|⟩ is then known to 0.29/√400 = 0.015; twinned and untwinned differ by 0.125
_CURVE_POINTS = 41  # of N(|L|): steps of 0.025, finer than its own uncertainty for a thousand pairs
_HALFWAY = (0.4375, 0.2667)  # ⟨|L|⟩, ⟨L²⟩ midway between 0.500, 0.333 (untwinned) and 0.375, 0.200 (perfect)


@dataclass(frozen=True, eq=False)
class LTest:
    """Result of the L-test.

    Attributes
    ----------
    mean_abs_l, mean_l2
        ⟨|L|⟩ and ⟨L²⟩; 0.5 and 0.333 untwinned, 0.375 and 0.2 for a perfect twin. NaN without pairs.
    pairs
        Number of pairs.
    twinned
        True or False, or None where there are too few pairs to tell.
    abs_l, cumulative
        Distribution N(|L|): the fraction of pairs with a smaller value, shape ``(k,)``; empty without pairs.
    """

    mean_abs_l: float
    mean_l2: float
    pairs: int
    twinned: bool | None
    abs_l: FloatArray
    cumulative: FloatArray


def l_test(intensity: FloatArray, hkl: NDArray[np.int32], centric: BoolArray) -> LTest:
    """Compare acentric intensities with neighbours two indices away.

    L = (I₁ − I₂)/(I₁ + I₂) (Padilla & Yeates, 2003, Acta Cryst. D59, 1124–1130). Neighbours differ by 2
    along one or two axes, so that pseudo-centring translations do not imitate twinning.

    Parameters
    ----------
    intensity
        Intensities of well-measured resolution shells, shape ``(n,)``. Weak reflections must not be sorted
        out one by one: that alone would bring the pairs nearer to each other, as twinning does.
    hkl
        Unique Miller indices, shape ``(n, 3)``.
    centric
        Centric flags, shape ``(n,)``.
    """
    rows = np.flatnonzero(~centric)
    place = {tuple(h): row for h, row in zip(hkl[rows].tolist(), rows.tolist(), strict=True)}
    first, second = [], []
    for step in ((2, 0, 0), (0, 2, 0), (0, 0, 2), (2, 2, 0), (2, 0, 2), (0, 2, 2)):
        for h, row in place.items():
            other = place.get((h[0] + step[0], h[1] + step[1], h[2] + step[2]))
            if other is not None:
                first.append(row)
                second.append(other)
    i1, i2 = np.maximum(intensity[first], 0.0), np.maximum(intensity[second], 0.0)
    total = i1 + i2
    value = (i1 - i2)[total > 0.0] / total[total > 0.0]
    if not len(value):
        return LTest(float("nan"), float("nan"), 0, None, np.empty(0), np.empty(0))
    mean_abs, mean_square = float(np.abs(value).mean()), float(np.mean(value**2))
    twinned = (mean_abs < _HALFWAY[0] and mean_square < _HALFWAY[1]) if len(value) >= _FEWEST_PAIRS else None
    abs_l = np.linspace(0.0, 1.0, _CURVE_POINTS)
    cumulative = np.searchsorted(np.sort(np.abs(value)), abs_l, side="right") / len(value)
    return LTest(mean_abs, mean_square, len(value), twinned, abs_l, cumulative)


def second_moment(e2: FloatArray, sigma_e2: FloatArray) -> float:
    """⟨I²⟩/⟨I⟩² from normalised intensities, the variance of the noise subtracted.

    Expected: acentric 2 (perfect twin 1.5), centric 3 (perfect twin 2).

    Parameters
    ----------
    e2, sigma_e2
        Normalised intensities and standard uncertainties, shape ``(n,)``.

    Returns
    -------
    The moment; NaN for fewer than 20 reflections.
    """
    if len(e2) < 20:
        return float("nan")
    return float(np.mean(e2**2 - sigma_e2**2) / np.mean(e2) ** 2)
