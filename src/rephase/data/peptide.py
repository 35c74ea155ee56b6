"""Build an all-heavy-atom peptide of any sequence with standard geometry."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import PeptideBuilder
from numpy.typing import NDArray
from PeptideBuilder import Geometry
from PeptideBuilder.PeptideBuilder import calculateCoordinates
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from rephase.data.backbone import draw_phi_psi, draw_region
from rephase.data.rotamers import set_rotamer
from rephase.errors import UserError

FloatArray = NDArray[np.float64]

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"

LONGEST_BOND = 2.0
"""Å; C–S, the longest bond within a residue, has 1.81."""

CLOSEST = 3.0
CLOSEST_N_O = 2.75
CLOSEST_FOUR_BONDS = 2.6
"""Å, least distance beyond four bonds; of N and O there (hydrogen bonds); at four bonds."""

CARBOXYLATE = (1.25, 118.0)
"""C–O length in Å and Cα–C–O angle in degrees of the C-terminus (Engh & Huber 1991, Acta Cryst. A47, 392)."""

CLASHES_BEFORE_RETREAT = 20
TRIES_PER_CHAIN = 60


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
    """Build a peptide: standard bonds and angles, trans peptides, favoured φ/ψ, common rotamers, no clashes.

    The chain grows residue by residue; a residue that clashes is drawn again, and every twentieth clash takes
    one to three residues before it along. Ideal values are those of PeptideBuilder (Tien et al. 2013,
    PeerJ 1, e80).

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
    _check_sequence(sequence)
    torsions: list[tuple[tuple[float, float], tuple[float, float]]] = []  # region and φ, ψ per residue
    failures = 0
    for _ in range(TRIES_PER_CHAIN * len(sequence)):
        i = len(torsions)
        region = draw_region(
            sequence[i], sequence[i + 1 : i + 2] or None, torsions[-1][0] if i else None, rng
        )
        torsions.append((region, draw_phi_psi(region, rng)))
        peptide = chain_from_torsions(sequence[: i + 1], [phi_psi for _, phi_psi in torsions])
        if has_clash(peptide):
            failures += 1
            keep = i if failures % CLASHES_BEFORE_RETREAT else max(0, i - int(rng.integers(1, 4)))
            del torsions[keep:]
        elif i + 1 == len(sequence):
            return peptide
    raise UserError(
        "a chain without clashes", f"none for {sequence}", "try another --seed or a shorter sequence"
    )


def _check_sequence(sequence: str) -> None:
    wrong = sorted(set(sequence) - set(RESIDUES))
    if wrong or not sequence:
        found = f"{''.join(wrong)!r} in {sequence!r}" if wrong else "an empty sequence"
        raise UserError(f"a sequence of the letters {RESIDUES}", found)


def chain_from_torsions(sequence: str, phi_psi_deg: list[tuple[float, float]]) -> Peptide:
    """Build the chain with these φ, ψ in degrees, one pair per residue; ω is 180°."""
    psi_before = 0.0
    structure: Any = None
    for letter, (phi, psi) in zip(sequence, phi_psi_deg, strict=True):
        geometry = Geometry.geometry(letter)
        set_rotamer(geometry)
        geometry.phi, geometry.psi_im1 = phi, psi_before
        psi_before = psi
        if structure is None:
            structure = PeptideBuilder.initialize_res(geometry)
        else:
            structure = PeptideBuilder.add_residue_from_geo(structure, geometry)
    last = list(structure.get_residues())[-1]
    last["O"].set_coord(_carboxylate_oxygen(last, psi_before + 180.0))
    return _with_terminal_oxygen(structure, sequence, _carboxylate_oxygen(last, psi_before))


def _carboxylate_oxygen(residue: Any, dihedral_deg: float) -> FloatArray:
    """Place an oxygen of the C-terminus by its dihedral N–Cα–C–O."""
    length, angle = CARBOXYLATE
    place = calculateCoordinates(residue["N"], residue["CA"], residue["C"], length, angle, dihedral_deg)
    return np.asarray(place, dtype=np.float64)


def _with_terminal_oxygen(structure: Any, sequence: str, oxt: FloatArray) -> Peptide:
    """Turn a Biopython structure into a `Peptide`, with OXT as its last atom."""
    atoms = list(structure.get_atoms())
    names = [*(atom.get_id() for atom in atoms), "OXT"]
    numbers = [atom.get_parent().get_id()[1] - 1 for atom in atoms]
    return Peptide(
        sequence=sequence,
        xyz_cart=np.array([*(atom.get_coord() for atom in atoms), oxt], dtype=np.float64),
        elements=np.array([name[0] for name in names]),
        atom_names=np.array(names),
        residue=np.array([*numbers, len(sequence) - 1], dtype=np.int64),
    )


def bonded(peptide: Peptide) -> NDArray[np.bool_]:
    """Return the bonds, shape ``(n, n)``: short distances within a residue, and C–N to the next residue."""
    apart = peptide.residue[None, :] - peptide.residue[:, None]
    short = _distances(peptide.xyz_cart) < LONGEST_BOND
    within = short & (apart == 0) & ~np.eye(len(short), dtype=bool)
    onward = (apart == 1) & (peptide.atom_names == "C")[:, None] & (peptide.atom_names == "N")[None, :]
    return np.asarray(within | onward | onward.T)


def has_clash(peptide: Peptide) -> bool:
    """Tell whether atoms four or more bonds apart come too close."""
    bonds = dijkstra(csr_array(bonded(peptide).astype(np.float64)), unweighted=True, limit=4.0)
    is_n, is_o = peptide.elements == "N", peptide.elements == "O"
    hydrogen_bond = (is_n[:, None] & is_o[None, :]) | (is_o[:, None] & is_n[None, :])
    least = np.where(hydrogen_bond, CLOSEST_N_O, CLOSEST)
    least[bonds == 4.0] = CLOSEST_FOUR_BONDS
    least[bonds < 4.0] = 0.0
    return bool(np.any(_distances(peptide.xyz_cart) < least))


def _distances(xyz: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(xyz[:, None, :] - xyz[None, :, :], axis=-1))
