"""Flat bulk solvent around a molecule."""

import math

import torch
from torch import Tensor

from rephase.physics.cells import Shape, orthogonalisation_matrix
from rephase.physics.degradations import displacement_factor
from rephase.physics.density import structure_factors_from_density

BULK_K_SOL = 0.35
"""e/Å³: mean density of bulk solvent in protein crystals (Fokine & Urzhumtsev, 2002, Acta Cryst. D58, 1387;
the survey gives 0.35 and 46)."""

BULK_B_SOL = 46.0
"""Å²: mean smoothness of bulk solvent, from the same survey."""


def molecular_mask(xyz_frac: Tensor, occupancy: Tensor, cell: Tensor, shape: Shape, radius: float) -> Tensor:
    """Mark the grid points within a radius of any atom.

    Parameters
    ----------
    xyz_frac
        Fractional coordinates, shape ``(batch, slots, 3)``.
    occupancy
        Shape ``(batch, slots)``; slots of zero hold no atom.
    cell
        Cells, shape ``(batch, 6)``.
    shape
        Numbers of points ``(nu, nv, nw)``.
    radius
        Å.

    Returns
    -------
    bool, shape ``(batch, nu, nv, nw)``.
    """
    sizes = torch.tensor(shape, device=cell.device)
    box = _neighbour_offsets(cell, shape, radius)
    nearest = torch.round(xyz_frac * sizes)
    points = nearest.long()[:, :, None] + box
    delta = (nearest / sizes - xyz_frac)[:, :, None] + box / sizes
    distance2 = (delta @ orthogonalisation_matrix(cell).mT[:, None]).square().sum(-1)
    inside = (distance2 <= radius**2) & (occupancy != 0.0)[..., None]
    u, v, w = (points % sizes).unbind(-1)
    batch = torch.arange(len(cell), device=cell.device)[:, None, None].expand_as(u)
    mask = torch.zeros((len(cell), *shape), dtype=torch.bool, device=cell.device)
    mask[batch[inside], u[inside], v[inside], w[inside]] = True
    return mask


def add_bulk_solvent(
    F: Tensor,
    mask: Tensor,
    volume: Tensor,
    inv_d2: Tensor,
    k_sol: float = BULK_K_SOL,
    b_sol: float = BULK_B_SOL,
) -> Tensor:
    """Fill the cell outside the molecule with flat solvent: F + k_sol exp(−B_sol s²/4) F_solvent.

    Parameters
    ----------
    F
        Structure factors of the molecule, shape ``(..., nu, nv, nw//2 + 1)``; zeros stay zero.
    mask
        Molecular region, bool, shape ``(..., nu, nv, nw)``, from `molecular_mask`.
    volume
        Cell volumes in Å³, shape ``(...)``.
    inv_d2
        1/d² in Å⁻², the shape of F.
    k_sol, b_sol
        Density in e/Å³ and smoothness in Å² of the solvent.

    Returns
    -------
    Complex, the shape of F.
    """
    solvent = structure_factors_from_density((~mask).to(inv_d2.dtype), volume)
    return F + (F != 0.0) * solvent * (k_sol * displacement_factor(inv_d2, b_sol))


def _neighbour_offsets(cell: Tensor, shape: Shape, radius: float) -> Tensor:
    """Grid steps to all points that may lie within `radius`, in the widest cell; shape ``(m, 3)``."""
    fractionalisation = torch.linalg.inv(orthogonalisation_matrix(cell.detach()))
    reach = torch.linalg.vector_norm(fractionalisation, dim=-1).amax(0).tolist()  # 1 / plane spacing
    steps = [math.ceil(radius * width * n + 0.5) for width, n in zip(reach, shape, strict=True)]
    axes = [torch.arange(-n, n + 1, device=cell.device) for n in steps]
    return torch.cartesian_prod(*axes)
