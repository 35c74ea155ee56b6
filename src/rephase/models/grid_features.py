"""What a periodic network needs to know of its grid: places in Å, and the way to half the grid and back.

Features lie with their channels innermost, ``(batch, u, v, w, channels)``, as linear layers take them.
"""

import math

import torch
from torch import Tensor

from rephase.physics.cells import Shape, orthogonalisation_matrix

DISTANCE_SCALES = (1.0, 2.0, 4.0, 8.0)
"""Å; widths of the Gaussians that tell the distance from the centre, from an atom's to a peptide's size."""

POSITION_CHANNELS = 3 + len(DISTANCE_SCALES)
GEOMETRY_FEATURES = 7


def to_half_grid(maps: Tensor) -> Tensor:
    """Lay the eight points of every 2 × 2 × 2 box in channels; nothing is lost.

    ``(batch, c, u, v, w)``, sides even → ``(batch, u/2, v/2, w/2, 8c)``.
    """
    batch, c, u, v, w = maps.shape
    boxes = maps.reshape(batch, c, u // 2, 2, v // 2, 2, w // 2, 2)
    return boxes.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)


def from_half_grid(features: Tensor) -> Tensor:
    """Undo `to_half_grid`."""
    batch, u, v, w, channels = features.shape
    boxes = features.reshape(batch, u, v, w, channels // 8, 2, 2, 2).permute(0, 4, 1, 5, 2, 6, 3, 7)
    return boxes.reshape(batch, channels // 8, 2 * u, 2 * v, 2 * w)


def periodic_border(features: Tensor, width: int) -> Tensor:
    """Go on over the faces of the cell for some points, ``(batch, u, v, w, c)`` → ``u + 2 width, …``."""
    u, v, w = (torch.arange(-width, n + width, device=features.device) % n for n in features.shape[1:4])
    rows = (u[:, None, None] * features.shape[2] + v[:, None]) * features.shape[3] + w
    bordered = features.flatten(1, 3).index_select(1, rows.flatten())
    return bordered.view(len(features), len(u), len(v), len(w), -1)


def positions(cell: Tensor, shape: Shape) -> Tensor:
    """Where the boxes of the half grid are with respect to the centre of the cell, as periodic features.

    With x the fractions from the centre, sin(2πx)/2π stands for x, and sin²(πx)/π² for x² in the squared
    distance: both are right near the centre and the same for lattice translations, in any cell.

    Parameters
    ----------
    cell
        Å and degrees, shape ``(batch, 6)``.
    shape
        Numbers of points of the whole grid.

    Returns
    -------
    Cartesian vector in units of 3 Å, and Gaussians of the distance; ``(batch, u/2, v/2, w/2, 7)``.
    """
    axes = [(torch.arange(n // 2, device=cell.device, dtype=cell.dtype) + 0.25) / (n // 2) for n in shape]
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) - 0.5
    vector, square = torch.sin(2.0 * math.pi * x) / (2.0 * math.pi), (torch.sin(math.pi * x) / math.pi) ** 2
    cartesian = torch.einsum("bij,uvwj->buvwi", orthogonalisation_matrix(cell), vector)
    edges = cell[:, :3].square()
    distance = cartesian.square().sum(-1) + torch.einsum("bi,uvwi->buvw", edges, square - vector.square())
    gaussians = [torch.exp(-distance / (2.0 * scale**2)) for scale in DISTANCE_SCALES]
    return torch.cat([cartesian / _VECTOR_UNIT, torch.stack(gaussians, dim=-1)], dim=-1)


_VECTOR_UNIT = 3.0  # Å, the size of a residue: brings the components near 1


def geometry(cell: Tensor, shape: Shape, d_min: Tensor) -> Tensor:
    """Describe the steps of a grid, which give a kernel its meaning, and the resolution.

    Parameters
    ----------
    cell
        Å and degrees, shape ``(batch, 6)``.
    shape
        Numbers of points.
    d_min
        Å, shape ``(batch,)``.

    Returns
    -------
    Logarithms of the three steps and of d_min in Å, and cosines of the angles; shape ``(batch, 7)``.
    """
    steps = cell[:, :3] / torch.tensor(shape, device=cell.device, dtype=cell.dtype)
    cosines = torch.cos(torch.deg2rad(cell[:, 3:]))
    return torch.cat([torch.log(steps), torch.log(d_min)[:, None], cosines], dim=1)
