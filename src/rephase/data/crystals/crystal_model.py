"""A model crystal: atoms of one asymmetric unit with their cell and space group."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.primitive import primitive_setting

FloatArray = NDArray[np.float64]

PROTEIN_VOLUME = 1.23
"""Å³ per dalton of protein: partial specific volume 0.74 cm³/g (Matthews 1968, J. Mol. Biol. 33, 491)."""

B_ISO = 20.0
"""Å², the displacement parameter of every atom of a synthetic crystal (RecCrysFormer 2025)."""

HYDROGEN_MASS_FRACTION = 0.07
"""Part of a protein's mass that is hydrogen: the average composition C₄.₈H₇.₇N₁.₃O₁.₄S₀.₀₄ per residue."""


@dataclass(frozen=True, eq=False)
class CrystalModel:
    """Atoms of one asymmetric unit in a crystal.

    Attributes
    ----------
    cell
        Unit cell, Å and degrees.
    spacegroup
        Space group.
    xyz_frac
        Fractional coordinates of one asymmetric unit, shape ``(n, 3)``, float64, not wrapped:
        the molecule is whole.
    elements
        Element symbols, shape ``(n,)``.
    b_iso
        Isotropic displacement parameters in Å², shape ``(n,)``.
    """

    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup
    xyz_frac: FloatArray
    elements: NDArray[np.str_]
    b_iso: FloatArray

    def __len__(self) -> int:
        return len(self.xyz_frac)

    @property
    def xyz_cart(self) -> FloatArray:
        """Coordinates in Å, shape ``(n, 3)``."""
        return self.xyz_frac @ orthogonalisation(self.cell).T


def orthogonalisation(cell: gemmi.UnitCell) -> FloatArray:
    """Return the matrix, shape ``(3, 3)``, that takes fractional columns to Å (PDB convention)."""
    return np.array(cell.orth.mat.tolist(), dtype=np.float64)


def atomic_masses(elements: NDArray[np.str_]) -> FloatArray:
    """Return the mass of each atom in dalton, shape ``(n,)``."""
    table = {symbol: gemmi.Element(symbol).weight for symbol in set(elements.tolist())}
    return np.array([table[symbol] for symbol in elements.tolist()], dtype=np.float64)


def mass_centre(xyz_cart: FloatArray, elements: NDArray[np.str_]) -> FloatArray:
    """Return the mass-weighted centre of atoms at `xyz_cart`, shape ``(n, 3)`` → ``(3,)``, Å."""
    mass = atomic_masses(elements)
    return np.asarray(mass @ xyz_cart / mass.sum())


def rotation_and_shift(op: gemmi.Op) -> tuple[FloatArray, FloatArray]:
    """Return R, shape ``(3, 3)``, and t, shape ``(3,)``, of the operator x' = Rx + t, fractional."""
    return np.array(op.rot) / op.DEN, np.array(op.tran) / op.DEN


def protein_mass(elements: NDArray[np.str_]) -> float:
    """Return the mass in dalton of a peptide, with its hydrogens also where the model has none."""
    mass = float(atomic_masses(elements).sum())
    return mass if np.any(elements == "H") else mass / (1.0 - HYDROGEN_MASS_FRACTION)


def protein_volume(elements: NDArray[np.str_]) -> float:
    """Return the volume in Å³ that a peptide takes up: 1.23 Å³ per dalton."""
    return PROTEIN_VOLUME * protein_mass(elements)


def solvent_fraction(model: CrystalModel) -> float:
    """Return 1 − 1.23 / V_M, the solvent content after Matthews.

    V_M is the volume of the cell per dalton of peptide; hydrogens absent from the model are counted.
    """
    occupied = protein_volume(model.elements) * len(model.spacegroup.operations())
    return 1.0 - occupied / float(model.cell.volume)


def expand_to_p1(model: CrystalModel) -> CrystalModel:
    """Return the same crystal in P1: one copy of the molecule per operator, in the operators' order."""
    return _expanded(model, model.spacegroup.operations())


def primitive_p1(model: CrystalModel) -> CrystalModel:
    """Return the same crystal in P1 and in its primitive cell, one copy of the molecule for each rotation.

    Without centring no reflection is absent because of the lattice, and the origin peak of the Patterson map
    has no copies. A P lattice keeps its cell.
    """
    setting = primitive_setting(model.cell, model.spacegroup)
    primitive = replace(model, cell=setting.cell, xyz_frac=model.xyz_frac @ setting.to_frac.T)
    return _expanded(primitive, setting.operations)


def _expanded(model: CrystalModel, operations: gemmi.GroupOps) -> CrystalModel:
    images = [model.xyz_frac @ rotation.T + shift for rotation, shift in map(rotation_and_shift, operations)]
    return CrystalModel(
        cell=model.cell,
        spacegroup=gemmi.SpaceGroup("P 1"),
        xyz_frac=np.concatenate(images),
        elements=np.tile(model.elements, len(images)),
        b_iso=np.tile(model.b_iso, len(images)),
    )
