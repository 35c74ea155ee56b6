"""Origin and hand that bring one phase set onto another.

The figure is the map correlation Σ m F₁F₂ cos(φ₁ − φ₂'(t)) / norm as a function of the origin shift t, for
both hands. Only origins that the symmetry permits are tried: a Fourier transform along the free axes from
every permissible origin gives the peaks, Newton ascent their exact place.
"""

from dataclasses import dataclass

import gemmi
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.evaluate.map_figures import p1_multiplicity
from rephase.evaluate.origins import HANDS, Hand, OriginShifts, origin_shifts, wrap_shift

FloatArray = NDArray[np.float64]

GRID_PER_INDEX = 4  # grid points per cell edge for each unit of the highest index: twice the Nyquist rate
CANDIDATES = 12  # highest grid peaks that are refined; the true one may lie between grid points
ASCENT_STEPS = 12  # Newton doubles the digits per step: from a quarter of a grid unit, 5 reach 1e-9
TIE = 1e-9  # the same hand wins ties, as in cphasematch


@dataclass(frozen=True)
class HandFit:
    """Best origin for one hand.

    Attributes
    ----------
    hand
        "same", or "other" for the second set inverted through the origin before the shift.
    shift
        Origin shift t applied to the second set, fractions of the cell edges in [0, 1).
    score
        Amplitude-weighted map correlation of the first set with the moved second set.
    """

    hand: Hand
    shift: tuple[float, float, float]
    score: float


@dataclass(frozen=True)
class Alignment:
    """The best fit of each hand that the symmetry allows; `fits` has one or two entries."""

    fits: tuple[HandFit, ...]

    @property
    def best(self) -> HandFit:
        """The chosen fit: the highest score, the same hand on ties."""
        first, last = self.fits[0], self.fits[-1]
        return last if last.score > first.score + TIE else first

    @property
    def hand(self) -> Hand:
        """Hand of the chosen fit."""
        return self.best.hand

    @property
    def shift(self) -> FloatArray:
        """Origin shift of the chosen fit, shape ``(3,)``."""
        return np.array(self.best.shift)

    @property
    def score(self) -> float:
        """Map correlation of the chosen fit."""
        return self.best.score


def align(
    hkl: NDArray[np.integer],
    f1: FloatArray,
    phi1: FloatArray,
    f2: FloatArray,
    phi2: FloatArray,
    spacegroup: gemmi.SpaceGroup,
    spacegroup2: gemmi.SpaceGroup | None = None,
) -> Alignment:
    """Find the origin shift and the hand that bring the second phase set onto the first.

    Parameters
    ----------
    hkl
        Unique reflections common to both sets, shape ``(n, 3)``, in any asymmetric unit; 000 is ignored.
    f1, phi1, f2, phi2
        Amplitudes and phases (radians), shape ``(n,)``, all finite.
    spacegroup, spacegroup2
        Space groups of the two sets; the second defaults to the first.

    Returns
    -------
    Alignment
        φ₂' = ±φ₂ + 2π h·t, see `rephase.evaluate.origins.moved_phases`.

    Raises
    ------
    UserError
        No shift brings the second space group onto the first, in either hand.
    """
    keep = np.any(hkl != 0, axis=1)
    hkl, (f1, phi1, f2, phi2) = hkl[keep], (x[keep] for x in (f1, phi1, f2, phi2))
    m = p1_multiplicity(hkl, spacegroup)
    norm = float(np.sqrt(np.sum(m * f1**2) * np.sum(m * f2**2))) or 1.0
    amplitude = m * f1 * f2 / norm
    fits = []
    for hand in HANDS:
        allowed = origin_shifts(spacegroup, spacegroup2 or spacegroup, hand)
        if allowed is not None:
            phi = phi1 - phi2 if hand == "same" else phi1 + phi2
            shift, score = highest_origin(hkl, amplitude * np.exp(1j * phi), allowed)
            fits.append(HandFit(hand, (float(shift[0]), float(shift[1]), float(shift[2])), score))
    if not fits:
        other = spacegroup2 or spacegroup
        raise UserError(
            "two phase sets of the same crystal form",
            f"space groups {spacegroup.xhm()} and {other.xhm()}",
            "give sets of the same space group, or of an enantiomorphic pair, in the same setting",
        )
    return Alignment(tuple(fits))


