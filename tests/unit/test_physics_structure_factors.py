"""Packing of atoms, gradients, limits and bad input of the sum over atoms."""

import math

import pytest
import torch
from torch import Tensor

from rephase.errors import UserError
from rephase.physics import structure_factors as module
from rephase.physics.atoms import pack_atoms
from rephase.physics.form_factors import atom_density, form_factor_table, form_factors
from rephase.physics.structure_factors import structure_factors, structure_factors_at_hkl

CELL = torch.tensor([[6.0, 5.0, 4.0, 95.0, 105.0, 100.0]], dtype=torch.float64)
SHAPE = (8, 6, 6)
ELEMENTS = ("C", "N", "O")
XYZ = torch.tensor([[0.1, 0.2, 0.3], [0.7, -0.4, 1.6], [0.45, 0.9, 0.05]], dtype=torch.float64)
ELEMENT = torch.tensor([2, 0, 0])
B_ISO = torch.tensor([12.0, 20.0, 31.0], dtype=torch.float64)


def factors(xyz: Tensor, b_iso: Tensor) -> Tensor:
    atoms = pack_atoms(xyz, ELEMENT, torch.tensor([0, 3]), ELEMENTS, b_iso)
    return structure_factors(atoms, CELL, 1.7, SHAPE)


def test_packing_groups_by_element_and_drops_absent_ones() -> None:
    element = torch.tensor([2, 0, 0, 0, 2, 2])
    xyz = torch.arange(18.0).view(6, 3)
    atoms = pack_atoms(xyz, element, torch.tensor([0, 3, 6]), ELEMENTS, 20.0)
    assert atoms.elements == ("C", "O")
    assert atoms.slots_of_element == (2, 2)
    assert atoms.occupancy.tolist() == [[1, 1, 1, 0], [1, 0, 1, 1]]
    assert atoms.xyz_frac[0, :3, 0].tolist() == [3.0, 6.0, 0.0]
    assert atoms.xyz_frac[1, [0, 2, 3], 0].tolist() == [9.0, 12.0, 15.0]


def test_gradients_with_respect_to_coordinates_and_individual_b() -> None:
    inputs = (XYZ.clone().requires_grad_(), B_ISO.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda *args: torch.view_as_real(factors(*args)), inputs, atol=1e-5)


def test_gradient_with_respect_to_equal_b_equals_that_of_the_plain_sum() -> None:
    b_grid, b_list = (torch.full((3,), 20.0, dtype=torch.float64).requires_grad_() for _ in range(2))
    F = factors(XYZ, b_grid)[0, 2, 1, 1]
    atoms = pack_atoms(XYZ, ELEMENT, torch.tensor([0, 3]), ELEMENTS, b_list)
    listed = structure_factors_at_hkl(atoms, CELL, torch.tensor([[2, 1, 1]]))[0, 0]
    F.real.backward()  # type: ignore[no-untyped-call]
    listed.real.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(b_grid.grad, b_list.grad, rtol=1e-6, atol=1e-9)


def test_result_does_not_depend_on_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = factors(XYZ, B_ISO)
    monkeypatch.setitem(module._COLUMN_BYTES, "cpu", 1)
    torch.testing.assert_close(factors(XYZ, B_ISO), whole)


def test_dtype_follows_the_input() -> None:
    atoms = pack_atoms(XYZ.float(), ELEMENT, torch.tensor([0, 3]), ELEMENTS, 20.0)
    assert structure_factors(atoms, CELL.float(), 1.7, SHAPE).dtype == torch.complex64


def test_each_cell_of_a_batch_has_its_own_resolution_limit() -> None:
    atoms = pack_atoms(
        XYZ.repeat(2, 1), ELEMENT.repeat(2), torch.tensor([0, 3, 6]), ELEMENTS, B_ISO.repeat(2)
    )
    F = structure_factors(atoms, CELL.expand(2, 6), torch.tensor([1.7, 2.5], dtype=torch.float64), SHAPE)
    kept = F[1] != 0.0
    assert 0 < int(kept.sum()) < int((F[0] != 0.0).sum())
    torch.testing.assert_close(F[1][kept], F[0][kept])


def test_an_empty_cell_scatters_nothing() -> None:
    atoms = pack_atoms(XYZ, ELEMENT, torch.tensor([0, 3, 3]), ELEMENTS, B_ISO)
    F = structure_factors(atoms, CELL.expand(2, 6), 1.7, SHAPE)
    assert float(F[0].abs().max()) > 0.0
    assert float(F[1].abs().max()) == 0.0


def test_a_grid_too_coarse_is_refused() -> None:
    atoms = pack_atoms(XYZ, ELEMENT, torch.tensor([0, 3]), ELEMENTS, B_ISO)
    with pytest.raises(ValueError, match="too coarse"):
        structure_factors(atoms, CELL, 1.0, SHAPE)


def test_unknown_elements_are_named() -> None:
    with pytest.raises(UserError, match="Qq"):
        form_factor_table(["C", "Qq"])


def test_atomic_density_integrates_to_the_electrons_of_the_form_factor() -> None:
    table = form_factor_table(["O"])
    r = torch.linspace(0.0, 12.0, 20001, dtype=torch.float64)
    shells = 4.0 * math.pi * r.square() * atom_density(table, r, 15.0)
    electrons = torch.trapezoid(shells, r)
    torch.testing.assert_close(electrons, form_factors(table, torch.zeros((), dtype=torch.float64)))
