"""Permissible origins and hands against the symmetry of actual atoms."""

import gemmi
import numpy as np
import pytest

from rephase.evaluate.origins import HANDS, enantiomorph, origin_shifts, primitive_basis, wrap_shift

SOHNCKE = [sg for sg in gemmi.spacegroup_table() if sg.is_sohncke()]
ATOMS = np.random.default_rng(3).random((3, 3))
INDICES = np.array([[1, 2, 3], [2, -1, 4], [3, 1, 0], [0, 2, 5], [4, 4, -2], [2, 3, 1], [1, 1, 2]])


def structure_factors(spacegroup, atoms, hkl=INDICES):
    """Sum over the equivalent positions, centring included, of point atoms with weights 1, 2, 3."""
    weights = np.arange(1, len(atoms) + 1)
    total = np.zeros(len(hkl), dtype=complex)
    for op in spacegroup.operations():
        places = atoms @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        total += (weights * np.exp(2j * np.pi * (hkl @ places.T))).sum(axis=1)
    return total


@pytest.mark.parametrize("spacegroup", SOHNCKE, ids=lambda sg: sg.xhm())
def test_permissible_shifts_turn_the_phases_of_every_reflection_by_2_pi_h_t(spacegroup):
    truth = structure_factors(spacegroup, ATOMS)
    for hand in HANDS:
        allowed = origin_shifts(spacegroup, spacegroup, hand)
        if allowed is None:
            continue
        some_way_along = np.full(len(allowed.free), 0.1234) @ allowed.free
        for shift in allowed.discrete + some_way_along:
            turn = np.exp(2j * np.pi * (INDICES @ shift))
            atoms, expected = (ATOMS, truth) if hand == "same" else (-ATOMS, truth.conj())
            moved = structure_factors(spacegroup, atoms + shift)
            np.testing.assert_allclose(moved, expected * turn, atol=1e-8 * len(spacegroup.operations()))


@pytest.mark.parametrize("spacegroup", SOHNCKE, ids=lambda sg: sg.xhm())
def test_the_other_hand_is_impossible_in_the_22_enantiomorphic_groups_only(spacegroup):
    other = origin_shifts(spacegroup, spacegroup, "other")
    assert (other is None) == spacegroup.is_enantiomorphic()
    partner = enantiomorph(spacegroup)
    assert origin_shifts(partner, spacegroup, "other") is not None


@pytest.mark.parametrize(
    ("name", "count", "free"),
    [
        *[("P 1", 1, 3), ("P 21", 4, 1), ("C 2", 2, 1), ("P 21 21 21", 8, 0), ("P 41", 2, 1), ("P 3", 3, 1)],
        *[("P 31 1 2", 6, 0), ("P 31 2 1", 2, 0), ("R 3", 1, 1), ("F 2 2 2", 4, 0), ("P m", 2, 2)],
    ],
)
def test_counts_of_the_international_tables(name, count, free):
    # International Tables A, Euclidean normalizers: translations modulo the lattice, and polar directions
    allowed = origin_shifts(gemmi.SpaceGroup(name), gemmi.SpaceGroup(name))
    assert (len(allowed.discrete), len(allowed.free)) == (count, free)
    assert len(np.unique(np.round(allowed.discrete, 6), axis=0)) == count


def test_no_origin_brings_another_point_group_or_lattice_onto_this_one():
    p222 = gemmi.SpaceGroup("P 2 2 2")
    assert origin_shifts(p222, gemmi.SpaceGroup("P 21 21 21")) is None
    assert origin_shifts(p222, gemmi.SpaceGroup("C 2 2 2")) is None
    assert origin_shifts(p222, gemmi.SpaceGroup("P 2")) is None


def test_primitive_cells_have_the_volume_of_one_lattice_point():
    for spacegroup in SOHNCKE:
        ops = spacegroup.operations()
        assert abs(np.linalg.det(primitive_basis(ops))) == pytest.approx(1 / len(ops.cen_ops))


def test_shifts_are_described_in_words_and_wrapped():
    p1, p21 = (origin_shifts(gemmi.SpaceGroup(n), gemmi.SpaceGroup(n)) for n in ("P 1", "P 21"))
    assert p1.describe() == "anywhere in the cell"
    assert p21.describe() == "4 permissible origins, free along [0.0, 1.0, 0.0]"
    np.testing.assert_allclose(wrap_shift(np.array([-0.25, 1.0 - 1e-12, -1e-12])), [0.75, 0.0, 0.0])
