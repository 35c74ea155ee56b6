"""What a measurement does to ideal structure factors: noise, missing reflections, anisotropy, solvent.

Everything works on half-complex grids of shape ``(..., nu, nv, nw//2 + 1)``. Random numbers come from an explicit
generator and are equal for Friedel mates in the plane l = 0, where both lie on the grid.
"""

import math

import torch
from torch import Tensor

from rephase.physics.cells import Shape, grid_indices, orthogonalisation_matrix
from rephase.physics.density import structure_factors_from_density

BULK_K_SOL = 0.35
"""e/Å³: mean density of bulk solvent in protein crystals (Fokine & Urzhumtsev 2002, Acta Cryst. D58, 1387)."""

BULK_B_SOL = 46.0
"""Å²: mean smoothness of bulk solvent (the same survey)."""

SYSTEMATIC_ERROR = 0.03
"""Part of an intensity that cannot be measured better by counting longer: the inverse of the asymptotic I/σ(I),
about 30 for good data (Diederichs 2010, Acta Cryst. D66, 733)."""

_EDGE_FRACTION = 0.1
"""The edge is the tenth of the reflections with the highest resolution, a usual outermost shell."""


def intensity_sigma(
    intensity: Tensor, inv_d2: Tensor, measured: Tensor, i_over_sigma_edge: Tensor | float
) -> Tensor:
    """Standard uncertainty of measured intensities: σ² = σ_background² + (0.03 I)².

    The background is the same for all reflections of a crystal and such that the mean intensity of the outermost
    tenth of the reflections divided by it is `i_over_sigma_edge`.

    Parameters
    ----------
    intensity
        |F|², shape ``(..., nu, nv, nw//2 + 1)``.
    inv_d2
        1/d² in Å⁻², same shape.
    measured
        Reflections inside the resolution limit, bool, same shape.
    i_over_sigma_edge
        ⟨I⟩/σ at the edge, a number or shape ``(...)``.

    Returns
    -------
    σ(I), same shape.
    """
    s = torch.where(measured, inv_d2, 0.0).flatten(-3)
    edge_volume = s.amax(-1).pow(1.5) * (1.0 - _EDGE_FRACTION)  # reflections are uniform in s³
    at_edge = s >= edge_volume.pow(2.0 / 3.0)[..., None]
    mean = (intensity.flatten(-3) * at_edge).sum(-1) / at_edge.sum(-1)
    background = (mean / torch.as_tensor(i_over_sigma_edge, device=mean.device, dtype=mean.dtype)).square()
    return (background[..., None, None, None] + (SYSTEMATIC_ERROR * intensity).square()).sqrt()


