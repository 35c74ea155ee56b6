"""Amplitudes on the P1 grid against a direct expansion."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from phasing_crystals import grid_of, true_phases, truth

from rephase.crystal.symmetry import systematic_absences

GROUPS = ["P 1", "P 1 21 1", "C 1 2 1", "P 21 21 21", "P 31 2 1", "I 2 3"]


def indices(grid):
    """Miller indices of every point of the half-complex array, shape ``(nu, nv, nw//2 + 1, 3)``."""
    nu, nv, nw = grid.shape
    axes = (np.fft.fftfreq(nu, 1 / nu), np.fft.fftfreq(nv, 1 / nv), np.arange(nw // 2 + 1))
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).round().astype(np.int32)


@pytest.mark.parametrize("group", GROUPS)
def test_every_point_carries_the_amplitude_of_its_own_direct_sum(group):
    crystal = truth(group, atoms=2, d_min=1.5)
    grid = grid_of(crystal)
    hkl = indices(grid).reshape(-1, 3)
    inside = np.asarray(grid.cell.calculate_1_d2_array(hkl)) <= 1.5**-2 * (1 + 1e-6)
    direct = np.abs(crystal.structure_factors(hkl))
    direct[~inside | ~hkl.any(axis=1)] = 0.0
    found = grid.amplitude.double().numpy().ravel()
    scale = (found @ direct) / (direct @ direct)
    np.testing.assert_allclose(found, scale * direct, atol=1e-4 * found.max())
    assert np.sqrt(np.mean(found[grid.index.flat.numpy()] ** 2)) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("group", GROUPS)
def test_structure_factors_survive_the_way_to_a_map_and_back(group):
    """Without the Friedel mates on the plane l = 0 half of that plane would lose its amplitude."""
    crystal = truth(group, atoms=2, d_min=1.5)
    grid = grid_of(crystal)
    values = crystal.structure_factors(grid.expansion.hkl)
    rho = grid.density(grid.from_reflections(values))
    np.testing.assert_allclose(grid.at_reflections(grid.structure_factors(rho)), values, atol=1e-3)
    assert np.any((grid.expansion.hkl[:, 2] == 0) & (np.abs(values) > 1.0))


def test_the_map_is_the_fourier_sum_at_its_points():
    crystal = truth("P 1", atoms=3, d_min=1.5)
    grid = grid_of(crystal)
    values = crystal.structure_factors(grid.expansion.hkl)
    rho = grid.density(grid.from_reflections(values))
    for point in [(0, 0, 0), (1, 5, 2), (7, 3, 11)]:
        x = np.array(point) / np.array(grid.shape)
        direct = 2.0 * (values * np.exp(-2j * np.pi * (grid.expansion.hkl @ x))).real.sum() / grid.cell.volume
        assert float(rho[point]) == pytest.approx(direct, rel=1e-4, abs=1e-4)


def test_phases_at_the_rows_are_those_of_the_atoms():
    crystal = truth("P 21 21 21", atoms=3, d_min=1.5)
    grid = grid_of(crystal)
    carried = grid.expansion.phases(np.angle(crystal.F))
    assert np.allclose(np.exp(1j * (carried - true_phases(crystal, grid))), 1.0, atol=1e-6)


def test_absences_are_known_to_be_zero():
    crystal = truth("P 21 21 21", atoms=3, d_min=1.5)
    grid = grid_of(crystal)
    for axis in range(3):
        for order in (1, 3, 5):
            hkl = np.zeros(3, dtype=int)
            hkl[axis] = order
            place = tuple(hkl)
            assert bool(grid.known[place])
            assert not bool(grid.missing[place])
            assert float(grid.amplitude[place]) == 0.0


def test_a_centred_crystal_is_phased_in_half_the_volume_without_absences_of_the_centring():
    crystal = truth("C 1 2 1", atoms=3, d_min=1.5)
    grid = grid_of(crystal)
    assert grid.cell.volume == pytest.approx(0.5 * 9 * 8 * 10 * np.sin(np.radians(105)), rel=1e-6)
    hkl = indices(grid).reshape(-1, 3)
    inside = (np.asarray(grid.cell.calculate_1_d2_array(hkl)) <= 1.5**-2 * (1 + 1e-6)) & hkl.any(axis=1)
    assert not systematic_absences(hkl[inside], crystal.setting.operations).any()
    assert grid.known.numpy().ravel()[inside].all()


@pytest.mark.parametrize("group", ["P 1", "P 31 2 1"])
def test_reflections_that_were_not_measured_are_missing_with_all_their_mates(group):
    whole = truth(group, atoms=3, d_min=1.5)
    outermost = np.argmax(np.asarray(whole.setting.cell.calculate_1_d2_array(whole.hkl)))
    kept = np.random.default_rng(2).random(len(whole.hkl)) < 0.8
    kept[outermost] = True
    complete, some = grid_of(whole), grid_of(replace(whole, hkl=whole.hkl[kept], F=whole.F[kept]))
    assert some.shape == complete.shape
    lost = complete.from_reflections((~kept[complete.expansion.asu_index]).astype(complex)).real > 0.5
    assert torch.equal(some.known, complete.known & ~lost)
    assert torch.equal(some.missing, complete.missing | lost)
    assert not (some.known & some.missing).any()
    assert float(some.amplitude[some.missing].abs().max()) == 0.0
    assert int(lost.sum()) > int((~kept).sum())


def test_the_mean_of_the_map_is_known_or_left_to_the_density():
    crystal = truth("P 1", atoms=3, d_min=1.5)
    known, open_ = grid_of(crystal, zero_mean=True), grid_of(crystal)
    assert (bool(known.known[0, 0, 0]), bool(known.missing[0, 0, 0])) == (True, False)
    assert (bool(open_.known[0, 0, 0]), bool(open_.missing[0, 0, 0])) == (False, True)


def test_without_forgets_those_reflections_and_their_friedel_mates_only():
    grid = grid_of(truth("P 1", atoms=3, d_min=1.5))
    before = grid.amplitude.clone()
    omitted = np.zeros(len(grid.expansion), dtype=bool)
    row = int(np.flatnonzero((grid.expansion.hkl == [1, 2, 0]).all(axis=1))[0])
    omitted[row] = True
    left = grid.without(omitted)
    changed = (left.known != grid.known).nonzero().tolist()
    assert sorted(changed) == sorted([[1, 2, 0], [grid.shape[0] - 1, grid.shape[1] - 2, 0]])
    for place in changed:
        assert bool(left.missing[tuple(place)])
        assert float(left.amplitude[tuple(place)]) == 0.0
        assert float(grid.amplitude[tuple(place)]) > 0.0
    assert torch.equal(grid.amplitude, before)
