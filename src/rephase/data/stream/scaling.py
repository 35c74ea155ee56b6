"""Scales on which maps are given to a network, and the way back."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ScaledMap:
    """Maps on another scale: map = values · scale + offset.

    Attributes
    ----------
    values
        Shape ``(batch, u, v, w)``.
    scale, offset
        Shape ``(batch,)``, in the unit of the map.
    """

    values: Tensor
    scale: Tensor
    offset: Tensor

    def unscaled(self, values: Tensor) -> Tensor:
        """Bring maps, shape ``(batch, ..., u, v, w)``, from the common scale to the unit of these maps."""
        per_map = (-1, *[1] * (values.ndim - 1))
        return values * self.scale.view(per_map) + self.offset.view(per_map)


def scaled_by_own_range(maps: Tensor) -> ScaledMap:
    """Bring the lowest value of each map to −1 and the highest to 1 (Patterson U-Net 2023).

    Parameters
    ----------
    maps
        Shape ``(batch, u, v, w)``. A constant map becomes zero.
    """
    low, high = torch.aminmax(maps.flatten(1), dim=1)
    return _scaled(maps, (high - low) / 2.0, (high + low) / 2.0)


def scaled_by_own_spread(maps: Tensor) -> ScaledMap:
    """Bring each map, shape ``(batch, u, v, w)``, to mean 0 and standard deviation 1; a constant map to 0."""
    spread, mean = torch.std_mean(maps.flatten(1), dim=1, correction=0)
    return _scaled(maps, spread, mean)


def scaled_by_constant(maps: Tensor, divisor: float) -> ScaledMap:
    """Divide all maps, shape ``(batch, u, v, w)``, by the same constant."""
    scale = torch.full_like(maps[:, 0, 0, 0], divisor)
    return _scaled(maps, scale, torch.zeros_like(scale))


def _scaled(maps: Tensor, scale: Tensor, offset: Tensor) -> ScaledMap:
    divisor = torch.where(scale > 0.0, scale, 1.0)
    per_map = (slice(None), None, None, None)
    return ScaledMap((maps - offset[per_map]) / divisor[per_map], divisor, offset)
