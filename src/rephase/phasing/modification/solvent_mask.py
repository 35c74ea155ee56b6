"""Where the protein is, from how strongly the density varies around each point."""

import math

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid

FIRST_RADIUS, LAST_RADIUS = 8.0, 4.0
"""Å, of the sphere in the first and last cycles: poor maps need a wide one, good maps a fine boundary."""

SOFTNESS = 0.3
"""Width of the boundary in standard deviations of the local r.m.s. density; 0 and 0.15 are worse."""


def protein_probability(rho: Tensor, grid: AmplitudeGrid, protein_fraction: float, radius: float) -> Tensor:
    """Tell how probably each point lies in the protein.

    The density of protein varies, that of solvent hardly does: the local root mean square density, in a
    sphere whose weight falls off linearly, is compared with the value that leaves the protein its part of the
    cell.

    Parameters
    ----------
    rho
        Map with mean zero, shape ``(nu, nv, nw)``.
    grid
        Of the map.
    protein_fraction
        Part of the cell that is not solvent, 0–1.
    radius
        Of the sphere, Å.

    Returns
    -------
    Between 0 and 1, shape ``(nu, nv, nw)``.

    Notes
    -----
    Wang (1985), Methods Enzymol. 115, 90–112, averages truncated density; Leslie (1987) does so in reciprocal
    space; Abrahams & Leslie (1996), Acta Cryst. D52, 30–42, and Cowtan (2010), Acta Cryst. D66, 470–478, use
    the local variance.
    """
    spectrum = torch.fft.rfftn(rho.square()) * sphere_transform(grid.inv_d2, radius)
    local = torch.fft.irfftn(spectrum, s=grid.shape).clamp_min(0.0).sqrt()
    rank = min(max(1, round((1.0 - protein_fraction) * local.numel())), local.numel())
    threshold = local.flatten().kthvalue(rank).values
    width = (SOFTNESS * local.std()).clamp_min(torch.finfo(local.dtype).tiny)
    return torch.sigmoid((local - threshold) / width)


def sphere_transform(inv_d2: Tensor, radius: float) -> Tensor:
    """Fourier transform of the weight 1 − r/R within a sphere, scaled to 1 at the origin.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², any shape.
    radius
        R in Å.
    """
    k = (2.0 * math.pi * radius) * inv_d2.double().sqrt()
    near = k < _SERIES_BELOW
    safe = torch.where(near, torch.ones_like(k), k)
    exact = 12.0 * (2.0 - 2.0 * safe.cos() - safe * safe.sin()) / safe**4
    return torch.where(near, 1.0 - k.square() / 15.0, exact).to(inv_d2.dtype)


_SERIES_BELOW = 0.05  # the difference of nearly equal numbers loses digits; the next term is below 1e-7
