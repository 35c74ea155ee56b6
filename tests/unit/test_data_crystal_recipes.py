"""Recipes of crystals, and the placement that stores one."""

import numpy as np
import pytest
from pydantic import ValidationError

from rephase.data.crystals.contacts import MIN_CONTACT, closest_contact
from rephase.data.crystals.crystal_model import mass_centre, solvent_fraction
from rephase.data.crystals.placement import placed, placement_of
from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, GrowingCell, draw_crystal
from rephase.data.peptides.peptide import build_peptide

PEPTIDE = build_peptide("GAVS", np.random.default_rng(1))
AS_BUILT = CrystalRecipe(orientation="as-built")


def draw(recipe: CrystalRecipe, seed: int = 0):
    return draw_crystal(PEPTIDE.xyz_cart, PEPTIDE.elements, recipe, np.random.default_rng(seed))


def distances(xyz: np.ndarray) -> np.ndarray:
    return np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)


@pytest.mark.parametrize("group", ["P 1", "P 1 21 1", "P 21 21 21"])
def test_a_growing_cell_has_no_contacts_and_keeps_the_molecule(group: str) -> None:
    crystal = draw(CrystalRecipe(cell=GrowingCell(spacegroups=(group,))))
    assert crystal is not None
    assert crystal.spacegroup.hm == group
    assert closest_contact(crystal) > MIN_CONTACT
    np.testing.assert_allclose(distances(crystal.xyz_cart), distances(PEPTIDE.xyz_cart), atol=1e-8)


def test_the_solvent_content_lies_in_the_range() -> None:
    crystal = draw(CrystalRecipe(cell=GrowingCell(solvent=(0.8, 0.82))))
    assert crystal is not None
    assert 0.8 <= solvent_fraction(crystal) < 0.84


def test_a_cubic_cell_holds_the_centre_of_mass_in_its_middle() -> None:
    crystal = draw(CrystalRecipe(cell=CubicCell(edge=20.0)))
    assert crystal is not None
    assert crystal.cell.parameters == (20.0, 20.0, 20.0, 90.0, 90.0, 90.0)
    np.testing.assert_allclose(mass_centre(crystal.xyz_frac, crystal.elements), 0.5, atol=1e-12)


def test_a_molecule_that_touches_its_copies_does_not_fit_a_cubic_cell() -> None:
    assert draw(CrystalRecipe(cell=CubicCell(edge=8.0))) is None


def test_as_built_keeps_the_orientation_of_a_cubic_cell_and_random_does_not() -> None:
    fixed, turned = (
        draw(CrystalRecipe(cell=CubicCell(edge=30.0), orientation=how)) for how in ("as-built", "random")
    )
    assert fixed is not None
    assert turned is not None
    start = PEPTIDE.xyz_cart - mass_centre(PEPTIDE.xyz_cart, PEPTIDE.elements)
    np.testing.assert_allclose(fixed.xyz_cart - 15.0, start, atol=1e-9)
    assert np.abs(turned.xyz_cart - 15.0 - start).max() > 1.0


def test_every_group_of_a_recipe_is_drawn() -> None:
    recipe = CrystalRecipe(cell=GrowingCell(spacegroups=("P1", "P21")))
    found = {crystal.spacegroup.hm for seed in range(8) if (crystal := draw(recipe, seed)) is not None}
    assert found == {"P 1", "P 1 21 1"}


@pytest.mark.parametrize("cell", [{"spacegroups": ["P-1"]}, {"spacegroups": []}, {"solvent": [0.8, 0.2]}])
def test_an_impossible_recipe_is_refused(cell: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CrystalRecipe.model_validate({"cell": cell | {"kind": "growing"}})


@pytest.mark.parametrize("group", ["P 1", "P 1 21 1", "P 31 2 1"])
def test_a_placement_brings_the_crystal_back(group: str) -> None:
    crystal = draw(CrystalRecipe(cell=GrowingCell(spacegroups=(group,))))
    assert crystal is not None
    again = placed(placement_of(crystal, PEPTIDE.xyz_cart), PEPTIDE.xyz_cart, PEPTIDE.elements)
    np.testing.assert_allclose(again.xyz_frac, crystal.xyz_frac, atol=1e-9)
    assert again.cell.parameters == crystal.cell.parameters
    assert again.spacegroup.xhm() == crystal.spacegroup.xhm()
