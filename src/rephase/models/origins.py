"""Maps moved to the origin where they agree best with others: Patterson maps do not tell the origin."""

import math

import torch
from torch import Tensor

from rephase.physics.cells import grid_indices
from rephase.physics.density import zoom_structure_factors

_DIMS = (-3, -2, -1)
_FINER = 2
"""Steps per grid point of the search; at the Nyquist rate the peak is then met to d_min/8 along an axis."""


@torch.no_grad()
def moved_to(maps: Tensor, reference: Tensor) -> Tensor:
    """Move each map to where its correlation with a reference is highest, in steps of half a grid point.

    Parameters
    ----------
    maps, reference
        Shape ``(batch, u, v, w)``, periodic and band-limited.

    Returns
    -------
    The moved maps, without gradient.
    """
    shape = (maps.shape[-3], maps.shape[-2], maps.shape[-1])
    finer = (_FINER * shape[0], _FINER * shape[1], _FINER * shape[2])
    half = torch.fft.rfftn(maps, dim=_DIMS)
    products = torch.fft.rfftn(reference, dim=_DIMS) * half.conj()
    correlation = torch.fft.irfftn(zoom_structure_factors(products, shape, finer), s=finer, dim=_DIMS)
    place = torch.stack(torch.unravel_index(correlation.flatten(1).argmax(1), finer), dim=1)
    shift = place / torch.tensor(finer, device=maps.device, dtype=maps.dtype)
    moved: Tensor = torch.fft.irfftn(half * phase_shift(shift, shape), s=shape, dim=_DIMS)
    return moved


def phase_shift(shift: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """exp(−2πi h·t) for fractional shifts t, ``(batch, 3)``, on the half-complex grid of rfftn."""
    h, k, l = grid_indices(shape, shift.device, shift.dtype)  # noqa: E741
    t = shift[:, :, None]
    along = [torch.exp(-2j * math.pi * index * t[:, axis]) for axis, index in enumerate((h, k, l))]
    return along[0][:, :, None, None] * along[1][:, None, :, None] * along[2][:, None, None, :]
