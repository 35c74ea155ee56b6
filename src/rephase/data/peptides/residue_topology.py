"""The heavy atoms of the twenty amino acids and their bonds, as arrays over residue types and atom slots.

Every residue has the same `SLOTS` slots: N, CA, C, O, then its side chain in the order of the PDB. Slots that
a residue does not use have the name "".
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
BACKBONE = ("N", "CA", "C", "O")
N, CA, C, O, CB = range(5)  # noqa: E741 - the names of the atoms
SLOTS = 14  # of tryptophan
FAR = 99
"""Bonds between atoms that are not both there."""

# Side chains: atom-parent, and after a colon the number of the χ that turns the atom about the parent's bond.
_SIDE_CHAINS = {
    "A": "CB-CA",
    "C": "CB-CA SG-CB:1",
    "D": "CB-CA CG-CB:1 OD1-CG:2 OD2-CG:2",
    "E": "CB-CA CG-CB:1 CD-CG:2 OE1-CD:3 OE2-CD:3",
    "F": "CB-CA CG-CB:1 CD1-CG:2 CD2-CG:2 CE1-CD1 CE2-CD2 CZ-CE1",
    "G": "",
    "H": "CB-CA CG-CB:1 ND1-CG:2 CD2-CG:2 CE1-ND1 NE2-CD2",
    "I": "CB-CA CG1-CB:1 CG2-CB:1 CD1-CG1:2",
    "K": "CB-CA CG-CB:1 CD-CG:2 CE-CD:3 NZ-CE:4",
    "L": "CB-CA CG-CB:1 CD1-CG:2 CD2-CG:2",
    "M": "CB-CA CG-CB:1 SD-CG:2 CE-SD:3",
    "N": "CB-CA CG-CB:1 OD1-CG:2 ND2-CG:2",
    "P": "CB-CA CG-CB:1 CD-CG:2",
    "Q": "CB-CA CG-CB:1 CD-CG:2 OE1-CD:3 NE2-CD:3",
    "R": "CB-CA CG-CB:1 CD-CG:2 NE-CD:3 CZ-NE:4 NH1-CZ NH2-CZ",
    "S": "CB-CA OG-CB:1",
    "T": "CB-CA OG1-CB:1 CG2-CB:1",
    "V": "CB-CA CG1-CB:1 CG2-CB:1",
    "W": "CB-CA CG-CB:1 CD1-CG:2 CD2-CG:2 NE1-CD1 CE2-CD2 CE3-CD2 CZ2-CE2 CZ3-CE3 CH2-CZ2",
    "Y": "CB-CA CG-CB:1 CD1-CG:2 CD2-CG:2 CE1-CD1 CE2-CD2 CZ-CE1 OH-CZ",
}
_RING_CLOSURES = {
    "F": ("CE2-CZ",),
    "H": ("CE1-NE2",),
    "P": ("CD-N",),
    "W": ("NE1-CE2", "CZ3-CH2"),
    "Y": ("CE2-CZ",),
}


def residue_types(sequence: str) -> NDArray[np.int64]:
    """Return the index of each letter in `RESIDUES`, shape ``(n,)``."""
    return np.array([RESIDUES.index(letter) for letter in sequence], np.int64)


def _parsed(letter: str) -> list[tuple[str, str, int]]:
    """Return atom, parent and number of χ (0 without) of each atom of a side chain."""
    parsed = []
    for word in _SIDE_CHAINS[letter].split():
        bond, _, chi = word.partition(":")
        atom, parent = bond.split("-")
        parsed.append((atom, parent, int(chi or 0)))
    return parsed


def _names(letter: str) -> list[str]:
    names = [*BACKBONE, *(atom for atom, _, _ in _parsed(letter))]
    return names + [""] * (SLOTS - len(names))


def _references(letter: str) -> NDArray[np.int64]:
    """Return the slots a, b, c of the torsion a–b–c–atom that places each atom of a side chain."""
    names = _names(letter)
    parents = {atom: parent for atom, parent, _ in _parsed(letter)} | {"CA": "N"}
    slots = np.zeros((SLOTS, 3), np.int64)
    for atom, parent, _ in _parsed(letter):
        line = ("N", "C", "CA") if atom == "CB" else (parents[parents[parent]], parents[parent], parent)
        slots[names.index(atom)] = [names.index(name) for name in line]
    return slots


def _chi(letter: str) -> list[int]:
    numbers = [0] * len(BACKBONE) + [chi for _, _, chi in _parsed(letter)]
    return numbers + [0] * (SLOTS - len(numbers))


def _separations(letter: str) -> NDArray[np.int64]:
    """Count the bonds between each two atoms of a residue, the shortest way, shape ``(SLOTS, SLOTS)``."""
    names = _names(letter)
    bonds = [*pairwise(BACKBONE), *((atom, parent) for atom, parent, _ in _parsed(letter))]
    bonds += [(first, second) for first, second in (b.split("-") for b in _RING_CLOSURES.get(letter, ()))]
    apart: NDArray[np.int64] = np.full((SLOTS, SLOTS), FAR)
    present = [i for i, name in enumerate(names) if name]
    apart[present, present] = 0
    for first, second in bonds:
        i, j = names.index(first), names.index(second)
        apart[i, j] = apart[j, i] = 1
    for via in present:  # Floyd and Warshall
        apart = np.minimum(apart, apart[:, via, None] + apart[None, via, :])
    return np.asarray(np.minimum(apart, FAR))


ATOM_NAMES: NDArray[np.str_] = np.array([_names(letter) for letter in RESIDUES])
"""Shape ``(20, SLOTS)``."""

ELEMENTS: NDArray[np.str_] = ATOM_NAMES.astype("U1")
"""Shape ``(20, SLOTS)``; protein atoms are named after their element."""

PRESENT: NDArray[np.bool_] = ATOM_NAMES != ""
"""Which slots a residue uses, shape ``(20, SLOTS)``."""

REFERENCES: NDArray[np.int64] = np.array([_references(letter) for letter in RESIDUES])
"""Slots of the three atoms that each atom of a side chain is placed by, shape ``(20, SLOTS, 3)``."""

CHI: NDArray[np.int64] = np.array([_chi(letter) for letter in RESIDUES])
"""Number of the χ, from 1, in an atom's torsion, and 0 where it is fixed, shape ``(20, SLOTS)``."""

CHI_COUNT: NDArray[np.int64] = CHI.max(axis=1)
"""Torsion angles of a side chain, shape ``(20,)``."""

MOST_CHI = int(CHI_COUNT.max())

SEPARATION: NDArray[np.int64] = np.array([_separations(letter) for letter in RESIDUES])
"""Bonds between atoms of a residue, `FAR` where one is absent, shape ``(20, SLOTS, SLOTS)``."""


def chi_atom(residue: int, number: int) -> int:
    """Return the slot of the atom that defines χ `number`, the first it turns."""
    return int(np.flatnonzero(CHI[residue] == number)[0])
