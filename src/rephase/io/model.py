"""Atomic models in PDB and mmCIF files."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.io.reflection_file import explaining

FloatArray = NDArray[np.float64]

_DUMMY_B = 20.0  # Å²; shown only, not refined


@dataclass(frozen=True, eq=False)
class AtomicModel:
    """Atoms of the asymmetric unit.

    Attributes
    ----------
    xyz_cart
        Positions in Å, PDB orthogonalisation, shape ``(n, 3)``.
    elements
        Element symbols, shape ``(n,)``.
    b_iso
        Isotropic B in Å², shape ``(n,)``.
    occupancy
        Occupancies, shape ``(n,)``.
    cell, spacegroup
        The crystal.
    structure
        The same as a `gemmi.Structure`, names and residues included.
    """

    xyz_cart: FloatArray
    elements: NDArray[np.str_]
    b_iso: FloatArray
    occupancy: FloatArray
    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup
    structure: gemmi.Structure

    def __len__(self) -> int:
        return len(self.xyz_cart)

    @property
    def xyz_frac(self) -> FloatArray:
        """Positions in fractions of the cell edges, shape ``(n, 3)``."""
        return np.asarray(self.xyz_cart @ np.array(self.cell.frac.mat.tolist()).T)


def read_model(path: Path | str) -> AtomicModel:
    """Read the first model of a PDB or mmCIF file, plain or gzipped.

    Raises
    ------
    UserError
        If the file is missing or broken, or holds no atoms, cell or space group.
    """
    path, wanted = Path(path), "a model in PDB or mmCIF format"
    if not path.is_file():
        raise UserError(wanted, f"{path} is not a file", "check the path")
    with explaining(path, wanted):
        structure = gemmi.read_structure(str(path))
        structure.setup_entities()
    if not len(structure) or not structure[0].count_atom_sites():
        raise UserError(wanted, f"{path} holds no atoms", "give a file with coordinates")
    spacegroup = structure.find_spacegroup()
    if not structure.cell.is_crystal() or spacegroup is None:
        raise UserError("a cell and a space group (CRYST1)", f"{path} has none", "add them to the file")
    atoms = [site.atom for site in structure[0].all()]
    return AtomicModel(
        xyz_cart=np.array([atom.pos.tolist() for atom in atoms]),
        elements=np.array([atom.element.name for atom in atoms]),
        b_iso=np.array([atom.b_iso for atom in atoms]),
        occupancy=np.array([atom.occ for atom in atoms]),
        cell=structure.cell,
        spacegroup=spacegroup,
        structure=structure,
    )


def write_model(path: Path | str, structure: gemmi.Structure) -> None:
    """Write a model; mmCIF if the name ends in ``.cif``, PDB otherwise.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    try:
        if Path(path).suffix == ".cif":
            structure.make_mmcif_document().write_file(str(path))
        else:
            structure.write_pdb(str(path))
    except (RuntimeError, OSError) as error:
        raise UserError(
            "room to write a model", f"{path}: {error}", "choose another output directory"
        ) from error


def peak_structure(
    xyz_cart: FloatArray,
    heights: FloatArray,
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
    element: str = "O",
) -> gemmi.Structure:
    """Make a structure of dummy atoms from map peaks, one water-like residue each.

    Parameters
    ----------
    xyz_cart
        Positions in Å, shape ``(n, 3)``.
    heights
        Peak heights, shape ``(n,)``; the highest gets occupancy 1, the others in proportion.
    cell, spacegroup
        The crystal.
    element
        Element written for every peak.
    """
    structure = gemmi.Structure()
    structure.cell, structure.spacegroup_hm = cell, spacegroup.xhm()
    model, chain = gemmi.Model(1), gemmi.Chain("P")
    for number, (xyz, height) in enumerate(zip(xyz_cart, heights, strict=True), 1):
        atom = gemmi.Atom()
        atom.name, atom.element = element, gemmi.Element(element)
        atom.pos = gemmi.Position(*(float(x) for x in xyz))
        atom.occ, atom.b_iso = float(height / np.max(heights)), _DUMMY_B
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = "DUM", gemmi.SeqId(str(number)), "H"
        residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    return structure
