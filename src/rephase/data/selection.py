"""Picking fragments out of concatenated arrays."""

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragments import Fragments


def ranges(
    offset: NDArray[np.int64] | NDArray[np.int32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the elements of some rows of concatenated arrays.

    Parameters
    ----------
    offset
        First element of each row and the total, shape ``(n + 1,)``.
    rows
        Rows in any order, which may repeat, shape ``(k,)``.

    Returns
    -------
    Every index in ``offset[r]:offset[r + 1]`` for each row r, and the offsets of the result, ``(k + 1,)``.
    """
    first = offset[rows].astype(np.int64)
    count = offset[rows + 1] - first
    new = np.concatenate([[0], np.cumsum(count)])
    return np.repeat(first - new[:-1], count) + np.arange(new[-1]), new


def select(fragments: Fragments, rows: NDArray[np.int64]) -> Fragments:
    """Return some fragments, in the order of `rows`, shape ``(k,)``."""
    atoms, offset = ranges(fragments.offset, rows)
    return Fragments(
        ids=fragments.ids[rows],
        sequence=fragments.sequence[rows],
        resolution=fragments.resolution[rows],
        split=fragments.split[rows],
        offset=offset,
        xyz_cart=fragments.xyz_cart[atoms],
        atom_name=fragments.atom_name[atoms],
        residue=fragments.residue[atoms],
    )
