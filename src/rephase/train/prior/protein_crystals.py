"""Whole protein crystals as they were deposited."""

from pathlib import Path

import gemmi
import numpy as np

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.io.structure_file import read_structure_file

_LEAST_OCCUPANCY = 0.5
"""Of an atom that is kept: of two conformations the one in the majority."""


def protein_crystal(path: Path) -> CrystalModel | None:
    """Read the asymmetric unit of an entry: protein, ligands and ordered water, without hydrogen.

    Returns
    -------
    None where the file states no crystal, or one that is not of chiral molecules.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    structure = read_structure_file(path).structure
    group = structure.find_spacegroup()
    if group is None or not group.is_sohncke() or structure.cell.volume < _LEAST_VOLUME:
        return None
    if structure.has_origx and not structure.origx.is_identity():
        return None
    sites = [
        (structure.cell.fractionalize(atom.pos).tolist(), atom.element.name, atom.b_iso)
        for chain in structure[0]
        for residue in chain
        for atom in residue
        if not atom.is_hydrogen() and atom.occ >= _LEAST_OCCUPANCY and atom.altloc in "\0A"
    ]
    if not sites:
        return None
    xyz_frac, elements, b_iso = zip(*sites, strict=True)
    return CrystalModel(
        cell=structure.cell,
        spacegroup=group,
        xyz_frac=np.array(xyz_frac, dtype=np.float64),
        elements=np.array(elements),
        b_iso=np.array(b_iso, dtype=np.float64).clip(2.0, 120.0),
    )


_LEAST_VOLUME = 1000.0  # Å³; entries without a crystal state a cell of 1 Å
