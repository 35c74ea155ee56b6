"""Closest approach between a molecule and its copies in a crystal."""

from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rephase.data.crystals.crystal_model import CrystalModel, orthogonalisation, rotation_and_shift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


MIN_CONTACT = 3.45
"""Å between atoms of different molecules (RecCrysFormer 2025, appendix "Unit Cell Configuration")."""


_LEAF = 64
"""Vectors in a leaf of the search tree: few queries are made of each tree, so building it must be quick."""


@dataclass(frozen=True, eq=False)
class InteratomicVectors:
    """Vectors from the atoms of a rotated copy to those of the molecule, in a search tree.

    The molecule and its copy, moved by `t`, touch closer than `r` exactly where a vector lies closer than `r`
    to `t`: the vectors are computed once, whatever the cell.

    Attributes
    ----------
    tree
        All ``x_i − R·x_j`` in Å; of a pair ±v only one where `inverted` is true.
    reach
        Length of the longest of them in Å.
    inverted
        Whether the vectors with the opposite sign count as well: those of a copy that is not turned.
    """

    tree: cKDTree
    reach: float
    inverted: bool

    def distance(self, shifts: FloatArray, limit: float = np.inf) -> FloatArray:
        """Return the closest contact in Å for every shift of the copy, shape ``(..., 3)`` → ``(...)``.

        Contacts longer than `limit` come back as infinity.
        """
        both = np.stack([shifts, -shifts]) if self.inverted else shifts[None]
        found = np.asarray(self.tree.query(both, distance_upper_bound=limit)[0], dtype=np.float64)
        return np.asarray(found.min(axis=0))


def interatomic_vectors(xyz_cart: FloatArray, rotation: FloatArray | None = None) -> InteratomicVectors:
    """Return the vectors ``x_i − R·x_j`` of a molecule, shape ``(n, 3)`` in Å, and its rotated copy."""
    if rotation is None:
        first, second = _pairs(len(xyz_cart))
        vectors = xyz_cart[first] - xyz_cart[second]
    else:
        vectors = (xyz_cart[:, None, :] - xyz_cart @ rotation.T).reshape(-1, 3)
    reach = float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors).max()))
    tree = cKDTree(vectors, leafsize=_LEAF, balanced_tree=False, compact_nodes=False)
    return InteratomicVectors(tree, reach, inverted=rotation is None)


@lru_cache(maxsize=256)
def _pairs(n: int) -> tuple[IntArray, IntArray]:
    """Numbers of all pairs of `n` atoms, each once, and of the first with itself."""
    first, second = np.triu_indices(n, 1)
    return np.append(first, 0), np.append(second, 0)


def lattice_points(orth: FloatArray, reach: float) -> IntArray:
    """Return all integer triples, shape ``(m, 3)``, of lattice vectors that may be as short as `reach` Å."""
    points = lattice_box(orth, reach)
    vectors = points @ orth.T
    near = np.einsum("ij,ij->i", vectors, vectors) <= reach * reach
    return np.asarray(points[near], dtype=np.int64)


def lattice_box(orth: FloatArray, reach: float) -> IntArray:
    """Return the smallest box of integer triples, shape ``(m, 3)``, that holds `lattice_points`."""
    spans = np.floor(reach * np.linalg.norm(np.linalg.inv(orth), axis=1)).astype(np.int64)
    return _integer_box(*spans.tolist())


@lru_cache(maxsize=256)
def _integer_box(*spans: int) -> IntArray:
    """All integer triples from −span to span, shape ``(m, 3)``, the last index fastest."""
    axes = [np.arange(-span, span + 1) for span in spans]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def closest_contact(model: CrystalModel, limit: float = 10.0) -> float:
    """Return the shortest distance in Å between atoms of different molecules; infinite beyond `limit`."""
    orth = orthogonalisation(model.cell)
    centre = model.xyz_frac.mean(axis=0)
    centred = (model.xyz_frac - centre) @ orth.T
    widest = 2.0 * float(np.linalg.norm(centred, axis=1).max())
    closest = np.inf
    for op in model.spacegroup.operations():
        rotation, shift = rotation_and_shift(op)
        start = rotation @ centre + shift - centre
        start -= np.round(start)
        copies = start + lattice_points(orth, widest + limit + float(np.linalg.norm(orth @ start)))
        turn = None if op == gemmi.Op() else orth @ rotation @ np.linalg.inv(orth)
        if turn is None:
            copies = copies[np.any(copies != 0, axis=1)]
        if len(copies):
            contacts = interatomic_vectors(centred, turn).distance(copies @ orth.T, limit)
            closest = min(closest, float(contacts.min()))
    return closest
