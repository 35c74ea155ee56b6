"""Grids on which a map of a crystal can be sampled and Fourier transformed quickly."""

import math

import gemmi
import numpy as np

from rephase.crystal.symmetry import Symmetry

Shape = tuple[int, int, int]

_SMOOTH = (2, 3, 5)  # radices every FFT library handles without a slow path


def grid_shape(
    cell: gemmi.UnitCell,
    d_min: float,
    oversampling: float = 1.0,
    spacegroup: Symmetry | None = None,
) -> Shape:
    """Choose the smallest FFT-friendly grid that holds all reflections to d_min.

    Every axis is even and a product of 2, 3 and 5, and has more than 2·(largest index) points, so that no
    reflection falls on the Nyquist plane.

    Parameters
    ----------
    cell
        Unit cell.
    d_min
        High-resolution limit in Å.
    oversampling
        Sampling relative to Nyquist: the spacing along each axis is at most ``d_min / (2 · oversampling)``.
        Products of maps (squaring, masks) alias less above 1.
    spacegroup
        When given, every symmetry operator maps grid points onto grid points.

    Returns
    -------
    Numbers of points ``(nu, nv, nw)`` along a, b, c.
    """
    if not d_min > 0.0 or not oversampling >= 1.0:
        raise ValueError(f"d_min > 0 and oversampling ≥ 1 are needed, not {d_min} and {oversampling}")
    lowest = [_lowest_size(edge, d_min, oversampling) for edge in (cell.a, cell.b, cell.c)]
    factors = [2, 2, 2]
    if spacegroup is not None:
        lowest, factors = _apply_symmetry(spacegroup, lowest)
    nu, nv, nw = (_smooth_size(n, factor) for n, factor in zip(lowest, factors, strict=True))
    return nu, nv, nw


def _lowest_size(edge: float, d_min: float, oversampling: float) -> int:
    highest_index = math.floor(edge / d_min * (1.0 + 1e-9))  # |h| = |s·a| ≤ a/d in any cell
    return max(2 * highest_index + 1, math.ceil(oversampling * 2.0 * edge / d_min - 1e-6))


def _apply_symmetry(spacegroup: Symmetry, lowest: list[int]) -> tuple[list[int], list[int]]:
    """Lowest sizes and required factors once axes mixed by rotations are made equal."""
    ops = spacegroup.operations() if isinstance(spacegroup, gemmi.SpaceGroup) else spacegroup
    factors = [math.lcm(2, int(factor)) for factor in ops.find_grid_factors()]
    mixed = np.any([np.array(op.rot) != 0 for op in ops.sym_ops], axis=0)
    linked = np.linalg.matrix_power((mixed | mixed.T | np.eye(3, dtype=bool)).astype(int), 3) > 0
    sizes = [max(n for n, same in zip(lowest, row, strict=True) if same) for row in linked]
    common = [math.lcm(*(f for f, same in zip(factors, row, strict=True) if same)) for row in linked]
    return sizes, common


def _smooth_size(lowest: int, factor: int) -> int:
    size = math.ceil(lowest / factor) * factor
    while not _is_smooth(size):
        size += factor
    return size


def _is_smooth(size: int) -> bool:
    for prime in _SMOOTH:
        while size % prime == 0:
            size //= prime
    return size == 1
