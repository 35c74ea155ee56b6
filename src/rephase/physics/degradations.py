"""What a measurement does to ideal structure factors: noise, missing reflections, anisotropy.

Everything works on half-complex grids of shape ``(..., nu, nv, nw//2 + 1)``. Random numbers come from an
explicit generator and are equal for Friedel mates in the plane l = 0, where both lie on the grid.
"""

import torch
from torch import Tensor

from rephase.crystal.measurement_errors import EDGE_FRACTION, SYSTEMATIC_ERROR
from rephase.physics.cells import Shape, grid_indices, orthogonalisation_matrix


def intensity_sigma(
    intensity: Tensor, inv_d2: Tensor, measured: Tensor, i_over_sigma_edge: Tensor | float
) -> Tensor:
    """Give measured intensities a standard uncertainty: σ² = σ_background² + (0.03 I)².

    The background is the same for all reflections of a crystal and such that the mean intensity of the
    outermost tenth of the reflections divided by it is `i_over_sigma_edge`.

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
    edge_volume = s.amax(-1).pow(1.5) * (1.0 - EDGE_FRACTION)  # reflections are uniform in s³
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
    mask: Tensor = _equal_for_mates(draw) < kept[..., None, None, None]
    return mask


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
    mask: Tensor = along.abs() < torch.cos(angle)[..., None, None, None] * torch.linalg.vector_norm(s, dim=-1)
    return mask


def missing_wedge_mask(cell: Tensor, shape: Shape, scan: Tensor, rotation_range: Tensor) -> Tensor:
    """Drop what a scan of less than 180° about one axis never brings into the diffracting plane.

    The Ewald sphere is taken as flat: a reflection is measured where its azimuth about the axis, or that of
    its Friedel mate, lies within the range.

    Parameters
    ----------
    cell
        Cells, shape ``(batch, 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the map.
    scan
        Rows: the direction at azimuth 0, that at 90°, and the axis; Cartesian, shape ``(batch, 3, 3)``.
    rotation_range
        Degrees, shape ``(batch,)``.

    Returns
    -------
    bool, shape ``(batch, nu, nv, nw//2 + 1)``; true where measured.
    """
    along = torch.einsum("buvwi,bji->bjuvw", scattering_vectors(cell, shape), scan[:, :2])
    azimuth = torch.rad2deg(torch.atan2(along[:, 1], along[:, 0])) % 180.0
    return azimuth <= rotation_range[:, None, None, None]


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


def _equal_for_mates(values: Tensor) -> Tensor:
    """Copy the values of half of the plane l = 0 onto their Friedel mates."""
    plane = values[..., 0]
    mates = plane.flip((-2, -1)).roll((1, 1), (-2, -1))
    nu, nv = plane.shape[-2:]
    h, k = (torch.arange(n, device=values.device) for n in (nu, nv))
    own, other = h[:, None] * nv + k, (-h % nu)[:, None] * nv + (-k % nv)
    values[..., 0] = torch.where(own <= other, plane, mates)
    return values
