"""Numbers of the packing rules that can be worked out by hand, and mistakes of the user."""

import numpy as np
import pytest

from rephase.data.crystals.cell_shapes import draw_triclinic_angles, unit_cell_volume
from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.packing import pack
from rephase.errors import UserError

ONE_CARBON = (np.zeros((1, 3)), np.array(["C"]))


def test_a_lone_atom_gets_the_smallest_grid_of_edges_above_the_contact() -> None:
    model = pack(*ONE_CARBON, np.random.default_rng(0))
    assert model.cell.a <= 3.45 + 2 * 0.25 + 0.9  # extents start at 1 Å; skew cells need longer edges
    assert closest_contact(model) > 3.45
    np.testing.assert_allclose(model.xyz_frac, 0.5)


def test_solvent_fraction_is_matthews_formula_with_the_missing_hydrogens() -> None:
    model = pack(*ONE_CARBON, np.random.default_rng(0), "P 21")
    mass = 2 * 12.011 / 0.93
    assert solvent_fraction(model) == pytest.approx(1 - 1.23 * mass / model.cell.volume, abs=1e-4)


def test_angles_are_drawn_with_the_published_odds() -> None:
    rng = np.random.default_rng(1)
    drawn = np.concatenate([draw_triclinic_angles(rng) for _ in range(20000)])
    odds = [float(np.mean(drawn == angle)) for angle in (90, 100, 110, 120)]
    assert odds == pytest.approx([1 / 3, 1 / 3, 2 / 9, 1 / 9], abs=0.01)


def test_three_angles_of_120_degrees_are_flat_and_never_drawn() -> None:
    assert unit_cell_volume(np.full(3, 120.0)) == pytest.approx(0.0, abs=1e-6)
    rng = np.random.default_rng(2)
    assert all(draw_triclinic_angles(rng).sum() < 360 for _ in range(5000))


@pytest.mark.parametrize(
    ("name", "words"), [("P 21/c", "chiral"), ("Pnonsense", "symbol"), ("P -1", "chiral")]
)
def test_groups_that_no_protein_can_have_are_refused(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        pack(*ONE_CARBON, np.random.default_rng(0), name)


@pytest.mark.parametrize("solvent", [-0.1, 1.0, 80.0, float("nan")])
def test_impossible_solvent_contents_are_refused(solvent: float) -> None:
    with pytest.raises(UserError, match="solvent"):
        pack(*ONE_CARBON, np.random.default_rng(0), solvent=solvent)


def test_a_cell_too_wide_for_any_contact_is_left_as_it_is() -> None:
    crystal = pack(*ONE_CARBON, np.random.default_rng(0), solvent=0.98)
    assert solvent_fraction(crystal) == pytest.approx(0.98, abs=1e-3)
    assert closest_contact(crystal) > 5.0
