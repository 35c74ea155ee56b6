"""Map figures in reciprocal space against the maps themselves."""

import gemmi
import numpy as np
import pytest

from rephase.evaluate.map_figures import (
    bootstrap_interval,
    is_solved,
    map_correlation,
    mean_phase_error,
    p1_multiplicity,
    phase_errors,
)

CELL = gemmi.UnitCell(21, 25, 30, 90, 90, 90)


def random_map_coefficients(spacegroup, seed):
    """Coefficients of a random map of the space group, from point atoms of random weight."""
    rng = np.random.default_rng(seed)
    hkl = gemmi.make_miller_array(CELL, spacegroup, 3.0)
    total = np.zeros(len(hkl), dtype=complex)
    atoms, weights = rng.random((5, 3)), rng.random(5)
    for op in spacegroup.operations():
        places = atoms @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        total += (weights * np.exp(2j * np.pi * (hkl @ places.T))).sum(axis=1)
    return hkl, np.abs(total), np.angle(total)


def density(hkl, f, phi, spacegroup):
    data = gemmi.ComplexAsuData(
        CELL, spacegroup, hkl.astype(np.int32), (f * np.exp(1j * phi)).astype(np.complex64)
    )
    return np.array(data.transform_f_phi_to_map(sample_rate=3.0).array)


@pytest.mark.parametrize("name", ["P 1", "P 21 21 21", "C 2 2 21", "P 21 2 21"])
def test_parseval_agrees_with_the_correlation_of_the_two_maps(name):
    spacegroup = gemmi.SpaceGroup(name)
    hkl, f1, phi1 = random_map_coefficients(spacegroup, 1)
    _, f2, phi2 = random_map_coefficients(spacegroup, 2)
    phi3 = phi1 + 0.8 * np.where(spacegroup.operations().centric_flag_array(hkl), 0.0, 1.0)
    for f, phi in ((f2, phi2), (f2, phi3), (f1, phi3)):
        maps = [density(hkl, *set_, spacegroup).ravel() for set_ in ((f1, phi1), (f, phi))]
        weights = p1_multiplicity(hkl, spacegroup)
        expected = np.corrcoef(*maps)[0, 1]
        assert map_correlation(f1, phi1, f, phi, weights) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["P 1", "P 21", "P 41 21 2", "P 6", "R 3 2", "F 2 3"])
def test_multiplicities_add_up_to_the_whole_sphere(name):
    spacegroup = gemmi.SpaceGroup(name)
    c = 20 if name == "F 2 3" else 26
    cell = gemmi.UnitCell(20, 20, c, 90, 90, 120 if name in ("R 3 2", "P 6") else 90)
    unique = gemmi.make_miller_array(cell, spacegroup, 3.0)
    hemisphere = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), 3.0)
    absent = spacegroup.operations().systematic_absences(hemisphere)
    assert p1_multiplicity(unique, spacegroup).sum() == 2 * np.sum(~np.array(absent, dtype=bool))


def test_phase_errors_take_the_short_way_round():
    phi1, phi2 = np.radians([10.0, 350.0, 0.0, 90.0]), np.radians([350.0, 370.0, 540.0, -90.0])
    np.testing.assert_allclose(phase_errors(phi1, phi2), [20, 20, 180, 180], atol=1e-9)
    assert mean_phase_error(phi1, phi2, np.array([1.0, 1, 0, 0])) == pytest.approx(20)


def test_a_flat_map_correlates_with_nothing():
    assert map_correlation(np.zeros(3), np.zeros(3), np.ones(3), np.zeros(3)) == 0.0


def test_solved_needs_both_the_correlation_and_the_hand():
    assert is_solved(0.80, "same")
    assert not is_solved(0.79, "same")
    assert not is_solved(0.95, "other")


def test_the_bootstrap_interval_has_the_width_of_the_standard_error():
    values = np.random.default_rng(5).normal(size=400)
    low, high = bootstrap_interval(values, np.random.default_rng(6))
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    low, high = bootstrap_interval(values, np.random.default_rng(6), statistic=np.median)
    assert low < np.median(values) < high
