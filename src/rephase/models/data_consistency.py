"""Measured amplitudes put back into a predicted density."""

import torch
from torch import Tensor

from rephase.models.network_input import NetworkInput
from rephase.physics.cells import cell_volume, resolution_mask
from rephase.physics.density import (
    density_from_structure_factors,
    friedel_weights,
    structure_factors_from_density,
)

_SMALLEST_WITH_GRADIENT = 1e-3
"""Part of the root mean square |F| below which a phase passes no gradient, as this grows with 1/|F|."""


def density_with_amplitudes(density: Tensor, data: NetworkInput) -> Tensor:
    """Give densities the measured amplitudes and keep their phases; differentiable.

    Reflections within d_min that were not measured keep their own amplitudes, on the least-squares scale to
    those measured; 000 and all beyond d_min become zero. So neither scale nor mean of the density matter.

    Parameters
    ----------
    density
        Any scale, shape ``(batch, nu, nv, nw)``; computed in float32 also under autocast.
    data
        The measurements.

    Returns
    -------
    e/Å³, mean 0, shape ``(batch, nu, nv, nw)``.
    """
    with torch.autocast(density.device.type, enabled=False):
        volume, shape = cell_volume(data.cell), (density.shape[1], density.shape[2], density.shape[3])
        own = structure_factors_from_density(density.to(data.fobs.dtype), volume)
        within = resolution_mask(data.cell, shape, data.d_min)
        filled = torch.where(within, own * _scale(own, data)[:, None, None, None], 0.0)
        F = torch.where(data.measured, _phase_factors(own, within) * data.fobs, filled)
        return density_from_structure_factors(F, volume, shape)


def _scale(own: Tensor, data: NetworkInput) -> Tensor:
    """Least-squares scale of |F| to |Fobs|, shape ``(batch,)``; zero where all F are."""
    weights = friedel_weights((1, 1, data.patterson.shape[-1]), data.fobs) * data.measured
    square = own.real.square() + own.imag.square()
    amplitude = torch.where(square > 0.0, square, 1.0).sqrt() * (square > 0.0)
    numerator = (weights * data.fobs * amplitude).sum((-3, -2, -1))
    denominator = (weights * square).sum((-3, -2, -1))
    return torch.where(denominator > 0.0, numerator / torch.where(denominator > 0.0, denominator, 1.0), 0.0)


def _phase_factors(F: Tensor, within: Tensor) -> Tensor:
    """exp(iφ) of structure factors, 1 for those that are zero."""
    square = F.real.square() + F.imag.square()
    mean_square = torch.where(within, square, 0.0).sum((-3, -2, -1), keepdim=True) / within.sum(
        (-3, -2, -1), keepdim=True
    ).clamp(min=1)
    present = square > 0.0
    factors = torch.where(present, F, 1.0) * torch.where(present, square, 1.0).rsqrt()
    strong = square > _SMALLEST_WITH_GRADIENT**2 * mean_square
    return torch.where(strong, factors, factors.detach())
