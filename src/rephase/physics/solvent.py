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
    axes = _neighbour_steps(cell, shape, radius)
    sizes = torch.tensor(shape, device=cell.device)
    nearest = torch.round(xyz_frac * sizes)
    to_cart = orthogonalisation_matrix(cell).mT
    shift = (nearest / sizes - xyz_frac) @ to_cart  # from the atom to the nearest point
    steps = (torch.cartesian_prod(*axes).to(cell.dtype) / sizes) @ to_cart  # from there to its neighbours
    cross = torch.baddbmm(steps.square().sum(-1)[:, None], shift, steps.mT, alpha=2.0)
    limit = torch.where(occupancy != 0.0, radius**2, -1.0) - shift.square().sum(-1)
    first, second, third = (
        (nearest[..., axis, None].long() + step) % n
        for axis, (step, n) in enumerate(zip(axes, shape, strict=True))
    )
    own = torch.arange(len(cell), device=cell.device)[:, None, None] * shape[0]
    rows = ((own + first)[..., None] * shape[1] + second[..., None, :]) * shape[2]
    points = (rows[..., None] + third[..., None, None, :]).flatten(2)
    mask = torch.zeros((len(cell), *shape), dtype=torch.bool, device=cell.device)
    mask.view(-1)[points[cross <= limit[..., None]]] = True
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


def _neighbour_steps(cell: Tensor, shape: Shape, radius: float) -> list[Tensor]:
    """Grid steps along each axis to all points that may lie within `radius`, in the widest cell."""
    fractionalisation = torch.linalg.inv(orthogonalisation_matrix(cell.detach()))
    reach = torch.linalg.vector_norm(fractionalisation, dim=-1).amax(0).tolist()  # 1 / plane spacing
    steps = [math.ceil(radius * width * n + 0.5) for width, n in zip(reach, shape, strict=True)]
    return [torch.arange(-n, n + 1, device=cell.device) for n in steps]
