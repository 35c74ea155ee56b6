"""Whole proteins as they were deposited: their crystals, and runs of their residues."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import CrystalModel, protein_volume
from rephase.data.stream.molecules import Molecule
from rephase.data.structures.build_config import XRAY, ChainRules, WindowRules
from rephase.data.structures.cleaning import clean_residues
from rephase.data.structures.entry_chains import protein_chains
from rephase.data.structures.windows import cut_windows, window_atoms
from rephase.io.structure_file import StructureFile, read_structure_file

_LEAST_OCCUPANCY = 0.5
"""Of an atom that is kept: of two conformations the one in the majority."""
_LEAST_VOLUME = 1000.0  # Å³; entries without a crystal state a cell of 1 Å
_B_ISO = (2.0, 120.0)  # Å²; what lies outside is a mistake, or an atom that was not seen
_ANY_CHAIN = ChainRules(residues=1)
_STEPS = 3
"""Runs of residues begin at every third of their length: enough of them to choose from."""


@dataclass(frozen=True, eq=False)
class ProteinCrystal:
    """A crystal of a protein.

    Attributes
    ----------
    model
        All that was modelled in the asymmetric unit, but for hydrogen.
    solvent
        Part of the cell that is neither protein nor ligand; ordered water belongs to the solvent.
    """

    model: CrystalModel
    solvent: float


def protein_crystal(path: Path) -> ProteinCrystal | None:
    """Read the asymmetric unit of an entry: protein, ligands and ordered water.

    Returns
    -------
    None where the file states no crystal, or one that is not of chiral molecules, or no X-rays.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    entry = read_structure_file(path)
    group = _group_of(entry)
    if group is None:
        return None
    structure = entry.structure
    sites = [
        (structure.cell.fractionalize(atom.pos).tolist(), atom.element.name, atom.b_iso, residue.is_water())
        for chain in structure[0]
        for residue in chain
        for atom in residue
        if not atom.is_hydrogen()
        and atom.element.atomic_number > 0  # X stands for atoms that nobody knows
        and atom.occ >= _LEAST_OCCUPANCY
        and atom.altloc in "\0A"
    ]
    if not sites:
        return None
    xyz_frac, elements, b_iso, water = map(np.array, zip(*sites, strict=True))
    model = CrystalModel(structure.cell, group, xyz_frac, elements, b_iso.astype(np.float64).clip(*_B_ISO))
    return ProteinCrystal(model, _solvent(model, water))


def protein_piece(path: Path, length: int, rng: np.random.Generator) -> Molecule | None:
    """Draw a run of residues of an entry: bonded to one another, without missing atoms or other flaws.

    Parameters
    ----------
    path
        The entry.
    length
        Residues.
    rng
        Draws chain and place, every run equally likely.

    Returns
    -------
    None where there is no such run.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    chains, _ = protein_chains(read_structure_file(path), _ANY_CHAIN)
    rules = WindowRules(length=length, step=max(1, length // _STEPS))
    windows = [
        window
        for chain in chains
        for window in cut_windows(clean_residues(chain.residues, _ANY_CHAIN), rules)[0]
    ]
    if not windows:
        return None
    chosen = windows[int(rng.integers(len(windows)))]
    _, xyz_cart, atom_name, residue = window_atoms(chosen.residues, alanine=False)
    return Molecule(xyz_cart, atom_name, residue, placement=None)


def _group_of(entry: StructureFile) -> gemmi.SpaceGroup | None:
    """Return the space group, None where it is no crystal of chiral molecules measured with X-rays."""
    structure = entry.structure
    group = structure.find_spacegroup()
    measured = XRAY in entry.methods and structure.cell.volume >= _LEAST_VOLUME
    moved = structure.has_origx and not structure.origx.is_identity()  # atoms are not where the cell has them
    return group if measured and not moved and group is not None and group.is_sohncke() else None


def _solvent(model: CrystalModel, water: NDArray[np.bool_]) -> float:
    occupied = protein_volume(model.elements[~water]) * len(model.spacegroup.operations())
    return max(0.0, 1.0 - occupied / float(model.cell.volume))
