"""The tables are distributions: every list of odds rises to one, and what is drawn follows the weights."""

import numpy as np
import pytest

from rephase.data.peptides.backbone import STATES
from rephase.data.peptides.residue_topology import PRESENT, RESIDUES
from rephase.data.peptides.torsion_draws import NO_RESIDUE, draw_course
from rephase.data.peptides.torsion_tables import CLASSES, MEMORY, ROTAMER_GROUPS, Lottery, torsion_tables


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("states", 2 * len(RESIDUES) * (len(STATES) + 1) ** MEMORY),
        ("bins", len(CLASSES) * len(STATES)),
        ("rotamers", len(RESIDUES) * len(ROTAMER_GROUPS)),
    ],
)
def test_odds_of_every_list_are_finite_and_rise_to_one(name: str, lists: int) -> None:
    cumulative = getattr(torsion_tables(), name).cumulative
    assert np.all(np.diff(cumulative) >= 0)
    np.testing.assert_allclose(
        cumulative[np.searchsorted(cumulative, np.arange(1, lists) - 1e-12)], np.arange(1, lists)
    )
    assert cumulative[-1] == pytest.approx(lists)


def test_tables_are_the_same_whatever_lay_in_memory_before() -> None:
    torsion_tables.cache_clear()
    one = torsion_tables().states.cumulative
    litter = [np.full(one.shape, np.nan) for _ in range(4)]
    del litter
    torsion_tables.cache_clear()
    np.testing.assert_array_equal(torsion_tables().states.cumulative, one)


def test_a_lottery_draws_by_weight_and_within_its_list() -> None:
    lottery = Lottery(np.array([0.25, 1.0, 1.5, 1.75, 2.0]))  # two lists, of 2 and 3
    uniform = np.linspace(0, 1, 1000, endpoint=False)
    first = np.bincount(lottery.draw(np.zeros(1000, np.int64), uniform))
    second = np.bincount(lottery.draw(np.ones(1000, np.int64), uniform))
    assert first.tolist() == [250, 750]
    assert second.tolist() == [0, 0, 500, 250, 250]
    assert lottery.draw(np.array([0, 1]), np.array([1 - 2**-53] * 2)).tolist() == [1, 4]


def test_every_atom_has_a_bond_and_an_angle() -> None:
    tables = torsion_tables()
    length, angle = tables.geometry[..., 0][PRESENT], tables.geometry[..., 1][PRESENT]
    assert length.min() > 1.2
    assert length.max() < 1.85
    assert angle.min() > 99
    assert angle.max() < 135


def test_courses_keep_to_helices_and_cis_bonds_come_before_proline() -> None:
    residue = np.full((4000, 6), RESIDUES.index("A"))
    residue[:, 3] = RESIDUES.index("P")
    residue[:, 5] = NO_RESIDUE
    course = draw_course(torsion_tables(), residue, np.random.default_rng(0).random((4000, 6, 2)))
    assert course.cis[:, 3].mean() == pytest.approx(0.054, abs=0.015)
    assert np.delete(course.cis, 3, axis=1).mean() < 0.002
    helix = course.state == STATES.index("helix")
    assert helix[:, 2][helix[:, 1]].mean() > helix[:, 2][~helix[:, 1]].mean() + 0.3
