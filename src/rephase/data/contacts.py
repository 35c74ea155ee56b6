"""Closest approach between a molecule and its copies in a crystal."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from rephase.data.crystals import CrystalModel, orthogonalisation, rotation_and_shift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


MIN_CONTACT = 3.45
"""Å between atoms of different molecules (RecCrysFormer 2025, appendix "Unit Cell Configuration")."""


@dataclass(frozen=True, eq=False)
class InteratomicVectors:
    """Vectors from the atoms of a rotated copy to those of the molecule, in a search tree.

    The molecule and its copy, moved by `t`, touch closer than `r` exactly where a vector lies closer than `r`
    to `t`: the vectors are computed once, whatever the cell.

    Attributes
    ----------
    tree
        All ``x_i − R·x_j`` in Å.
    reach
        Length of the longest of them in Å.
    """

    tree: KDTree
    reach: float

    def distance(self, shifts: FloatArray, limit: float = np.inf) -> FloatArray:
        """Return the closest contact in Å for every shift of the copy, shape ``(..., 3)`` → ``(...)``.

        Contacts longer than `limit` come back as infinity.
        """
        found, _ = self.tree.query(shifts, distance_upper_bound=limit)
        return np.asarray(found, dtype=np.float64)


def interatomic_vectors(xyz_cart: FloatArray, rotation: FloatArray | None = None) -> InteratomicVectors:
    """Return the vectors ``x_i − R·x_j`` of a molecule, shape ``(n, 3)`` in Å, and its rotated copy."""
    copy = xyz_cart if rotation is None else xyz_cart @ rotation.T
    vectors = (xyz_cart[:, None, :] - copy[None, :, :]).reshape(-1, 3)
    reach = float(np.sqrt((vectors**2).sum(axis=1).max()))
    return InteratomicVectors(KDTree(vectors, balanced_tree=False, compact_nodes=False), reach)


def lattice_points(orth: FloatArray, reach: float) -> IntArray:
    """Return all integer triples, shape ``(m, 3)``, of lattice vectors that may be as short as `reach` Å."""
    spans = np.floor(reach * np.linalg.norm(np.linalg.inv(orth), axis=1)).astype(np.int64)
    axes = [np.arange(-span, span + 1) for span in spans]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    near = ((points @ orth.T) ** 2).sum(axis=1) <= reach * reach
    return np.asarray(points[near], dtype=np.int64)


def closest_contact(model: CrystalModel, limit: float = 10.0) -> float:
    """Return the shortest distance in Å between atoms of different molecules; infinite beyond `limit`."""
    orth = orthogonalisation(model.cell)
    centre = model.xyz_frac.mean(axis=0)
    centred = (model.xyz_frac - centre) @ orth.T
    closest = np.inf
    for op in model.spacegroup.operations():
        rotation, shift = rotation_and_shift(op)
        vectors = interatomic_vectors(centred, orth @ rotation @ np.linalg.inv(orth))
        start = rotation @ centre + shift - centre
        start -= np.round(start)
        reach = vectors.reach + limit + float(np.linalg.norm(orth @ start))
        copies = start + lattice_points(orth, reach)
        if op == gemmi.Op():
            copies = copies[np.any(copies != 0, axis=1)]
        closest = min(closest, float(vectors.distance(copies @ orth.T, limit).min(initial=np.inf)))
    return closest
