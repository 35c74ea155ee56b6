"""Origin and hand on cphasematch's own grid: no sub-grid step, no symmetry restriction."""

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.alignment import TIE
from rephase.evaluate.origins import Hand, origin_shifts

FloatArray = NDArray[np.float64]


def coarse_origin(
    hkl: NDArray[np.int32],
    amplitude: FloatArray,
    phi1: FloatArray,
    phi2: FloatArray,
    spacegroup: gemmi.SpaceGroup,
    grid: tuple[int, int, int],
) -> tuple[FloatArray, Hand]:
    """Find the highest grid point of the two origin maps, the same hand and the lowest (u, v, w) on ties.

    The map coefficients are |F₁||F₂| with phases φ₁ − φ₂ and φ₁ + φ₂ in the symmetry of the point group. The
    other hand is tried only where inversion through the origin leaves the space group as it is.

    Parameters
    ----------
    hkl
        Unique reflections, shape ``(n, 3)``.
    amplitude
        |F₁||F₂|, shape ``(n,)``.
    phi1, phi2
        Phases in radians, shape ``(n,)``.
    spacegroup
        Space group of both sets.
    grid
        From `coarse_grid`.

    Returns
    -------
    tuple
        Shift in fractions of the cell, shape ``(3,)``, and hand.
    """
    hand: Hand = "same"
    best, shift = _peak(hkl, amplitude * np.exp(1j * (phi1 - phi2)), spacegroup, grid)
    inverted = origin_shifts(spacegroup, spacegroup, "other")
    if inverted is not None and _contains_zero(inverted.discrete):
        height, place = _peak(hkl, amplitude * np.exp(1j * (phi1 + phi2)), spacegroup, grid)
        if height > best * (1 + TIE):
            hand, shift = "other", place
    return shift, hand


def coarse_grid(cell: gemmi.UnitCell, d_min: float) -> tuple[int, int, int]:
    """Grid of the search: three points per d_min, a fast FFT size, rounded up to a multiple of 12."""
    n = [-(-_fast_size(int(np.ceil(3 * edge / d_min))) // 12) * 12 for edge in (cell.a, cell.b, cell.c)]
    return n[0], n[1], n[2]


def _fast_size(lowest: int) -> int:
    """Even n in [lowest, 2·lowest + 16) with the smallest n³ × (sum of its prime factors)."""
    sizes = [n for n in range(lowest, 2 * lowest + 16) if n % 2 == 0]
    return min(sizes, key=lambda n: n**3 * sum(_prime_factors(n)))


def _prime_factors(n: int) -> list[int]:
    """Prime factors with repetition."""
    factors, divisor = [], 2
    while n > 1:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return factors


def _contains_zero(shifts: FloatArray) -> bool:
    return bool(np.any(np.all(np.abs(shifts) < 1e-6, axis=1)))


def _peak(
    hkl: NDArray[np.int32],
    coefficients: NDArray[np.complex128],
    spacegroup: gemmi.SpaceGroup,
    grid: tuple[int, int, int],
) -> tuple[float, FloatArray]:
    """Height and place of the highest point of the map in the point group's symmetry."""
    transform = np.zeros(grid, dtype=complex)
    for op in spacegroup.operations().sym_ops:
        mate = hkl @ (np.array(op.rot) // op.DEN)
        transform[tuple((mate % grid).T)] = coefficients
        transform[tuple((-mate % grid).T)] = coefficients.conj()
    values = np.fft.fftn(transform).real
    top = float(values.max())
    first = int(np.argmax(values.ravel() >= top - TIE * abs(top)))
    return top, np.array(np.unravel_index(first, grid)) / np.array(grid)
