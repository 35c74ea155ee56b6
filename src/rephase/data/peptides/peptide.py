"""Peptides of a given sequence with all their heavy atoms, as they would be in a crystal of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.peptides.chain_growth import FIRST_N, VIRTUAL_CA_C, grow_chains, place_unit
from rephase.data.peptides.clashes import ATOM_KINDS, KINDS
from rephase.data.peptides.internal_coordinates import place_atoms, torsion_deg
from rephase.data.peptides.residue_topology import (
    ATOM_NAMES,
    CA,
    PRESENT,
    RESIDUES,
    SEPARATION,
    SLOTS,
    C,
    N,
    O,
    residue_types,
)
from rephase.data.peptides.torsion_draws import NO_RESIDUE, ideal_conformations
from rephase.data.peptides.torsion_tables import torsion_tables
from rephase.errors import UserError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CARBOXYLATE = (1.25, 118.0)
"""C–O length in Å and Cα–C–O angle in degrees of the C-terminus (Engh & Huber 1991, Acta Cryst. A47, 392)."""

TRIES = 20
"""Chains grown before a sequence is given up."""


@dataclass(frozen=True, eq=False)
class Peptide:
    """A peptide of one chain.

    Attributes
    ----------
    sequence
        One-letter codes.
    xyz_cart
        Coordinates in Å, shape ``(n, 3)``.
    elements, atom_names
        Element symbols and PDB atom names, shape ``(n,)``.
    residue
        Place of each atom's residue in the sequence, from 0, shape ``(n,)``.
    """

    sequence: str
    xyz_cart: FloatArray
    elements: NDArray[np.str_]
    atom_names: NDArray[np.str_]
    residue: NDArray[np.int64]


def build_peptide(sequence: str, rng: np.random.Generator) -> Peptide:
    """Build a peptide with ideal bonds and angles, torsion angles as in proteins, a carboxylate, no clashes.

    Parameters
    ----------
    sequence
        One-letter codes of the 20 amino acids.
    rng
        Source of the torsion angles.

    Raises
    ------
    UserError
        If the sequence is empty or has other letters, or no chain without clashes was found.
    """
    check_sequence(sequence)
    residue, tables = residue_types(sequence), torsion_tables()
    for _ in range(TRIES):
        xyz = grow_chains(residue[None], [rng], tables, spread=0.0)[0]
        oxt = _place_carboxylate(xyz)
        if np.isfinite(oxt).all() and _room_for(oxt, residue, xyz, tables.closest):
            return _with_carboxylate(sequence, xyz, oxt)
    raise UserError(
        "a chain without clashes", f"none for {sequence}", "try another --seed or a shorter sequence"
    )


def check_sequence(sequence: str) -> None:
    """Raise a UserError unless the sequence consists of the letters of the 20 amino acids."""
    wrong = sorted(set(sequence) - set(RESIDUES))
    if wrong or not sequence:
        found = f"{''.join(wrong)!r} in {sequence!r}" if wrong else "an empty sequence"
        raise UserError(f"a sequence of the letters {RESIDUES}", found)


def chain_from_torsions(sequence: str, phi_psi_deg: Sequence[tuple[float, float]]) -> Peptide:
    """Build the chain with these φ, ψ in degrees, one pair per residue; trans, most common rotamers."""
    residue = residue_types(sequence)
    phi, psi = np.array(phi_psi_deg, np.float64).T
    drawn = ideal_conformations(torsion_tables(), residue, np.append(residue[1:], NO_RESIDUE), phi, psi)
    xyz = np.full((len(residue) + 1, SLOTS, 3), np.nan)
    xyz[0, N] = FIRST_N
    before = VIRTUAL_CA_C
    for i in range(len(residue)):
        unit = place_unit(residue[i : i + 1], drawn.row(i), before[None], xyz[i : i + 1, N])[0]
        xyz[i, CA:], xyz[i + 1, N] = unit[CA:], unit[N]
        before = unit[[CA, C]]
    xyz = xyz[:-1]
    return _with_carboxylate(sequence, xyz, _place_carboxylate(xyz))


def _place_carboxylate(xyz: FloatArray) -> FloatArray:
    """Move O of the last residue to where it is in a carboxylate, in place, and return OXT opposite to it."""
    n, ca, c = xyz[-1, [N, CA, C]]
    torsion = torsion_deg(n, ca, c, xyz[-1, O])
    length, angle = (np.array(value) for value in CARBOXYLATE)
    xyz[-1, O] = place_atoms(n, ca, c, length, angle, torsion)
    return place_atoms(n, ca, c, length, angle, torsion + 180.0)


def _room_for(oxt: FloatArray, residue: IntArray, xyz: FloatArray, closest: FloatArray) -> bool:
    """Tell whether OXT clashes with no other residue, and with no atom of its own four or more bonds away."""
    distance = np.linalg.norm(xyz - oxt, axis=-1)
    four, more = closest[:, KINDS.index("O")]
    least = more[ATOM_KINDS[residue]]
    bonds = SEPARATION[residue[-1], C] + 1
    least[-1] = np.where(bonds > 4, least[-1], four[ATOM_KINDS[residue[-1]]])
    least[-1, bonds < 4] = 0.0
    return not np.any(distance < least)


def _with_carboxylate(sequence: str, xyz: FloatArray, oxt: FloatArray) -> Peptide:
    """Collect the atoms of residues, shape ``(length, SLOTS, 3)``, with OXT as the last."""
    residue = residue_types(sequence)
    present = PRESENT[residue]
    names = np.append(ATOM_NAMES[residue][present], "OXT")
    return Peptide(
        sequence=sequence,
        xyz_cart=np.concatenate([xyz[present], oxt[None]]),
        elements=names.astype("U1"),
        atom_names=names,
        residue=np.append(np.nonzero(present)[0], len(residue) - 1),
    )
