"""The origin of the space group in phases found without it, and the average over symmetry mates."""

import gemmi
import numpy as np
import pytest
from phasing_crystals import grid_of, true_phases, truth

from rephase.crystal.symmetry import centric_phase
from rephase.evaluate.origins import origin_shifts
from rephase.phasing.symmetry_origin import average_symmetry, fit_symmetry
from rephase.physics.reflection_grid import grid_to_hkl

GROUPS = ["P 1 21 1", "C 1 2 1", "P 21 21 21", "P 41", "P 31 2 1", "P 21 3", "I 2 3"]
PRIMITIVE = [group for group in GROUPS if group.startswith("P")]
MOVED = (0.137, 0.291, 0.823)


def posed(group, seed=0):
    crystal = truth(group, atoms=3, d_min=1.4, seed=seed)
    return crystal, grid_of(crystal)


def amplitudes(grid):
    return grid_to_hkl(grid.amplitude, grid.index).numpy().astype(np.float64)


def fit_of(crystal, grid, phi):
    return fit_symmetry(grid.expansion, amplitudes(grid), phi, crystal.setting.operations)


@pytest.mark.parametrize("group", GROUPS)
def test_true_phases_anywhere_in_the_cell_are_brought_to_an_origin_of_the_group(group):
    crystal, grid = posed(group)
    fit = fit_of(crystal, grid, true_phases(crystal, grid, MOVED))
    assert fit.agreement > 0.99
    assert len(fit.by_operator) == len(crystal.setting.operations.sym_ops) - 1
    assert min(fit.by_operator.values()) > 0.99


@pytest.mark.parametrize("group", PRIMITIVE)
def test_the_shift_found_undoes_the_move_up_to_a_permissible_origin(group):
    crystal, grid = posed(group)
    fit = fit_of(crystal, grid, true_phases(crystal, grid, MOVED))
    rest = np.array(MOVED) + fit.shift
    spacegroup = gemmi.SpaceGroup(group)
    allowed = origin_shifts(spacegroup, spacegroup)
    assert allowed is not None
    free = allowed.free.T @ np.linalg.pinv(allowed.free.T) if len(allowed.free) else np.zeros((3, 3))
    apart = rest - allowed.discrete
    apart = apart - apart @ free.T
    apart -= np.rint(apart)
    assert np.abs(apart).max(axis=1).min() < 0.01


@pytest.mark.parametrize("group", GROUPS)
def test_random_phases_do_not_obey_the_group(group):
    crystal, grid = posed(group)
    for seed in range(3):
        phi = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(grid.expansion))
        assert fit_of(crystal, grid, phi).agreement < 0.5


def test_phases_of_a_crystal_without_symmetry_do_not_obey_a_group():
    """Amplitudes of P21, phases of as many atoms that are not related by the screw axis."""
    crystal, grid = posed("P 1 21 1")
    phi = np.angle(truth("P 1", atoms=6, d_min=1.4).structure_factors(grid.expansion.hkl))
    assert fit_of(crystal, grid, phi).agreement < 0.5


def test_the_agreement_falls_with_the_phase_error():
    crystal, grid = posed("P 21 21 21")
    rng = np.random.default_rng(1)
    error = rng.normal(size=len(grid.expansion))
    true = true_phases(crystal, grid, MOVED)
    found = [fit_of(crystal, grid, true + spread * error).agreement for spread in (0.0, 0.4, 0.8, 1.2)]
    assert found == sorted(found, reverse=True)
    assert found[1] == pytest.approx(np.exp(-(0.4**2)), abs=0.05)  # ⟨cos⟩ of the difference of two errors


def test_a_screw_of_the_wrong_hand_does_not_fit():
    crystal, grid = posed("P 41")
    true = true_phases(crystal, grid, MOVED)
    assert fit_of(crystal, grid, -true).agreement < 0.6
    other = fit_symmetry(grid.expansion, amplitudes(grid), -true, gemmi.SpaceGroup("P 43").operations())
    assert other.agreement > 0.99


def test_without_symmetry_nothing_is_shifted():
    crystal, grid = posed("P 1")
    fit = fit_of(crystal, grid, true_phases(crystal, grid))
    assert fit.agreement == 1.0
    assert fit.by_operator == {}
    np.testing.assert_array_equal(fit.shift, 0.0)


@pytest.mark.parametrize("group", GROUPS)
def test_averaging_perfect_phases_gives_them_back(group):
    crystal, grid = posed(group)
    phi, agreement = average_symmetry(
        grid.expansion, true_phases(crystal, grid), amplitudes(grid), crystal.hkl, crystal.setting.operations
    )
    strong = np.abs(crystal.F) > 1e-3
    np.testing.assert_allclose(np.exp(1j * (phi - np.angle(crystal.F)))[strong], 1.0, atol=1e-4)
    np.testing.assert_allclose(agreement[strong], 1.0, atol=1e-4)


def test_averaging_lowers_the_error_and_restricts_centric_phases():
    crystal, grid = posed("P 21 21 21")
    error = np.random.default_rng(2).normal(0.0, 0.7, len(grid.expansion))
    weight = np.ones(len(grid.expansion))
    operations = crystal.setting.operations
    phi, agreement = average_symmetry(
        grid.expansion, true_phases(crystal, grid) + error, weight, crystal.hkl, operations
    )
    left = np.angle(np.exp(1j * (phi - np.angle(crystal.F))))
    restricted = centric_phase(crystal.hkl, operations)
    centric = np.isfinite(restricted)
    np.testing.assert_allclose(np.sin(phi - restricted)[centric], 0.0, atol=1e-9)
    assert np.std(left[~centric]) == pytest.approx(0.35, abs=0.06)  # four mates: half the error
    assert np.all((agreement >= 0.0) & (agreement <= 1.0 + 1e-9))
    assert agreement[~centric].mean() < 0.95


def test_a_reflection_without_weight_has_no_agreement():
    crystal, grid = posed("P 1 21 1")
    weight = np.where(grid.expansion.asu_index == 5, 0.0, 1.0)
    _, agreement = average_symmetry(
        grid.expansion, true_phases(crystal, grid), weight, crystal.hkl, crystal.setting.operations
    )
    assert agreement[5] == 0.0
    assert np.delete(agreement, 5).min() > 0.0
