"""The other hand of a map: what a Patterson map cannot tell from it."""

import torch
from torch import Tensor

_DIMS = (-3, -2, -1)


def mirrored(maps: Tensor) -> Tensor:
    """Take the values at −x for those at x, through the origin and so through the centre of the cell too.

    Shape ``(..., u, v, w)``, any.
    """
    return maps.flip(_DIMS).roll((1, 1, 1), _DIMS)


def mirrored_where(wrong: Tensor, maps: Tensor) -> Tensor:
    """Replace maps, ``(batch, u, v, w)``, by their mirror images where `wrong`, ``(batch,)``, is true."""
    return torch.where(wrong[:, None, None, None], mirrored(maps), maps)
