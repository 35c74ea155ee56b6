"""How far probabilities can be trusted, and how sure a fraction of a few examples is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_Z = float(norm.ppf(0.975))


@dataclass(frozen=True)
class ReliabilityBin:
    """Examples whose stated probabilities lie in one interval.

    Attributes
    ----------
    low, high
        Its ends; only the last one contains its upper end.
    count
        Examples in it.
    stated
        Mean of their probabilities; None without examples.
    found
        Part of them that is right; None without examples.
    """

    low: float
    high: float
    count: int
    stated: float | None
    found: float | None


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a fraction (Wilson 1927, J. Am. Stat. Assoc. 22, 209).

    For independent trials; `rephase.evaluate.resampling` is for several examples of one entry.

    Raises
    ------
    ValueError
        Without trials, or with successes that are not 0 to `trials`.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no fraction")
    part, weight = successes / trials, 1.0 + _Z**2 / trials
    centre = (part + _Z**2 / (2.0 * trials)) / weight
    half = _Z / weight * math.sqrt(part * (1.0 - part) / trials + _Z**2 / (4.0 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def auroc(score: FloatArray, right: BoolArray) -> float | None:
    """Return the chance that a right example has a higher score than a wrong one, equal scores counting half.

    The area under the receiver operating characteristic.

    Parameters
    ----------
    score, right
        Shape ``(n,)``.

    Returns
    -------
    0 to 1; None unless there are right and wrong examples.
    """
    pairs = int(right.sum()) * int((~right).sum())
    if pairs == 0:
        return None
    return float(mannwhitneyu(score[right], score[~right]).statistic / pairs)


def reliability_table(probability: FloatArray, right: BoolArray, bins: int = 10) -> list[ReliabilityBin]:
    """Compare stated probabilities with how often they come true, in bins of equal width.

    Parameters
    ----------
    probability
        0–1, shape ``(n,)``.
    right
        Shape ``(n,)``.
    bins
        Their number, at least 1.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    which = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, bins - 1)
    table = []
    for number, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        here = which == number
        count = int(here.sum())
        stated = float(probability[here].mean()) if count else None
        found = float(right[here].mean()) if count else None
        table.append(ReliabilityBin(low, high, count, stated, found))
    return table
