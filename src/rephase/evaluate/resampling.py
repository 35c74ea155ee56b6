"""Bootstrap over groups: examples from one PDB entry are no independent witnesses, so entries are drawn."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

FloatArray = NDArray[np.float64]
CountArray = NDArray[np.int64]

RESAMPLES = 2000
_ENDS = (2.5, 97.5)  # percent of a 95 % interval


def resampled_counts(
    groups: NDArray[np.str_], rng: np.random.Generator, resamples: int = RESAMPLES
) -> CountArray:
    """Draw groups with replacement, as many as there are, over and over.

    Parameters
    ----------
    groups
        Group of each example, shape ``(n,)``, n ≥ 1.
    rng
        Source of the draws.
    resamples
        How often.

    Returns
    -------
    How often each example is in each resample, shape ``(resamples, n)``.
    """
    names, group = np.unique(groups, return_inverse=True)
    even = np.full(len(names), 1.0 / len(names))
    return np.asarray(rng.multinomial(len(names), even, size=resamples)[:, group], dtype=np.int64)


def mean_interval(values: FloatArray, counts: CountArray) -> tuple[float, float]:
    """95 % percentile interval of the mean (Efron & Tibshirani 1993, ch. 13).

    Parameters
    ----------
    values
        Shape ``(n,)``.
    counts
        From `resampled_counts`, shape ``(resamples, n)``.
    """
    total = counts.sum(axis=1)
    return _interval((counts @ values)[total > 0] / total[total > 0])


def median_interval(values: FloatArray, counts: CountArray) -> tuple[float, float]:
    """95 % percentile interval of the median; the parameters are those of `mean_interval`."""
    order = np.argsort(values, kind="stable")
    ascending, below = values[order], np.cumsum(counts[:, order], axis=1)
    below = below[below[:, -1] > 0]
    total = below[:, -1:]
    lower, upper = (np.argmax(below > place, axis=1) for place in ((total - 1) // 2, total // 2))
    return _interval((ascending[lower] + ascending[upper]) / 2.0)


def part_interval(
    true: NDArray[np.bool_], groups: NDArray[np.str_], counts: CountArray
) -> tuple[float, float]:
    """95 % interval of the part of the examples of which something is true.

    Where it is true of all or of none, every resample says the same; then the exact binomial interval is
    given (Clopper & Pearson 1934), with each group as one witness.

    Parameters
    ----------
    true
        Shape ``(n,)``.
    groups, counts
        As given to and returned by `resampled_counts`.
    """
    if 0 < np.count_nonzero(true) < len(true):
        return mean_interval(true.astype(np.float64), counts)
    witnesses = len(np.unique(groups))
    interval = binomtest(witnesses if true.all() else 0, witnesses).proportion_ci()
    return float(interval.low), float(interval.high)


def _interval(statistics: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(statistics, _ENDS)
    return float(low), float(high)
