"""Agreement of two phase sets by resolution and by figure of merit, defined as in cphasematch (CCP4).

Every reflection counts with weight 1/ε; |Δφ| = acos(cos Δφ). Shells hold equal numbers of reflections by
the cumulative histogram of 1/d² in 1000 bins.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.matching import MatchedSets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHELLS = 12  # cphasematch's default
FOM_BINS = 20  # the same
_ORDINAL_BINS = 1000
_SCALE_SHELLS = 10  # shells of the E scale, of equal widths in the square root of the ordinal
_SHELL_SCALE = 0.9999 * SHELLS  # keeps the last reflection in the last shell
_BISECTIONS = 10  # the printed shell limits are found by this many halvings


@dataclass(frozen=True, eq=False)
class ResolutionOrdinal:
    """Cumulative distribution of 1/d² from `low` to `high` (Å⁻²); `cumulative` has shape ``(1001,)``."""

    low: float
    high: float
    cumulative: FloatArray

    def __call__(self, inv_d2: FloatArray) -> FloatArray:
        """Fraction of the reflections below each 1/d², by linear interpolation, same shape."""
        place = _histogram_place(inv_d2, self.low, self.high)
        whole = place.astype(np.int64)
        rest = place - whole
        return np.asarray((1 - rest) * self.cumulative[whole] + rest * self.cumulative[whole + 1])

    def quantile(self, fraction: FloatArray) -> FloatArray:
        """1/d² below which a fraction of the reflections lies: the inverse, tabulated in 1000 bins."""
        target = np.arange(_ORDINAL_BINS + 1) / _ORDINAL_BINS
        step = 0.5 * (self.high - self.low)
        guess = np.full(target.shape, 0.5 * (self.high + self.low))
        for _ in range(_BISECTIONS):
            guess = guess + np.where(self(guess) > target, -step, step)
            step *= 0.5
        table = np.clip(guess, self.low, self.high)
        table[0], table[-1] = self.low, self.high
        return np.asarray(np.interp(np.minimum(fraction, 0.99999), target, table))


def resolution_ordinal(inv_d2: FloatArray) -> ResolutionOrdinal:
    """Build the cumulative distribution of 1/d² of a list of reflections, shape ``(n,)``."""
    low, high = float(inv_d2.min()), float(inv_d2.max())
    counts = np.bincount(_histogram_place(inv_d2, low, high).astype(np.int64), minlength=_ORDINAL_BINS)
    return ResolutionOrdinal(low, high, np.concatenate([[0.0], np.cumsum(counts) / len(inv_d2)]))


def shell_table(
    sets: MatchedSets, listed: FloatArray, floor: float = 0.0
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Statistics of the 12 resolution shells and of all reflections.

    Parameters
    ----------
    sets
        The two sets, already moved onto each other.
    listed
        1/d² in Å⁻² of the reflections that set the limits of the shells, any length.
    floor
        Lowest denominator allowed. cphasematch divides by max(sum, 1), so figures of very small sums shrink.

    Returns
    -------
    tuple
        Rows (keys: ``inv_d2_low``, ``inv_d2_high`` in Å⁻², ``n``, ``fom1``, ``fom2``, ``dphi``,
        ``dphi_w1``, ``dphi_w2`` in degrees, ``correlation_f``, ``correlation_e``), and the overall row, which
        has ``qfom1`` and ``qfom2`` instead of the limits.
    """
    ordinal = resolution_ordinal(listed)
    use = sets.common
    shell = (_SHELL_SCALE * ordinal(sets.inv_d2[use])).astype(np.int64)
    terms = _terms(sets, e_scale(sets, ordinal))
    rows = _ratios(
        {k: np.bincount(shell, v, minlength=SHELLS).astype(np.float64) for k, v in terms.items()}, floor
    )
    total = _ratios({k: v.sum(keepdims=True) for k, v in terms.items()}, floor)
    edges = np.arange(SHELLS, dtype=np.float64)
    limits = {
        "inv_d2_low": ordinal.quantile(edges / _SHELL_SCALE),
        "inv_d2_high": ordinal.quantile((edges + 0.999) / _SHELL_SCALE),
    }
    table = [_row({**limits, **rows}, i) for i in range(SHELLS)]
    for name in ("qfom1", "qfom2"):
        for row in table:
            del row[name]
    return table, _row(total, 0)


