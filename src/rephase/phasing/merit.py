"""Truth-free figures of merit of trial phase sets."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import Constraint

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Merit:
    """Figures of a batch of starts, each of shape ``(starts,)``.

    Attributes
    ----------
    cc_free
        Correlation of E with that of the constrained density, over reflections the search never saw.
    cc_work
        The same over the reflections it used.
    r_work
        Σ| |F| − |F_constrained| | / Σ|F| over the reflections used: how far the two constraints are apart.
    skewness
        Third standardised moment of the map of measured amplitudes.
    """

    cc_free: FloatArray
    cc_work: FloatArray
    r_work: FloatArray
    skewness: FloatArray

    def best(self) -> int:
        """Index of the start whose two constraints are closest to each other."""
        return int(np.argmin(self.r_work))


@torch.inference_mode()
def judge(
    measured: Tensor,
    grid: AmplitudeGrid,
    constraint: Constraint,
    full: FloatArray,
    sharpening: FloatArray,
    omitted: NDArray[np.bool_],
) -> Merit:
    """Compare amplitudes after the density constraint with the observed ones.

    Parameters
    ----------
    measured
        Maps of measured amplitudes, shape ``(starts, nu, nv, nw)``.
    grid
        Working amplitudes (without the omitted ones).
    constraint
        Knowledge of the density, as learnt.
    full
        Observed amplitudes at the rows of the expansion, on the grid's scale, shape ``(m,)``.
    sharpening
        Factor that makes E values of them, shape ``(m,)``.
    omitted
        Rows the search did not see, shape ``(m,)``.
    """
    F = np.abs(grid.at_reflections(grid.structure_factors(constraint(measured))))
    scale = (F[:, ~omitted] @ full[~omitted]) / (F[:, ~omitted] ** 2).sum(1).clip(1e-12)
    gap = np.abs(scale[:, None] * F[:, ~omitted] - full[~omitted]).sum(1) / full[~omitted].sum()
    return Merit(
        cc_free=correlation(F[:, omitted] * sharpening[omitted], full[omitted] * sharpening[omitted]),
        cc_work=correlation(F[:, ~omitted] * sharpening[~omitted], full[~omitted] * sharpening[~omitted]),
        r_work=gap,
        skewness=skewness(measured),
    )


def skewness(maps: Tensor) -> FloatArray:
    """Third standardised moment of maps of shape ``(starts, nu, nv, nw)``."""
    centred = maps - maps.mean(dim=(-3, -2, -1), keepdim=True)
    second = centred.square().mean(dim=(-3, -2, -1))
    third = (centred * centred.square()).mean(dim=(-3, -2, -1))
    return np.asarray((third / second.pow(1.5)).cpu().numpy(), dtype=np.float64)


def correlation(rows: FloatArray, reference: FloatArray) -> FloatArray:
    """Pearson correlation of each row, shape ``(s, n)``, with a reference ``(n,)``; zero where undefined."""
    if len(reference) < 3:
        return np.zeros(len(rows))
    x = rows - rows.mean(axis=1, keepdims=True)
    y = reference - reference.mean()
    norm = np.sqrt((x**2).sum(1) * (y**2).sum())
    return np.asarray(np.divide(x @ y, norm, out=np.zeros(len(rows)), where=norm > 0))


def choose_omitted(
    asu_rows: int, expansion_rows: NDArray[np.intp], fraction: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw reflections to leave out of a search: whole sets of symmetry mates, shape ``(m,)``."""
    drawn = rng.random(asu_rows) < fraction
    return np.asarray(drawn[expansion_rows])
