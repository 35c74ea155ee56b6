"""Unit cells as tensors: metric, volume, and 1/d² on half-complex grids.

A cell is six numbers ``(a, b, c, α, β, γ)``, Å and degrees, in the last axis of a tensor. Leading axes are
free.
"""

import torch
from torch import Tensor

Shape = tuple[int, int, int]


def orthogonalisation_matrix(cell: Tensor) -> Tensor:
    """Matrix that takes fractional columns to Å (PDB convention: x along a, z along c*).

    Parameters
    ----------
    cell
        Shape ``(..., 6)``.

    Returns
    -------
    Shape ``(..., 3, 3)``, Å.
    """
    a, b, c = cell[..., 0], cell[..., 1], cell[..., 2]
    cosines, sine = torch.cos(torch.deg2rad(cell[..., 3:])), torch.sin(torch.deg2rad(cell[..., 5]))
    cos_alpha, cos_beta, cos_gamma = cosines.unbind(-1)
    towards_b = (cos_alpha - cos_beta * cos_gamma) / sine
    height = torch.sqrt(1.0 - cos_beta.square() - towards_b.square())
    zero = torch.zeros_like(a)
    rows = [a, b * cos_gamma, c * cos_beta, zero, b * sine, c * towards_b, zero, zero, c * height]
    return torch.stack(rows, dim=-1).view(*cell.shape[:-1], 3, 3)


def cell_volume(cell: Tensor) -> Tensor:
    """Volume in Å³ of cells of shape ``(..., 6)``; shape ``(...)``."""
    return torch.diagonal(orthogonalisation_matrix(cell), dim1=-2, dim2=-1).prod(-1)


def reciprocal_metric(cell: Tensor) -> Tensor:
    """Reciprocal metric tensor G*, so that 1/d² = hᵀ G* h.

    Parameters
    ----------
    cell
        Shape ``(..., 6)``.

    Returns
    -------
    Shape ``(..., 3, 3)``, Å⁻².
    """
    fractionalisation = torch.linalg.inv(orthogonalisation_matrix(cell))
    metric: Tensor = fractionalisation @ fractionalisation.mT
    return metric


def inv_d2_of_indices(metric: Tensor, h: Tensor, k: Tensor, l: Tensor) -> Tensor:  # noqa: E741
    """1/d² of every combination of indices, on the outer-product grid ``h × k × l``.

    Parameters
    ----------
    metric
        Reciprocal metric tensor, shape ``(..., 3, 3)``, Å⁻².
    h, k, l
        Indices along the three axes, each 1-D, of the dtype of `metric`.

    Returns
    -------
    Å⁻², shape ``(..., len(h), len(k), len(l))``.
    """
    g = metric[..., None, None]
    h = h[:, None]
    planar = g[..., 0, 0, :, :] * h.square() + k * (g[..., 1, 1, :, :] * k + 2.0 * g[..., 0, 1, :, :] * h)
    slope = 2.0 * (g[..., 0, 2, :, :] * h + g[..., 1, 2, :, :] * k)
    return planar[..., None] + l * (slope[..., None] + g[..., 2, 2, :, :, None] * l)


def grid_indices(shape: Shape, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return h, k (both signs, FFT order) and l ≥ 0 of a half-complex grid, each 1-D."""
    nu, nv, nw = shape
    h, k = (torch.fft.fftfreq(n, 1.0 / n, device=device, dtype=dtype).round() for n in (nu, nv))
    return h, k, torch.arange(nw // 2 + 1, device=device, dtype=dtype)


def grid_inv_d2(cell: Tensor, shape: Shape) -> Tensor:
    """1/d² on a half-complex grid.

    Parameters
    ----------
    cell
        Shape ``(..., 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.

    Returns
    -------
    Å⁻², shape ``(..., nu, nv, nw//2 + 1)``.
    """
    return inv_d2_of_indices(reciprocal_metric(cell), *grid_indices(shape, cell.device, cell.dtype))


def resolution_mask(cell: Tensor, shape: Shape, d_min: Tensor | float) -> Tensor:
    """Whether a reflection lies within the resolution limit; 000 does not count.

    Parameters
    ----------
    cell
        Shape ``(..., 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.
    d_min
        High-resolution limit in Å, a number or shape ``(...)``.

    Returns
    -------
    bool, shape ``(..., nu, nv, nw//2 + 1)``. The Nyquist planes of even axes are excluded: they have no mate.
    """
    inv_d2 = grid_inv_d2(cell, shape)
    mask = (inv_d2 > 0.0) & ~beyond_resolution(inv_d2, d_min)
    for axis, n in zip((-3, -2, -1), shape, strict=True):
        if n % 2 == 0:
            mask.select(axis, n // 2).fill_(False)
    return mask


def beyond_resolution(inv_d2: Tensor, d_min: Tensor | float) -> Tensor:
    """Whether 1/d² > 1/d_min², for a grid ``(..., u, v, w)`` and `d_min` a number or ``(...)``.

    The limit itself is inside, to the rounding of float32.
    """
    d_min = torch.as_tensor(d_min, device=inv_d2.device, dtype=inv_d2.dtype)
    limit = (1.0 + 1e-6) / d_min.square()
    return inv_d2 > limit[..., None, None, None]