def fom_table(sets: MatchedSets) -> list[dict[str, Any]]:
    """Histogram of both FOMs in 20 bins, with acos⟨cos Δφ⟩ in degrees of each bin (90 where it is empty).

    Keys: ``fom`` (centre of the bin), ``acos_fom``, ``n1``, ``dphi1``, ``n2``, ``dphi2``.
    """
    use = sets.common
    cosine = np.cos(sets.phi1[use] - sets.phi2[use])
    centre = (np.arange(FOM_BINS) + 0.5) / FOM_BINS
    columns = {"fom": centre, "acos_fom": np.degrees(np.arccos(centre))}
    for i, fom in enumerate((sets.fom1[use], sets.fom2[use]), start=1):
        bins = np.clip((FOM_BINS * fom).astype(np.int64), 0, FOM_BINS - 1)
        count = np.bincount(bins, minlength=FOM_BINS)
        mean = np.bincount(bins, cosine, minlength=FOM_BINS) / np.maximum(count, 1)
        columns |= {f"n{i}": count, f"dphi{i}": np.degrees(np.arccos(np.clip(mean, -1, 1)))}
    return [_row(columns, i) for i in range(FOM_BINS)]


def weighted_phase_error(sets: MatchedSets) -> float:
    """Mean |Δφ| in degrees over the common reflections, with weights 1/ε."""
    use = sets.common
    return float(np.average(_phase_error(sets, use), weights=1.0 / sets.epsilon[use]))


def e_scale(sets: MatchedSets, ordinal: ResolutionOrdinal) -> FloatArray:
    """Scale that makes ⟨|Fobs|²/ε⟩ one in each of ten shells, shape ``(n,)``.

    The shells are equal in the square root of the ordinal, and centric reflections have half the weight.
    """
    place = np.sqrt(ordinal(sets.inv_d2))
    shell = np.clip((_SCALE_SHELLS * place).astype(np.int64), 0, _SCALE_SHELLS - 1)
    weight = np.isfinite(sets.fobs) / (sets.epsilon * np.where(sets.centric, 2.0, 1.0))
    intensity = np.nan_to_num(sets.fobs) ** 2 / sets.epsilon
    count = np.bincount(shell, weight, minlength=_SCALE_SHELLS)
    total = np.bincount(shell, weight * intensity, minlength=_SCALE_SHELLS)
    return np.asarray(np.divide(count, total, out=np.ones(_SCALE_SHELLS), where=total > 0)[shell])


def _histogram_place(inv_d2: FloatArray, low: float, high: float) -> FloatArray:
    """Place on the histogram's axis, 0 to just under 1000."""
    width = (high - low) or 1.0
    return np.asarray(np.clip((inv_d2 - low) / width, 0.0, 0.99999) * _ORDINAL_BINS)


def _phase_error(sets: MatchedSets, use: NDArray[np.bool_]) -> FloatArray:
    """|Δφ| in degrees of the reflections in use."""
    cosine = np.cos(sets.phi1[use] - sets.phi2[use])
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _terms(sets: MatchedSets, scale: FloatArray) -> dict[str, FloatArray]:
    """Terms summed over the reflections, each with shape ``(common,)``."""
    use = sets.common
    w, dphi = 1.0 / sets.epsilon[use], _phase_error(sets, use)
    cosine = np.cos(np.radians(dphi))
    fom1, fom2, f1, f2 = sets.fom1[use], sets.fom2[use], sets.f1[use], sets.f2[use]
    we = w * scale[use]
    terms = {"n": np.ones(len(w)), "w": w, "d": w * dphi, "f12": w * f1 * f2 * cosine}
    terms |= {"f11": w * f1**2, "f22": w * f2**2, "e12": we * f1 * f2 * cosine}
    terms |= {"e11": we * f1**2, "e22": we * f2**2}
    for i, fom in (("1", fom1), ("2", fom2)):
        terms |= {"w" + i: w * fom, "d" + i: w * fom * dphi}
        terms |= {"c" + i: w * fom * cosine, "q" + i: w * fom**2}
    return terms


def _ratios(s: dict[str, FloatArray], floor: float) -> dict[str, NDArray[Any]]:
    """Means and correlations from the sums; an empty shell has zeros."""

    def over(top: FloatArray, bottom: FloatArray, lowest: float = floor) -> FloatArray:
        bottom = np.maximum(bottom, lowest)
        return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)

    return {
        "n": s["n"].astype(np.int64),
        "fom1": over(s["w1"], s["w"]),
        "fom2": over(s["w2"], s["w"]),
        "dphi": over(s["d"], s["w"]),
        "dphi_w1": over(s["d1"], s["w1"]),
        "dphi_w2": over(s["d2"], s["w2"]),
        "correlation_f": over(s["f12"], np.sqrt(np.maximum(s["f11"] * s["f22"], floor))),
        "correlation_e": over(s["e12"], np.sqrt(np.maximum(s["e11"] * s["e22"], floor))),
        "qfom1": over(s["c1"], s["q1"], 0.0),
        "qfom2": over(s["c2"], s["q2"], 0.0),
    }


def _row(columns: dict[str, NDArray[Any]], i: int) -> dict[str, Any]:
    return {name: column[i].item() for name, column in columns.items()}
