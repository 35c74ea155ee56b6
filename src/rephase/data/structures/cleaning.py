"""Residues as they are used: the twenty amino acids with all their heavy atoms, or the reason why not."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.data.peptides.residue_topology import ATOM_NAMES, CA, CB, PRESENT, RESIDUES, SEPARATION, C, N
from rephase.data.structures.build_config import ChainRules
from rephase.data.structures.conformers import conformers, has_alternates

FloatArray = NDArray[np.float64]

LETTERS = {gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA): letter for letter in RESIDUES}
_CG_SD, _SD_CE = 1.803, 1.791  # Å in methionine (Engh & Huber 1991)
_BOND = (0.9, 2.2)  # Å; far outside these lengths atoms are misplaced (C–S bonds have 1.8 Å)
_FARTHEST = 1e4  # Å from the origin; single precision keeps 0.001 Å up to there
_TERMINAL = "OXT"


@dataclass(frozen=True, eq=False)
class CleanResidue:
    """A modelled residue.

    Attributes
    ----------
    letter
        One-letter code, X for anything but the twenty amino acids.
    xyz_cart
        Å, shape ``(n, 3)``, heavy atoms in the order of `residue_topology.ATOM_NAMES`; empty with a flaw.
    flaw
        Rule by which no window may hold it; empty when it is good.
    """

    letter: str
    xyz_cart: FloatArray
    flaw: str


def clean_residues(residues: gemmi.ResidueSpan, rules: ChainRules) -> list[CleanResidue]:
    """Clean the modelled residues of a chain, one for each place."""
    return [_clean(name, atoms, rules) for name, atoms in conformers(residues)]


def atom_names(letter: str) -> NDArray[np.str_]:
    """Return the heavy atoms of an amino acid in the order of their coordinates, shape ``(n,)``."""
    row = RESIDUES.index(letter)
    return np.asarray(ATOM_NAMES[row][PRESENT[row]])


def _clean(name: str, atoms: list[gemmi.Atom], rules: ChainRules) -> CleanResidue:
    letter = LETTERS.get("MET" if name == "MSE" else name, "X")
    observed = {atom.name: np.array(atom.pos.tolist()) for atom in atoms if atom.occ > 0.0}
    if name == "MSE":
        observed = methionine_from_selenomethionine(observed)
    flaw = _first_flaw(letter, {"SD" if atom.name == "SE" else atom.name for atom in atoms}, observed)
    if not flaw and rules.alternates == "reject" and has_alternates(atoms):
        flaw = "alternate conformations"
    if flaw:
        return CleanResidue(letter, np.empty((0, 3)), flaw)
    xyz_cart = np.array([observed[atom] for atom in atom_names(letter).tolist()])
    flaw = _geometric_flaw(letter, xyz_cart)
    return CleanResidue(letter, np.empty((0, 3)) if flaw else xyz_cart, flaw)


def methionine_from_selenomethionine(atoms: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Replace Se by S along the bonds, at the lengths of methionine; angles and torsions stay.

    Parameters
    ----------
    atoms
        Positions in Å by name; returned as they are when SE or one of its neighbours is missing.
    """
    if not {"CG", "SE", "CE"} <= atoms.keys():
        return atoms
    cg, se, ce = atoms["CG"], atoms["SE"], atoms["CE"]
    to_se, to_ce = float(np.linalg.norm(se - cg)), float(np.linalg.norm(ce - se))
    if to_se == 0.0 or to_ce == 0.0:
        return atoms
    sd = cg + (se - cg) * (_CG_SD / to_se)
    rest = {name: xyz for name, xyz in atoms.items() if name != "SE"}
    return rest | {"SD": sd, "CE": sd + (ce - se) * (_SD_CE / to_ce)}


def _first_flaw(letter: str, modelled: set[str], observed: dict[str, FloatArray]) -> str:
    """Compare the atoms of a residue with those it must have."""
    if letter == "X":
        return "non-standard residue"
    expected = set(atom_names(letter).tolist())
    if modelled - expected - {_TERMINAL}:
        return "non-standard residue"
    if expected - modelled:
        return "missing atoms"
    return "unobserved atoms" if expected - observed.keys() else ""


def _geometric_flaw(letter: str, xyz_cart: FloatArray) -> str:
    """Look for bonds that cannot be, and for the hand of D-amino acids."""
    if not np.isfinite(xyz_cart).all() or np.abs(xyz_cart).max() > _FARTHEST:
        return "misplaced atoms"
    row = RESIDUES.index(letter)
    present = np.flatnonzero(PRESENT[row])
    first, second = np.nonzero(np.triu(SEPARATION[row][np.ix_(present, present)] == 1))
    lengths = np.linalg.norm(xyz_cart[first] - xyz_cart[second], axis=1)
    if lengths.min() < _BOND[0] or lengths.max() > _BOND[1]:
        return "misplaced atoms"
    return "D residue" if letter != "G" and chiral_volume(xyz_cart) <= 0.0 else ""


def chiral_volume(xyz_cart: FloatArray) -> float:
    """Return (N − Cα) · ((C − Cα) × (Cβ − Cα)) in Å³: about +2.5 in L-amino acids, −2.5 in D."""
    to_n, to_c, to_cb = xyz_cart[[N, C, CB]] - xyz_cart[CA]
    return float(np.dot(to_n, np.cross(to_c, to_cb)))
