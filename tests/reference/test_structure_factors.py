"""F, density, Patterson and form factors against gemmi 0.7 (called in the test), float64."""

import math

import gemmi
import numpy as np
import pytest
import torch
from torch import Tensor

from rephase.physics.atoms import AtomBatch, pack_atoms
from rephase.physics.cells import cell_volume, grid_inv_d2, orthogonalisation_matrix, reciprocal_metric
from rephase.physics.density import density_from_structure_factors, patterson_from_structure_factors
from rephase.physics.form_factors import atom_density, form_factor_table, form_factors
from rephase.physics.reflection_grid import grid_index, grid_to_hkl
from rephase.physics.structure_factors import structure_factors, structure_factors_at_hkl

ELEMENTS = ("C", "N", "O", "S", "Fe")
CELLS = [(14.0, 12.0, 11.0, 90.0, 90.0, 90.0), (15.0, 13.0, 10.5, 110.0, 100.0, 120.0)]


def model_atoms(count: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    b_iso = np.round(rng.uniform(8.0, 60.0, count), 2)
    return (
        rng.random((count, 3)),
        rng.integers(len(ELEMENTS), size=count),
        b_iso,
        rng.uniform(0.5, 1.0, count),
    )


def gemmi_model(cell: gemmi.UnitCell) -> gemmi.Structure:
    structure = gemmi.Structure()
    structure.cell, structure.spacegroup_hm = cell, "P 1"
    residue = gemmi.Residue()
    for xyz, element, b_iso, occupancy in zip(*model_atoms(), strict=True):
        atom = gemmi.Atom()
        atom.element = gemmi.Element(ELEMENTS[element])
        atom.pos, atom.b_iso, atom.occ = cell.orthogonalize(gemmi.Fractional(*xyz)), b_iso, occupancy
        residue.add_atom(atom)
    chain = gemmi.Chain("A")
    chain.add_residue(residue)
    structure.add_model(gemmi.Model(1))
    structure[0].add_chain(chain)
    return structure


def our_atoms(dtype: torch.dtype = torch.float64) -> AtomBatch:
    xyz, element, b_iso, occupancy = model_atoms()
    return pack_atoms(
        torch.tensor(xyz, dtype=dtype),
        torch.tensor(element),
        torch.tensor([0, len(xyz)]),
        ELEMENTS,
        torch.tensor(b_iso, dtype=dtype),
        torch.tensor(occupancy, dtype=dtype),
    )


def reference(cell: gemmi.UnitCell, d_min: float) -> tuple[np.ndarray, Tensor]:
    hkl = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), d_min, 0.0, unique=True)
    calculator = gemmi.StructureFactorCalculatorX(cell)
    model = gemmi_model(cell)[0]
    return hkl, torch.tensor([calculator.calculate_sf_from_model(model, h) for h in hkl.tolist()])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-5)])
def test_structure_factors_agree_with_direct_summation(
    cell: tuple[float, ...], dtype: torch.dtype, tolerance: float
) -> None:
    hkl, expected = reference(gemmi.UnitCell(*cell), 1.5)
    ours = torch.tensor([cell], dtype=dtype)
    shape = (24, 20, 20)
    grid = structure_factors(our_atoms(dtype), ours, 1.5, shape)
    for F in (
        grid_to_hkl(grid, grid_index(torch.tensor(hkl), shape)),
        structure_factors_at_hkl(our_atoms(dtype), ours, torch.tensor(hkl)),
    ):
        error = float((F[0] - expected).abs().max() / expected.abs().max())
        print(f"{dtype}, {len(hkl)} reflections: max |ΔF| / max |F| = {error:.1e}")
        assert error < tolerance


@pytest.mark.parametrize("cell", CELLS)
def test_density_and_patterson_agree_with_gemmi_maps(cell: tuple[float, ...]) -> None:
    unit_cell, shape = gemmi.UnitCell(*cell), (24, 20, 20)
    hkl, expected = reference(unit_cell, 1.5)
    ours = torch.tensor([cell], dtype=torch.float64)
    F = structure_factors(our_atoms(), ours, 1.5, shape)
    volume = cell_volume(ours)
    for values, rho in (
        (expected.numpy(), density_from_structure_factors(F, volume, shape)),
        (expected.abs().square().numpy(), patterson_from_structure_factors(F, volume, shape)),
    ):
        data = gemmi.ComplexAsuData(unit_cell, gemmi.SpaceGroup("P 1"), hkl, values.astype(np.complex64))
        theirs = np.array(gemmi.transform_f_phi_grid_to_map(data.get_f_phi_on_grid(shape, half_l=True)))
        error = np.abs(rho[0].numpy() - theirs).max() / np.abs(theirs).max()
        print(f"{cell}: max |Δmap| / max |map| = {error:.1e}")
        assert error < 2e-6  # gemmi's maps are float32


def test_form_factors_agree_with_gemmi() -> None:
    inv_d2 = torch.linspace(0.0, 1.5, 7, dtype=torch.float64)
    ours = form_factors(form_factor_table(ELEMENTS), inv_d2)
    theirs = [
        [gemmi.Element(symbol).it92.calculate_sf(stol2=s2 / 4.0) for s2 in inv_d2.tolist()]
        for symbol in ELEMENTS
    ]
    torch.testing.assert_close(ours, torch.tensor(theirs, dtype=torch.float64), rtol=1e-6, atol=0.0)


def test_atomic_density_agrees_with_gemmi() -> None:
    r = torch.linspace(0.0, 3.0, 7, dtype=torch.float64)
    ours = atom_density(form_factor_table(ELEMENTS), r, 20.0)
    theirs = [
        [gemmi.Element(symbol).it92.calculate_density_iso(x * x, 20.0) for x in r.tolist()]
        for symbol in ELEMENTS
    ]
    torch.testing.assert_close(ours, torch.tensor(theirs, dtype=torch.float64), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_cell_geometry_agrees_with_gemmi(cell: tuple[float, ...]) -> None:
    unit_cell, ours = gemmi.UnitCell(*cell), torch.tensor(cell, dtype=torch.float64)
    matrix = torch.tensor(unit_cell.orth.mat.tolist(), dtype=torch.float64)
    torch.testing.assert_close(orthogonalisation_matrix(ours), matrix)
    assert math.isclose(float(cell_volume(ours)), unit_cell.volume, rel_tol=1e-12)
    h = torch.tensor([2.0, -3.0, 5.0], dtype=torch.float64)
    assert math.isclose(float(h @ reciprocal_metric(ours) @ h), unit_cell.calculate_1_d2([2, -3, 5]))
    assert math.isclose(float(grid_inv_d2(ours, (9, 9, 12))[2, -3, 5]), unit_cell.calculate_1_d2([2, -3, 5]))
