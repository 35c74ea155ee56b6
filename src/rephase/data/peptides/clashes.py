"""Contacts between atoms of a chain, and which of them are clashes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.peptides.residue_topology import ATOM_NAMES, CA, ELEMENTS, SEPARATION, SLOTS, C, N

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

KINDS = ("C", "N", "O", "OH", "S")
"""Kinds of atoms: oxygens that have a hydrogen may touch other oxygens."""

BONDS_BETWEEN = (4, 5)
"""Atoms four bonds apart come closer than others; below four, bonds and angles decide. 5 is five or more."""

_ROUNDING = 0.01  # Å, added to the limit where distances are good to single precision only
_HYDROXYLS = ("OG", "OG1", "OH")
_KIND_NAMES = np.where(np.isin(ATOM_NAMES, _HYDROXYLS), "OH", ELEMENTS)
ATOM_KINDS: NDArray[np.int64] = np.array(
    [[KINDS.index(kind) if kind else 0 for kind in row] for row in _KIND_NAMES.tolist()]
)
"""Index into `KINDS` by residue type and slot, shape ``(20, SLOTS)``; unused slots count as C."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """Pairs of atoms four or more bonds apart.

    Attributes
    ----------
    chain
        Which chain each pair is in, shape ``(pairs,)``.
    kinds
        Indices into `KINDS` of both atoms, shape ``(2, pairs)``.
    bonds
        Index into `BONDS_BETWEEN`, shape ``(pairs,)``.
    distance
        Å, shape ``(pairs,)``.
    """

    chain: IntArray
    kinds: IntArray
    bonds: IntArray
    distance: FloatArray


def contacts_of_unit(residue: IntArray, xyz_cart: FloatArray, place: IntArray, limit: float) -> Contacts:
    """Find the contacts of one unit of each chain with itself and the atoms before it.

    A unit is a residue without its N and with the N of the next: what the torsion angles of a residue move.

    Parameters
    ----------
    residue
        Residue types, shape ``(n, length)``.
    xyz_cart
        Å, shape ``(n, length, SLOTS, 3)``; NaN where no atom is.
    place
        Number of the unit's residue in each chain, shape ``(n,)``.
    limit
        Å; longer distances are passed over.
    """
    atoms = xyz_cart.reshape(len(residue), -1, 3)
    unit = place[:, None] * SLOTS + np.arange(CA, SLOTS + 1)  # the last is N of the next residue
    inside = np.minimum(unit, atoms.shape[1] - 1)
    moved = np.where(
        (unit == inside)[..., None], np.take_along_axis(atoms, inside[..., None], axis=1), np.nan
    )
    before = atoms[:, : (int(place.max(initial=0)) + 1) * SLOTS]
    near = _squared_distances(moved, before) < (limit + _ROUNDING) ** 2
    chain, column, earlier = np.unravel_index(np.flatnonzero(near), near.shape)
    later = unit[chain, column]
    bonds = _bonds_between(residue, chain, earlier, later)
    kept = (earlier < later) & (bonds >= BONDS_BETWEEN[0])
    chain, column, earlier, later = chain[kept], column[kept], earlier[kept], later[kept]
    distance = np.linalg.norm(moved[chain, column] - before[chain, earlier], axis=-1)
    short = distance < limit
    chain, earlier, later = chain[short], earlier[short], later[short]
    return Contacts(
        chain=chain,
        kinds=np.array([ATOM_KINDS[residue[chain, one // SLOTS], one % SLOTS] for one in (earlier, later)]),
        bonds=np.minimum(bonds[kept][short], BONDS_BETWEEN[-1]) - BONDS_BETWEEN[0],
        distance=distance[short],
    )


def clashing(contacts: Contacts, closest: FloatArray, chains: int) -> NDArray[np.bool_]:
    """Tell which of `chains` chains have a contact below the least distances, shape ``(chains,)``.

    `closest` is in Å, shape ``(bonds, kinds, kinds)``.
    """
    first, second = contacts.kinds
    short = contacts.distance < closest[contacts.bonds, first, second]
    found = np.zeros(chains, np.bool_)
    found[contacts.chain[short]] = True
    return found


def _squared_distances(a: FloatArray, b: FloatArray) -> NDArray[np.float32]:
    """Return |a − b|², shapes ``(n, p, 3)`` and ``(n, q, 3)`` → ``(n, p, q)``, to find what is near.

    Single precision about the first atom of `a` is good to 1e-4 Å there; the whole is one product of rows
    (−2a, |a|², 1) and columns (b, 1, |b|²), which is three times as fast as its parts.
    """
    middle = a[:, :1]
    a, b = (a - middle).astype(np.float32), (b - middle).astype(np.float32)
    rows, columns = np.ones((*a.shape[:2], 5), np.float32), np.ones((*b.shape[:2], 5), np.float32)
    rows[..., :3], rows[..., 3] = -2 * a, np.einsum("nij,nij->ni", a, a)
    columns[..., :3], columns[..., 4] = b, np.einsum("nij,nij->ni", b, b)
    return np.asarray(rows @ columns.swapaxes(1, 2))


def _bonds_between(residue: IntArray, chain: IntArray, earlier: IntArray, later: IntArray) -> IntArray:
    """Count the bonds along the chain between atoms given by their numbers, residue × `SLOTS` + slot."""
    (place, slot), (later_place, later_slot) = np.divmod(earlier, SLOTS), np.divmod(later, SLOTS)
    apart = later_place - place
    kind, later_kind = residue[chain, place], residue[chain, later_place]
    to_next = SEPARATION[kind, slot, C] + 1
    onward = 3 * (apart - 1) + SEPARATION[later_kind, N, later_slot]
    return np.asarray(np.where(apart == 0, SEPARATION[kind, slot, later_slot], to_next + onward))
