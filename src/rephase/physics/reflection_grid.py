"""Lists of reflections ↔ half-complex grids."""

from typing import NamedTuple

import torch
from torch import Tensor

from rephase.physics.cells import Shape


class GridIndex(NamedTuple):
    """Where the reflections of a list lie on a half-complex grid; made once per list by `grid_index`.

    Attributes
    ----------
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.
    flat
        Position of each reflection, or of its Friedel mate when l < 0, shape ``(n,)``, int64.
    conjugate
        Whether the position holds the mate, shape ``(n,)``, bool.
    in_plane
        Numbers of the reflections with l = 0, whose mates lie on the grid too, shape ``(m,)``.
    flat_mate
        Positions of these mates, shape ``(m,)``.
    """

    shape: Shape
    flat: Tensor
    conjugate: Tensor
    in_plane: Tensor
    flat_mate: Tensor


def grid_index(hkl: Tensor, shape: Shape) -> GridIndex:
    """Find the places of reflections on a half-complex grid.

    Parameters
    ----------
    hkl
        Miller indices, shape ``(n, 3)``, integer; each reflection once, of Friedel mates only one.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.

    Raises
    ------
    ValueError
        When a reflection lies on or beyond a Nyquist plane of the grid.
    """
    sizes = torch.tensor(shape, device=hkl.device)
    if bool((2 * hkl.abs() >= sizes).any()):
        raise ValueError(f"grid {shape} is too coarse for indices up to {hkl.abs().amax(0).tolist()}")
    hkl = hkl.long()
    conjugate = hkl[:, 2] < 0
    in_plane = torch.nonzero(hkl[:, 2] == 0).squeeze(1)
    own = torch.where(conjugate[:, None], -hkl, hkl)
    return GridIndex(shape, _flat(own, shape), conjugate, in_plane, _flat(-hkl[in_plane], shape))


def hkl_to_grid(values: Tensor, index: GridIndex) -> Tensor:
    """Write a list of values onto a grid that is zero elsewhere; differentiable.

    Parameters
    ----------
    values
        Structure factors, or real values equal for Friedel mates, shape ``(..., n)``.
    index
        From `grid_index`.

    Returns
    -------
    Shape ``(..., nu, nv, nw//2 + 1)``.
    """
    nu, nv, nw = index.shape
    half = (nu, nv, nw // 2 + 1)
    own = torch.where(index.conjugate, values.conj(), values)
    mates = values.conj().index_select(-1, index.in_plane)
    grid = values.new_zeros((*values.shape[:-1], half[0] * half[1] * half[2]))
    grid = grid.index_copy(-1, index.flat_mate, mates).index_copy(-1, index.flat, own)
    return grid.view(*values.shape[:-1], *half)


def grid_to_hkl(grid: Tensor, index: GridIndex) -> Tensor:
    """Read the values of listed reflections off a half-complex grid.

    Parameters
    ----------
    grid
        Shape ``(..., nu, nv, nw//2 + 1)``, complex or real.
    index
        From `grid_index`.

    Returns
    -------
    Shape ``(..., n)``.
    """
    values = grid.flatten(-3).index_select(-1, index.flat)
    return torch.where(index.conjugate, values.conj(), values)


def _flat(hkl: Tensor, shape: Shape) -> Tensor:
    nu, nv, nw = shape
    return (hkl[:, 0] % nu * nv + hkl[:, 1] % nv) * (nw // 2 + 1) + hkl[:, 2]
