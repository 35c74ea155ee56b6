import gemmi
import numpy as np
import pytest

from rephase.crystal.shells import completeness, equal_count_shells, equal_volume_shells, possible_reflections

CELL = gemmi.UnitCell(30, 40, 50, 90, 90, 90)
GROUP = gemmi.SpaceGroup("P 21 21 21")
HKL = possible_reflections(CELL, GROUP, 2.0)
INV_D2 = CELL.calculate_1_d2_array(HKL)


def test_equal_counts():
    shells = equal_count_shells(INV_D2, 12)
    counts = np.bincount(shells.assign(INV_D2))
    assert len(counts) == 12
    assert counts.max() - counts.min() < 0.02 * counts.mean() + 5
    assert np.all(np.diff(shells.d_range[:, 1]) < 0)


def test_equal_volumes_hold_equal_numbers_of_possible_reflections():
    counts = np.bincount(equal_volume_shells(INV_D2, 10).assign(INV_D2))
    assert len(counts) == 10
    assert counts[1:].std() < 0.05 * counts.mean()


def test_completeness_sees_what_is_missing():
    shells = equal_volume_shells(INV_D2, 8)
    shell = shells.assign(INV_D2)
    kept = (shell != 3) | (np.arange(len(shell)) % 4 == 0)
    share = completeness(INV_D2[kept], INV_D2, shells)
    assert share[3] == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(np.delete(share, 3), 1.0)


def test_possible_reflections_leave_out_absences():
    assert not GROUP.operations().systematic_absences(HKL).any()
    assert not np.any((HKL[:, 1:] == 0).all(axis=1) & (HKL[:, 0] % 2 == 1))


def test_means_and_empty_shells():
    shells = equal_volume_shells(np.array([0.1, 0.2, 0.5]), 6)
    means = shells.means(np.array([0.1, 0.5]), np.array([3.0, 7.0]))
    assert means[0] == 3.0
    assert means[-1] == 7.0
    assert np.isnan(means[1:-1]).all()


def test_one_reflection_makes_one_shell():
    shells = equal_count_shells(np.array([0.2]), 5)
    assert len(shells) == 1
    assert shells.assign(np.array([0.2]))[0] == 0
