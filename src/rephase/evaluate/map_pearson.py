"""Agreement of predicted densities with the true ones."""

import torch
from torch import Tensor

from rephase.physics.cells import Shape

CENTRAL_BOX = 6.0
"""Å; edge of the box at the centre of the cell in which set 1a of the Patterson U-Net (2023) was judged."""


def map_pearson(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """Pearson correlation of pairs of maps, in float64.

    Parameters
    ----------
    first, second
        Shape ``(batch, u, v, w)``.
    mask
        Points that count, bool, the same shape; all where None.

    Returns
    -------
    Shape ``(batch,)``; 0 where a map is flat.
    """
    weight = torch.ones_like(first, dtype=torch.float64) if mask is None else mask.double()
    x, y = (_about_mean(values.double(), weight) for values in (first, second))
    covariance, of_x, of_y = (_sum(weight * product) for product in (x * y, x * x, y * y))
    norm = (of_x * of_y).sqrt()
    return torch.where(norm > 0.0, covariance / norm.clamp(min=torch.finfo(norm.dtype).tiny), 0.0)


def central_box(cell: Tensor, shape: Shape, edge: float = CENTRAL_BOX) -> Tensor:
    """Mark the grid points whose distance from the centre, along each axis, is at most half an edge.

    Parameters
    ----------
    cell
        Å and degrees, shape ``(batch, 6)``.
    shape
        Numbers of points ``(nu, nv, nw)``.
    edge
        Å.

    Returns
    -------
    bool, shape ``(batch, nu, nv, nw)``.
    """
    axes = [
        (torch.arange(n, device=cell.device, dtype=cell.dtype) / n - 0.5).abs() * cell[:, i : i + 1]
        for i, n in enumerate(shape)
    ]
    near_u, near_v, near_w = (distance <= edge / 2.0 + _ROUNDING for distance in axes)
    return near_u[:, :, None, None] & near_v[:, None, :, None] & near_w[:, None, None, :]


_ROUNDING = 1e-4  # Å; a point on the face is inside, however its distance is rounded


def _about_mean(values: Tensor, weight: Tensor) -> Tensor:
    return values - (_sum(weight * values) / _sum(weight))[:, None, None, None]


def _sum(values: Tensor) -> Tensor:
    return values.sum((1, 2, 3))
