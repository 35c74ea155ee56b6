"""Fragments in the few bytes they take on disk: whole numbers, and one byte for an atom's name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.placements import Placements, join_placements
from rephase.data.fragments import Fragments
from rephase.data.selection import ranges
from rephase.errors import UserError

PER_ANGSTROM = 100
# Heavy atoms of the twenty amino acids, and the second oxygen of a C terminus.
ATOM_NAMES = (
    *("N", "CA", "C", "O", "CB", "CG", "CG1", "CG2", "CD", "CD1", "CD2", "CE", "CE1", "CE2", "CE3"),
    *("CZ", "CZ2", "CZ3", "CH2", "ND1", "ND2", "NE", "NE1", "NE2", "NH1", "NH2", "NZ"),
    *("OD1", "OD2", "OE1", "OE2", "OG", "OG1", "OH", "OXT", "SD", "SG"),
)
_NAMES = np.array(ATOM_NAMES)
_LARGEST = np.iinfo(np.int16).max


@dataclass(frozen=True, eq=False)
class AtomArrays:
    """Atoms of n fragments as they lie on disk.

    Attributes
    ----------
    offset
        First atom of each fragment and the total, shape ``(n + 1,)``.
    residue_offset
        First residue of each fragment and the total, shape ``(n + 1,)``.
    residue_atoms
        Atoms of each residue, shape ``(residues,)``; residues follow one another.
    xyz
        Hundredths of an Å from the middle of the fragment's extents, shape ``(atoms, 3)``.
    atom_name
        Index into `ATOM_NAMES`, shape ``(atoms,)``.
    placements
        Crystals of the fragments, where they are fixed.
    """

    offset: NDArray[np.int32]
    residue_offset: NDArray[np.int32]
    residue_atoms: NDArray[np.uint8]
    xyz: NDArray[np.int16]
    atom_name: NDArray[np.uint8]
    placements: Placements | None = None

    def __len__(self) -> int:
        return len(self.offset) - 1

    def take(self, rows: NDArray[np.int64]) -> "AtomArrays":
        """Return some fragments, in the order of `rows`."""
        atoms, offset = ranges(self.offset, rows)
        residues, residue_offset = ranges(self.residue_offset, rows)
        return AtomArrays(
            offset=offset.astype(np.int32),
            residue_offset=residue_offset.astype(np.int32),
            residue_atoms=self.residue_atoms[residues],
            xyz=self.xyz[atoms],
            atom_name=self.atom_name[atoms],
            placements=None if self.placements is None else self.placements.take(rows),
        )


def pack_atoms(fragments: Fragments, placements: Placements | None = None) -> AtomArrays:
    """Round fragments to 0.01 Å about their middles and count the atoms of their residues.

    Raises
    ------
    UserError
        When a fragment is empty, has a coordinate that is not finite, an atom that is no heavy atom of the
        twenty amino acids, residues out of order, or is wider than 655 Å.
    """
    if np.any(np.diff(fragments.offset) <= 0):
        empty = int(np.flatnonzero(np.diff(fragments.offset) <= 0)[0])
        raise UserError("fragments with atoms", f"{fragments.ids[empty]} has none", "leave it out")
    residue_atoms, residue_offset = _count_residues(fragments)
    return AtomArrays(
        offset=fragments.offset.astype(np.int32),
        residue_offset=residue_offset,
        residue_atoms=residue_atoms,
        xyz=_centred_hundredths(fragments),
        atom_name=_name_indices(fragments),
        placements=placements,
    )


def unpack_atoms(
    arrays: AtomArrays,
    ids: NDArray[np.str_],
    sequence: NDArray[np.str_],
    resolution: NDArray[np.float32],
    split: NDArray[np.uint8],
) -> Fragments:
    """Return fragments with their middles at the origin; the other arrays have shape ``(n,)``."""
    return Fragments(
        ids=ids,
        sequence=sequence,
        resolution=resolution,
        split=split,
        offset=arrays.offset.astype(np.int64),
        xyz_cart=coordinates(arrays),
        atom_name=atom_names(arrays),
        residue=residue_numbers(arrays),
    )


def coordinates(arrays: AtomArrays) -> NDArray[np.float32]:
    """Return coordinates in Å, shape ``(atoms, 3)``."""
    return (arrays.xyz / PER_ANGSTROM).astype(np.float32)


def atom_names(arrays: AtomArrays) -> NDArray[np.str_]:
    """Return names such as CA, shape ``(atoms,)``."""
    return np.asarray(_NAMES[arrays.atom_name])


def repeats_a_name(names: NDArray[Any], residue: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Tell which atoms have the name of an atom before them in their residue.

    Parameters
    ----------
    names
        Or their numbers, shape ``(atoms,)``.
    residue
        A number of each atom's residue that no other residue has, ascending, shape ``(atoms,)``.
    """
    repeats = np.zeros(len(names), np.bool_)
    longest = int(np.bincount(residue).max(initial=0))
    for lag in range(1, longest):
        repeats[lag:] |= (names[lag:] == names[:-lag]) & (residue[lag:] == residue[:-lag])
    return repeats


