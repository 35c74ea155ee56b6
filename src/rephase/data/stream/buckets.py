"""Groups of crystals that can share one grid with little waste."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def shape_buckets(shapes: IntArray, size: int) -> list[IntArray]:
    """Divide grid shapes into groups whose members resemble each other.

    The set is cut in two where the number of voxels, with every half on the smallest grid that holds all its
    members, is least, and each half again, until a group has `size` members.

    Parameters
    ----------
    shapes
        Points of each one's own grid, shape ``(n, 3)``.
    size
        Members of a group.

    Returns
    -------
    Ascending numbers of the members. All groups have `size` members but one, if n is no multiple of it.
    """
    if len(shapes) == 0:
        return []
    pending, done = [np.arange(len(shapes))], []
    while pending:
        members = pending.pop()
        if len(members) <= size:
            done.append(np.sort(members))
        else:
            pending += reversed(_cheapest_cut(shapes, members, size))
    return done


def own_fraction(shapes: IntArray) -> float:
    """Part of the voxels of a group's grid that its members' own grids, shape ``(n, 3)``, would have."""
    return float(shapes.prod(axis=1).mean() / shapes.max(axis=0).prod())


def _cheapest_cut(shapes: IntArray, members: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Cut along the axis, and at the multiple of `size`, that leaves the fewest voxels."""
    cuts = np.arange(size, len(members), size)
    best, least = (members[:size], members[size:]), np.inf
    for axis in range(3):
        own = shapes[members]
        # the other axes order what is equal along this one
        order = np.lexsort((own[:, axis - 2], own[:, axis - 1], own[:, axis]))
        lower = np.maximum.accumulate(own[order], axis=0).prod(axis=1)
        upper = np.maximum.accumulate(own[order[::-1]], axis=0)[::-1].prod(axis=1)
        voxels = cuts * lower[cuts - 1] + (len(members) - cuts) * upper[cuts]
        cheapest = int(voxels.argmin())
        if voxels[cheapest] < least:
            cut, least = int(cuts[cheapest]), voxels[cheapest]
            best = members[order[:cut]], members[order[cut:]]
    return best
