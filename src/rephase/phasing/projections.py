"""Projections of iterative phasing, batched over starts: amplitudes, envelope, sparse atoms.

Every function takes maps of shape ``(starts, nu, nv, nw)`` and keeps their device and dtype.
"""

import math

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid


def random_starts(grid: AmplitudeGrid, starts: int, generator: torch.Generator) -> Tensor:
    """Make maps of the known amplitudes with random phases, shape ``(starts, nu, nv, nw)``."""
    shape = (starts, *grid.amplitude.shape)
    phases = torch.rand(shape, generator=generator).to(grid.amplitude.device) * (2 * math.pi)
    return grid.density(torch.polar(grid.amplitude.expand(shape).contiguous(), phases))


def impose_amplitudes(rho: Tensor, grid: AmplitudeGrid) -> Tensor:
    """Project onto the measured amplitudes: known ones are imposed, missing ones stay as they are.

    Beyond the resolution sphere the result is zero.
    """
    F = grid.structure_factors(rho)
    factor = grid.amplitude / F.abs().clamp_min(1e-12) + grid.missing
    return grid.density(F * factor)


def keep_positive(rho: Tensor, floor: Tensor, ceiling: Tensor, support: Tensor | None = None) -> Tensor:
    """Project onto positive, bounded density: zero below `floor` and outside `support`, at most `ceiling`.

    Parameters
    ----------
    floor, ceiling
        Scalars, or shape ``(starts, 1, 1, 1)``, in the units of the map.
    support
        Envelope, bool; the whole cell if None.
    """
    inside = rho > floor if support is None else (rho > floor) & support
    zero = torch.zeros((), dtype=rho.dtype, device=rho.device)
    return torch.where(inside, torch.minimum(rho, ceiling), zero)


def envelope(rho: Tensor, grid: AmplitudeGrid, fraction: float, radius: float) -> Tensor:
    """Molecular envelope: the `fraction` of the cell where the locally averaged positive density is highest.

    Parameters
    ----------
    fraction
        Part of the cell inside, 0–1.
    radius
        Of the Gaussian average, Å (twice its standard deviation).

    Notes
    -----
    Wang (1985) averages inside a sphere; a Gaussian costs the same in reciprocal space and has no ripples.
    """
    blur = torch.exp(-2.0 * math.pi**2 * (radius / 2.0) ** 2 * grid.inv_d2)
    smooth = grid.density(grid.structure_factors(rho.clamp(min=0.0)) * blur).flatten(1)
    rank = min(max(1, round((1.0 - fraction) * smooth.shape[1])), smooth.shape[1])
    threshold = smooth.kthvalue(rank, dim=1, keepdim=True).values
    return (smooth > threshold).reshape(rho.shape)


def rms(rho: Tensor) -> Tensor:
    """Root mean square deviation from the mean of each map, shape ``(starts, 1, 1, 1)``."""
    return rho.flatten(1).std(dim=1)[:, None, None, None]
