"""Crystals of deposited models: structure factors with bulk solvent, and where the protein is."""

from collections.abc import Iterator
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.physics.solvent import BULK_B_SOL, BULK_K_SOL

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

_FINEST_MASK = 0.6  # Å
_HYDROGENS = 1.07  # mass of protein with its hydrogens, in that without


@dataclass(frozen=True, eq=False)
class ModelCrystal:
    """One deposited entry: its id, first model without hydrogens and alternatives, cell and space group."""

    code: str
    structure: gemmi.Structure
    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup

    @property
    def mass(self) -> float:
        """Protein in the asymmetric unit, Da."""
        polymers = [residue for chain in self.structure[0] for residue in chain.get_polymer()]
        heavy = sum(atom.element.weight * atom.occ for residue in polymers for atom in residue)
        return heavy * _HYDROGENS


def entries(split: str, d_min: float, residues: tuple[int, int]) -> Iterator[tuple[str, Path]]:
    """List ids and files of a split with this resolution or better and that many residues, in order of id."""
    with (SHARED / "structures" / "manifest.tsv").open(encoding="utf-8") as table:
        rows = sorted(DictReader(table, delimiter="\t"), key=lambda row: row["id"])
    for row in rows:
        fits = residues[0] <= int(row["protein_residues"]) <= residues[1]
        if row["split"] == split and float(row["resolution"]) <= d_min and fits:
            yield row["id"], SHARED / "structures" / row["file"]


def read_crystal(code: str, path: Path) -> ModelCrystal | None:
    """Read an entry; None where its frame or its group is not usable."""
    structure = gemmi.read_structure(str(path))
    structure.remove_hydrogens()
    structure.remove_alternative_conformations()
    structure.setup_entities()
    cell = structure.cell
    group = gemmi.find_spacegroup_by_name(structure.spacegroup_hm, cell.alpha, cell.gamma)
    if group is None or not group.is_sohncke() or cell.explicit_matrices:
        return None
    structure.spacegroup_hm = group.xhm()
    structure.setup_cell_images()
    return ModelCrystal(code, structure, cell, group)


def structure_factors(
    crystal: ModelCrystal, d_min: float, k_sol: float = BULK_K_SOL
) -> tuple[NDArray[np.int32], NDArray[np.complex128]]:
    """Calculate structure factors of the unique reflections to `d_min`, with bulk solvent."""
    calculator = gemmi.DensityCalculatorX()
    calculator.d_min = d_min
    calculator.rate = 2.0
    calculator.set_refmac_compatible_blur(crystal.structure[0])
    calculator.grid.setup_from(crystal.structure)
    calculator.put_model_density_on_grid(crystal.structure[0])
    coefficients = gemmi.transform_map_to_f_phi(calculator.grid)
    data = coefficients.prepare_asu_data(dmin=d_min, unblur=calculator.blur)
    hkl, F = np.asarray(data.miller_array, np.int32), np.asarray(data.value_array, np.complex128)
    allowed = ~np.asarray(crystal.spacegroup.operations().systematic_absences(hkl), bool)
    hkl, F = hkl[allowed], F[allowed]
    if k_sol == 0.0:
        return hkl, F
    mask = gemmi.FloatGrid()
    mask.setup_from(crystal.structure, spacing=min(_FINEST_MASK, d_min / 3.0))
    _draw_solvent(mask, crystal)
    solvent = np.asarray(gemmi.transform_map_to_f_phi(mask).get_value_by_hkl(hkl))
    fall_off = np.exp(-BULK_B_SOL / 4.0 * np.asarray(crystal.cell.calculate_1_d2_array(hkl)))
    return hkl, F + k_sol * fall_off * solvent


def protein_region(crystal: ModelCrystal, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Mark the points of a grid over the cell that no bulk solvent reaches."""
    mask = gemmi.FloatGrid(*shape)
    mask.set_unit_cell(crystal.cell)
    mask.spacegroup = crystal.spacegroup
    _draw_solvent(mask, crystal)
    return np.array(mask) < 0.5


def _draw_solvent(mask: gemmi.FloatGrid, crystal: ModelCrystal) -> None:
    gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx).put_mask_on_float_grid(mask, crystal.structure[0])