def residue_numbers(arrays: AtomArrays) -> NDArray[np.int16]:
    """Return the number of each atom's residue within its fragment, from 0, shape ``(atoms,)``."""
    first = np.repeat(arrays.residue_offset[:-1], np.diff(arrays.residue_offset))
    within = np.arange(len(arrays.residue_atoms)) - first
    return np.repeat(within.astype(np.int16), arrays.residue_atoms)


def join_arrays(parts: Sequence[AtomArrays]) -> AtomArrays:
    """Join fragments end to end; all parts have placements, or none."""
    placements = [part.placements for part in parts if part.placements is not None]
    return AtomArrays(
        offset=_joined_offsets([part.offset for part in parts]),
        residue_offset=_joined_offsets([part.residue_offset for part in parts]),
        residue_atoms=np.concatenate([part.residue_atoms for part in parts]),
        xyz=np.concatenate([part.xyz for part in parts]),
        atom_name=np.concatenate([part.atom_name for part in parts]),
        placements=join_placements(placements) if placements else None,
    )


def gather(sources: Iterable[AtomArrays], source: NDArray[np.int64], row: NDArray[np.int64]) -> AtomArrays:
    """Collect fragment ``row[k]`` of source number ``source[k]`` for every k, in order; at least one source.

    Sources are taken one by one, so that an iterator of mapped files keeps only one of them open.
    """
    order = np.argsort(source, kind="stable")
    joined = join_arrays([arrays.take(row[source == number]) for number, arrays in enumerate(sources)])
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return joined.take(back)


def _joined_offsets(offsets: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    counts = np.concatenate([np.diff(offset) for offset in offsets])
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _centred_hundredths(fragments: Fragments) -> NDArray[np.int16]:
    if not np.isfinite(fragments.xyz_cart).all():
        bad = np.flatnonzero(~np.isfinite(fragments.xyz_cart).all(axis=1))[0]
        raise UserError("finite coordinates", f"an atom of {_owner(fragments, int(bad))} has none")
    start = fragments.offset[:-1]
    whole = np.rint(fragments.xyz_cart * float(PER_ANGSTROM)).astype(np.int64)
    lowest, highest = np.minimum.reduceat(whole, start), np.maximum.reduceat(whole, start)
    centre = (lowest + highest) // 2  # rounds down, so that centring twice changes nothing
    if np.any(highest - centre > _LARGEST):
        wide = int(np.flatnonzero((highest - centre > _LARGEST).any(axis=1))[0])
        raise UserError("fragments below 655 Å", f"{fragments.ids[wide]} is wider", "leave it out")
    centred = whole - np.repeat(centre, np.diff(fragments.offset), axis=0)
    return np.asarray(centred.astype(np.int16))


def _name_indices(fragments: Fragments) -> NDArray[np.uint8]:
    order = np.argsort(_NAMES)
    place = np.searchsorted(_NAMES, fragments.atom_name, sorter=order)
    index = order[np.minimum(place, len(order) - 1)]
    wrong = _NAMES[index] != fragments.atom_name
    if wrong.any():
        atom = int(np.flatnonzero(wrong)[0])
        raise UserError(
            "heavy atoms of the twenty amino acids",
            f"atom {fragments.atom_name[atom]} in {_owner(fragments, atom)}",
            "leave hydrogens and modified residues out",
        )
    return index.astype(np.uint8)


def _count_residues(fragments: Fragments) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the atoms of every residue, and the first residue of every fragment."""
    begins = np.empty(len(fragments.residue), np.bool_)
    begins[1:] = np.diff(fragments.residue) != 0
    begins[fragments.offset[:-1]] = True
    first = np.flatnonzero(begins)
    atoms = np.diff(np.append(first, len(begins)))
    residues = np.add.reduceat(begins, fragments.offset[:-1], dtype=np.int64)
    residue_offset = np.concatenate([[0], np.cumsum(residues)])
    within = np.arange(len(first)) - np.repeat(residue_offset[:-1], residues)
    wrong = (fragments.residue[first] != within) | (atoms > np.iinfo(np.uint8).max)
    if wrong.any():
        atom = int(first[np.flatnonzero(wrong)[0]])
        raise UserError(
            "residues numbered from 0, one after the other", f"{_owner(fragments, atom)} has others"
        )
    _check_lengths(fragments, residues)
    return atoms.astype(np.uint8), residue_offset.astype(np.int32)


def _check_lengths(fragments: Fragments, residues: NDArray[np.int64]) -> None:
    wrong = np.strings.str_len(fragments.sequence) != residues
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise UserError(
            "as many residues as the sequence has letters",
            f"{fragments.ids[i]} with {residues[i]} residues and the sequence {fragments.sequence[i]}",
        )


def _owner(fragments: Fragments, atom: int) -> str:
    """Return the id of the fragment that an atom belongs to."""
    return str(fragments.ids[int(np.searchsorted(fragments.offset, atom, side="right")) - 1])