def add_intensity_noise(intensity: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian errors of standard deviation `sigma`; weak intensities may become negative.

    Parameters
    ----------
    intensity, sigma
        Shape ``(..., nu, nv, nw//2 + 1)``.
    generator
        Source of randomness, on the device of `intensity`.
    """
    errors = torch.randn(intensity.shape, generator=generator, device=intensity.device, dtype=intensity.dtype)
    return intensity + sigma * _equal_for_mates(errors)


def random_completeness_mask(
    like: Tensor, completeness: Tensor | float, generator: torch.Generator
) -> Tensor:
    """Keep each reflection with the probability `completeness`.

    Parameters
    ----------
    like
        Array of shape ``(..., nu, nv, nw//2 + 1)``.
    completeness
        Between 0 and 1, a number or shape ``(...)``.
    generator
        Source of randomness, on the device of `like`.

    Returns
    -------
    bool, the shape of `like`; true where measured.
    """
    dtype = like.dtype.to_real()
    draw = torch.rand(like.shape, generator=generator, device=like.device, dtype=dtype)
    kept = torch.as_tensor(completeness, device=like.device, dtype=dtype)
    return _equal_for_mates(draw) < kept[..., None, None, None]


def missing_cone_mask(cell: Tensor, shape: Shape, axis: Tensor, half_angle_deg: Tensor | float) -> Tensor:
    """Drop the reflections in the double cone about a rotation axis: the blind region of one rotation scan.

    Parameters
    ----------
    cell
        Cells, shape ``(..., 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.
    axis
        Cartesian direction, shape ``(..., 3)``; the length does not matter.
    half_angle_deg
        Half opening angle in degrees, a number or shape ``(...)``.

    Returns
    -------
    bool, shape ``(..., nu, nv, nw//2 + 1)``; true where measured. 000 counts as missing.
    """
    s = scattering_vectors(cell, shape)
    unit = axis / torch.linalg.vector_norm(axis, dim=-1, keepdim=True)
    along = (s * unit[..., None, None, None, :]).sum(-1)
    angle = torch.deg2rad(torch.as_tensor(half_angle_deg, device=cell.device, dtype=cell.dtype))
    return along.abs() < torch.cos(angle)[..., None, None, None] * torch.linalg.vector_norm(s, dim=-1)


def beam_stop_mask(inv_d2: Tensor, d_max: Tensor | float) -> Tensor:
    """Drop the reflections behind the beam stop, those with d > d_max.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², shape ``(..., nu, nv, nw//2 + 1)``.
    d_max
        Low-resolution limit in Å, a number or shape ``(...)``.

    Returns
    -------
    bool, the shape of `inv_d2`; true where measured.
    """
    d_max = torch.as_tensor(d_max, device=inv_d2.device, dtype=inv_d2.dtype)
    return inv_d2 >= d_max[..., None, None, None].square().reciprocal()


def displacement_factor(inv_d2: Tensor, b_iso: Tensor | float) -> Tensor:
    """Overall isotropic factor exp(−B s²/4) for amplitudes.

    Parameters
    ----------
    inv_d2
        s² = 1/d² in Å⁻², shape ``(..., nu, nv, nw//2 + 1)``.
    b_iso
        B in Å², a number or shape ``(...)``; negative values sharpen.
    """
    b_iso = torch.as_tensor(b_iso, device=inv_d2.device, dtype=inv_d2.dtype)
    return torch.exp(inv_d2 * (b_iso[..., None, None, None] / -4.0))


def anisotropic_displacement_factor(cell: Tensor, shape: Shape, b_cart: Tensor) -> Tensor:
    """Overall anisotropic factor exp(−sᵀ B s/4) for amplitudes.

    Parameters
    ----------
    cell
        Cells, shape ``(..., 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.
    b_cart
        Symmetric Cartesian tensor in Å², shape ``(..., 3, 3)``.

    Returns
    -------
    Real, shape ``(..., nu, nv, nw//2 + 1)``.
    """
    s = scattering_vectors(cell, shape)
    return torch.exp(torch.einsum("...uvwi,...ij,...uvwj->...uvw", s, b_cart, s) / -4.0)


def scattering_vectors(cell: Tensor, shape: Shape) -> Tensor:
    """Cartesian scattering vectors of a half-complex grid.

    Parameters
    ----------
    cell
        Cells, shape ``(..., 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.

    Returns
    -------
    Å⁻¹, shape ``(..., nu, nv, nw//2 + 1, 3)``.
    """
    h = torch.stack(torch.meshgrid(*grid_indices(shape, cell.device, cell.dtype), indexing="ij"), dim=-1)
    return torch.einsum("uvwi,...ij->...uvwj", h, torch.linalg.inv(orthogonalisation_matrix(cell)))


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
        Structure factors of the molecule, shape ``(..., nu, nv, nw//2 + 1)``; kept at zero where they are zero.
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


def _equal_for_mates(values: Tensor) -> Tensor:
    """Copy the values of half of the plane l = 0 onto their Friedel mates."""
    plane = values[..., 0]
    mates = plane.flip((-2, -1)).roll((1, 1), (-2, -1))
    nu, nv = plane.shape[-2:]
    h, k = (torch.arange(n, device=values.device) for n in (nu, nv))
    own, other = h[:, None] * nv + k, (-h % nu)[:, None] * nv + (-k % nv)
    values[..., 0] = torch.where(own <= other, plane, mates)
    return values