def highest_origin(
    hkl: NDArray[np.integer], coefficients: NDArray[np.complex128], allowed: OriginShifts
) -> tuple[FloatArray, float]:
    """Find the permissible shift t where Re Σ c exp(−2πi h·t) is largest, and that value.

    Parameters
    ----------
    hkl
        Miller indices, shape ``(n, 3)``.
    coefficients
        c, shape ``(n,)``.
    allowed
        Shifts to choose from.
    """
    from_origin = coefficients * np.exp(-2j * np.pi * (allowed.discrete @ hkl.T))
    if len(allowed.free) == 0:
        values = from_origin.real.sum(axis=1)
        best = int(np.argmax(values))
        return wrap_shift(allowed.discrete[best]), float(values[best])
    index = np.rint(hkl @ allowed.free.T).astype(np.int64)
    which, start = _grid_peaks(index, from_origin)
    along, values = _ascend(index, from_origin[which], start)
    best = int(np.argmax(values))
    shift = allowed.discrete[which[best]] + along[best] @ allowed.free
    return wrap_shift(shift), float(values[best])


def _grid_peaks(
    index: NDArray[np.int64], coefficients: NDArray[np.complex128]
) -> tuple[NDArray[np.intp], FloatArray]:
    """Highest points of Re Σ c exp(−2πi k·s) on a grid: origins ``(p,)`` and s ``(p, d)``."""
    shape = [
        scipy.fft.next_fast_len(GRID_PER_INDEX * int(m) + 2, real=True) for m in np.abs(index).max(axis=0)
    ]
    flip = index[:, -1] < 0
    k = np.where(flip[:, None], -index, index) % shape
    c = np.where(flip, coefficients.conj(), coefficients).conj() * np.where(k[:, -1] == 0, 1.0, 0.5)
    half = [*shape[:-1], shape[-1] // 2 + 1]
    flat = np.ravel_multi_index(tuple(k.T), tuple(half))
    size = int(np.prod(half))
    maps = [scipy.fft.irfftn(_scatter(flat, row, size).reshape(half), s=shape, norm="forward") for row in c]
    values = np.array(maps)
    peaks = np.where(_local_maxima(values), values, -np.inf).ravel()
    count = min(CANDIDATES, peaks.size)
    top = np.argpartition(peaks, -count)[-count:]
    top = top[np.isfinite(peaks[top])]
    which, *point = np.unravel_index(top, values.shape)
    return which, np.stack(point, axis=1) / np.array(shape)


def _scatter(flat: NDArray[np.intp], values: NDArray[np.complex128], size: int) -> NDArray[np.complex128]:
    """Sum complex values into the cells of a flat array."""
    real = np.bincount(flat, weights=values.real, minlength=size)
    imaginary = np.bincount(flat, weights=values.imag, minlength=size)
    return np.asarray(real + 1j * imaginary)


def _local_maxima(values: FloatArray) -> NDArray[np.bool_]:
    """Points not below their neighbours along each axis (periodic); the leading axis counts origins."""
    mask = np.ones(values.shape, dtype=bool)
    for axis in range(1, values.ndim):
        mask &= (values >= np.roll(values, 1, axis)) & (values >= np.roll(values, -1, axis))
    return mask


def _ascend(
    index: NDArray[np.int64], coefficients: NDArray[np.complex128], start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Newton ascent of Re Σ c exp(−2πi k·s) from each start ``(p, d)``; returns places and values.

    Curvatures are made negative by their absolute value, and a step that loses height is halved.
    """
    d = index.shape[1]
    reach = 1.0 / (2 * GRID_PER_INDEX * np.maximum(np.abs(index).max(axis=0), 1))
    pairs = (index[:, :, None] * index[:, None, :]).reshape(len(index), d * d)
    here, damping = start, np.ones(len(start))
    waves = coefficients * np.exp(-2j * np.pi * (here @ index.T))
    for _ in range(ASCENT_STEPS):
        gradient = 2 * np.pi * (waves.imag @ index)
        curvature, axes = np.linalg.eigh(4 * np.pi**2 * (waves.real @ pairs).reshape(-1, d, d))
        along = np.einsum("pij,pi->pj", axes, gradient) / np.maximum(np.abs(curvature), 1e-12)
        step = np.clip(np.einsum("pij,pj->pi", axes, along), -reach, reach) * damping[:, None]
        trial = coefficients * np.exp(-2j * np.pi * ((here + step) @ index.T))
        better = trial.real.sum(axis=1) >= waves.real.sum(axis=1)
        here = np.where(better[:, None], here + step, here)
        waves = np.where(better[:, None], trial, waves)
        damping = np.where(better, 1.0, damping / 4)
        if np.abs(step).max() < 1e-9:
            break
    return here, waves.real.sum(axis=1)
