"""What a judge of the hand is shown while it is trained: true densities with errors in their phases."""

import math

import torch
from torch import Tensor

from rephase.data.stream.map_batches import MapBatch

LARGEST_ERROR = 0.6
"""Radians; the standard deviation of the phase errors of a crystal is drawn evenly from 0 to this. Phased
maps have 0.2 to 0.4, predictions with measured amplitudes 0.4 and more."""

_DIMS = (-3, -2, -1)


def densities_with_phase_errors(maps: MapBatch, seed: int) -> Tensor:
    """Move the phases of true densities at random, each crystal by errors of another size.

    Parameters
    ----------
    maps
        Crystals.
    seed
        Of the errors.

    Returns
    -------
    On the scale of the true densities, shape ``(batch, nu, nv, nw)``.
    """
    truth = maps.density.values
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(truth.shape, generator=generator).to(truth)
    sizes = LARGEST_ERROR * torch.rand(len(truth), generator=generator).to(truth)
    odd = torch.fft.rfftn(white, dim=_DIMS).imag * math.sqrt(2.0 / truth[0].numel())  # φ(−h) = −φ(h)
    errors = torch.polar(torch.ones_like(odd), sizes[:, None, None, None] * odd)
    moved: Tensor = torch.fft.irfftn(torch.fft.rfftn(truth, dim=_DIMS) * errors, s=truth.shape[1:], dim=_DIMS)
    return moved
