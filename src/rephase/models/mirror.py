"""The other hand of a map: what a Patterson map cannot tell from it."""

from torch import Tensor

_DIMS = (-3, -2, -1)


def mirrored(maps: Tensor) -> Tensor:
    """Take the values at −x for those at x, through the origin and so through the centre of the cell too.

    Shape ``(..., u, v, w)``, any.
    """
    return maps.flip(_DIMS).roll((1, 1, 1), _DIMS)
