"""Density modification: histogram, solvent boundary, σA, combination, and reflections left out."""

import numpy as np
import pytest
import torch
from modification_crystals import KnownCrystal, known_crystal, mean_error, perturbed
from scipy.special import i0e, i1e

from rephase.io.phase_sets import phase_and_fom_from_hl
from rephase.io.phased import hendrickson_lattman
from rephase.phasing.modification.combination import (
    calculated_hl,
    combined_hl,
    common_errors,
    phases_of_hl,
    shares_of_information,
)
from rephase.phasing.modification.cycles import best_of, choose_folds, modify_phases
from rephase.phasing.modification.histogram import expected_density, protein_density
from rephase.phasing.modification.modified_density import (
    SolventAndHistogram,
    look_up,
    modified_structure_factors,
)
from rephase.phasing.modification.sigma_a import chance_gain, estimate_sigma_a, normalise, resolution_shells
from rephase.phasing.modification.solvent_mask import protein_probability, sphere_transform
from rephase.phasing.modification.start_weight import estimate_fom


@pytest.fixture(scope="module")
def crystal() -> KnownCrystal:
    return known_crystal(atoms=8, scale=2.0, d_min=1.8)


def test_levels_are_those_of_protein_density() -> None:
    for d_min in (1.0, 1.75, 2.2, 5.0):
        levels = protein_density(d_min).levels
        assert np.all(np.diff(levels) > 0.0)
        assert levels.mean() == pytest.approx(0.0, abs=1e-9)
        assert levels.std() == pytest.approx(1.0)
        assert levels[-1] > -levels[0]  # atoms stand out, holes do not


def test_sharper_data_have_sharper_histograms() -> None:
    highest = [protein_density(d_min).levels[-1] for d_min in (1.3, 1.6, 2.0, 2.4, 2.8)]
    assert np.all(np.diff(highest) < 0.0)


def test_without_noise_density_stays_and_with_much_noise_it_is_the_mean() -> None:
    levels = protein_density(1.8).levels
    sharp, blurred = expected_density(levels, 0.0), expected_density(levels, 50.0)
    y = sharp.start + sharp.step * np.arange(len(sharp.expected))
    dense = (y > -0.8) & (y < 2.0)
    assert np.abs(sharp.expected - y)[dense].max() < 0.1
    assert np.abs(blurred.expected).max() < 0.3


def test_expected_density_is_the_mean_of_what_gave_the_noisy_one() -> None:
    rng = np.random.default_rng(0)
    levels = protein_density(2.0).levels
    true = rng.choice(levels, 400_000)
    seen = true + 0.8 * rng.normal(size=len(true))
    curve = expected_density(levels, 0.8)
    for low in (-1.0, 0.0, 1.5):
        there = (seen > low) & (seen < low + 0.05)
        place = (low + 0.025 - curve.start) / curve.step
        assert np.interp(place, np.arange(400), curve.expected) == pytest.approx(true[there].mean(), abs=0.04)


def test_slope_is_the_derivative_of_the_expected_density() -> None:
    curve = expected_density(protein_density(1.8).levels, 0.6)
    numeric = np.gradient(curve.expected, curve.step)
    np.testing.assert_allclose(curve.slope[5:-5], numeric[5:-5], atol=0.02)


def test_look_up_interpolates_and_stays_constant_beyond_the_ends() -> None:
    curve = expected_density(protein_density(1.8).levels, 0.6)
    y = torch.tensor([curve.start - 9.0, curve.start + 2.5 * curve.step, 99.0])
    found = look_up(y, curve, curve.expected).numpy()
    wanted = [curve.expected[0], curve.expected[2:4].mean(), curve.expected[-1]]
    np.testing.assert_allclose(found, wanted, atol=1e-2)


def test_sphere_transform_is_that_of_a_linear_fall_off() -> None:
    radius, s = 4.0, np.array([0.0, 1e-4, 0.01, 0.1, 0.4])
    r = (np.arange(40000) + 0.5) * (radius / 40000)
    weight = (1.0 - r / radius) * r**2
    waves = np.sinc(2.0 * s[:, None] * r)
    wanted = (weight * waves).sum(1) / weight.sum()
    found = sphere_transform(torch.from_numpy(s**2), radius).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_protein_is_found_where_the_density_varies(crystal: KnownCrystal) -> None:
    grid = crystal.grid.grid
    rng = np.random.default_rng(0)
    rho = torch.from_numpy(0.1 * rng.normal(size=grid.shape)).float()
    half = grid.shape[0] // 2
    rho[:half] *= 10.0
    found = protein_probability(rho, grid, 0.5, 4.0)
    assert found[half // 4 : 3 * half // 4].mean() > 0.9
    assert found[half + half // 4 : half + 3 * half // 4].mean() < 0.1
    assert float(found.mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("group", ["P 1", "P 1 21 1", "C 1 2 1", "P 21 21 21", "P 43 21 2", "P 31 2 1"])
def test_maps_and_unique_reflections_belong_together(group: str) -> None:
    known = known_crystal(group, atoms=3, scale=1.6)
    F = known.grid.amplitude * np.exp(1j * known.phi)
    rho = known.grid.map(F)
    np.testing.assert_allclose(known.grid.structure_factors(rho), F, atol=1e-3 * np.abs(F).max())
    assert float(rho.square().mean()) == pytest.approx(1.0, rel=1e-3)
    assert known.grid.variance(np.full(len(F), 0.5)) == pytest.approx(0.25)


def test_left_out_reflections_have_no_part_in_their_estimate(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 2.0)
    omitted = choose_folds(len(phi)) == 0
    density = SolventAndHistogram(crystal.grid, 0.5)
    first = density(1, omitted, phi, fom)
    other = np.where(omitted, phi + 1.0, phi)
    np.testing.assert_array_equal(first, density(1, omitted, other, fom))
    assert np.all(np.abs(first[omitted]) > 0.0)


def test_own_share_is_taken_out() -> None:
    """Of random phases nothing can be learnt: what is left must hardly repeat them.

    A little remains, as the boundary follows the map; with the own share left in it is 0.87.
    """
    known = known_crystal(scale=3.0)
    rng = np.random.default_rng(1)
    n = len(known.grid)
    restricted = known.phi + np.where(rng.random(n) < 0.5, np.pi, 0.0)
    phi = np.where(known.grid.centric, restricted, rng.uniform(-np.pi, np.pi, n))
    F = modified_structure_factors(known.grid, phi, np.full(n, 0.5), protein_density(1.6), 0.5, 4.0)
    repeated = np.average(np.cos(np.angle(F) - phi), weights=np.abs(F) * known.grid.amplitude)
    assert abs(repeated) < 0.35


def test_sigma_a_is_recovered_from_amplitudes_alone() -> None:
    rng = np.random.default_rng(0)
    n = 20000
    inv_d2 = np.sort(rng.uniform(0.01, 0.3, n))
    centric = rng.random(n) < 0.1
    true_sigma_a = np.where(inv_d2 < 0.15, 0.8, 0.4)

    def normal() -> np.ndarray:
        acentric = (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2.0)
        return np.where(centric, rng.normal(size=n), acentric)

    calculated = normal()
    observed = true_sigma_a * calculated + np.sqrt(1.0 - true_sigma_a**2) * normal()
    shells = resolution_shells(inv_d2)
    found = estimate_sigma_a(np.abs(observed), np.abs(calculated), centric, inv_d2, shells)
    away = np.abs(inv_d2 - 0.15) > 0.03
    np.testing.assert_allclose(found.at(inv_d2)[away], true_sigma_a[away], atol=0.1)
    unrelated = estimate_sigma_a(np.abs(normal()), np.abs(calculated), centric, inv_d2, shells)
    assert found.gain > 0.1
    assert unrelated.gain * n < chance_gain(len(shells), 1) < found.gain * n


@pytest.mark.parametrize(("shells", "trials"), [(1, 1), (1, 100), (20, 20)])
def test_the_best_of_many_useless_densities_seldom_beats_chance(shells: int, trials: int) -> None:
    """Likelihood ratios of useless densities: squares of the positive ones of normal numbers, halved."""
    rng = np.random.default_rng(0)
    best = [(rng.normal(size=(trials, shells)).clip(0.0) ** 2 / 2.0).sum(axis=1).max() for _ in range(5000)]
    assert 0.005 < np.mean(np.array(best) > chance_gain(shells, trials)) < 0.015


def test_normalised_amplitudes_have_unit_mean_square_in_every_shell() -> None:
    rng = np.random.default_rng(0)
    inv_d2 = rng.uniform(0.01, 0.3, 3000)
    epsilon = np.where(rng.random(3000) < 0.1, 2.0, 1.0)
    shells = resolution_shells(inv_d2)
    e = normalise(np.exp(-20 * inv_d2) * rng.random(3000), inv_d2, epsilon, shells)
    np.testing.assert_allclose(shells.means(inv_d2, e**2), 1.0)


def test_combination_in_closed_form_agrees_with_the_sum_over_phases(crystal: KnownCrystal) -> None:
    rng = np.random.default_rng(0)
    hl = 1.5 * rng.normal(size=(len(crystal.grid), 4))
    hl[:, 2:] = 0.0
    phi, fom = phases_of_hl(hl, crystal.grid.hkl, crystal.grid.spacegroup)
    summed_phi, summed_fom = phase_and_fom_from_hl(hl, crystal.grid.hkl, crystal.grid.spacegroup)
    np.testing.assert_allclose(fom, summed_fom, atol=1e-6)
    np.testing.assert_allclose(np.cos(phi - summed_phi), 1.0, atol=1e-6)


def test_bimodal_start_is_decided_by_the_modified_density(crystal: KnownCrystal) -> None:
    acentric = np.flatnonzero(~crystal.grid.centric)[:1]
    hkl, spacegroup = crystal.grid.hkl[acentric], crystal.grid.spacegroup
    start = np.array([[0.0, 0.0, 4.0, 0.0]])  # 0° or 180°, as from one derivative
    _, undecided = phases_of_hl(start, hkl, spacegroup)
    one = np.ones(1)
    added = calculated_hl(one, one, np.full(1, 0.4), np.full(1, 0.7), np.zeros(1, bool))
    phi, fom = phases_of_hl(start + added, hkl, spacegroup)
    assert undecided[0] < 0.01
    assert fom[0] > 0.8
    assert abs(phi[0]) < 0.3


def test_sim_weight_is_halved_for_centric_reflections() -> None:
    ones, phi = np.ones(2), np.zeros(2)
    hl = calculated_hl(ones, ones, phi, 0.5 * ones, np.array([False, True]))
    np.testing.assert_allclose(hl[:, 0], [2 * 0.5 / 0.75, 0.5 / 0.75])


@pytest.mark.parametrize("kappa", [0.5, 1.5, 4.0])
def test_independent_errors_are_told_from_common_ones(kappa: float) -> None:
    rng = np.random.default_rng(0)
    n = 20000
    fom = np.full(n, i1e(kappa) / i0e(kappa))
    first, second = rng.vonmises(0.0, kappa, (2, n))
    assert common_errors((first, fom), (second, fom))[0] < 0.08
    assert common_errors((first, fom), (first, fom))[0] > 0.7
    half = np.where(rng.random(n) < 0.5, first, second)  # every other error is the same
    assert 0.15 < common_errors((first, fom), (half, fom))[0] < 0.9


def test_common_errors_are_counted_once() -> None:
    assert shares_of_information(0.0, 1.0, 3.0) == (1.0, 1.0)
    for correlation in (0.3, 0.8):
        expected = 1.0 / (1.0 + correlation)
        assert shares_of_information(correlation, 2.0, 2.0) == pytest.approx((expected, expected))
    assert shares_of_information(0.9, 1.0, 2.0) == (1.0, 0.0)  # the second is the first with more noise
    assert shares_of_information(0.9, 2.0, 1.0) == (0.0, 1.0)


def test_the_same_phases_twice_are_no_better_than_once(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.5)
    hl = hendrickson_lattman(phi, fom, crystal.grid.centric)
    combined = combined_hl(hl, hl, crystal.grid.hkl, crystal.grid.spacegroup)
    _, merit = phases_of_hl(combined, crystal.grid.hkl, crystal.grid.spacegroup)
    assert merit.mean() == pytest.approx(fom.mean(), abs=0.05)


def test_reflections_without_start_get_phases_from_the_density(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.5)
    hl = hendrickson_lattman(phi, fom, crystal.grid.centric)
    start = np.where(np.arange(len(hl))[:, None] % 2 == 0, hl, 0.0)
    combined = combined_hl(start, hl, crystal.grid.hkl, crystal.grid.spacegroup)
    np.testing.assert_array_equal(combined[1::2], hl[1::2])


def test_folds_share_the_reflections_evenly() -> None:
    fold = choose_folds(1003)
    assert np.ptp(np.bincount(fold)) <= 1
    assert choose_folds(12).max() == 1


def test_phases_get_better_and_figures_of_merit_stay_honest() -> None:
    known = known_crystal(atoms=25, scale=3.2, d_min=1.8)
    phi, fom = perturbed(known, 1.5)
    hl = hendrickson_lattman(phi, fom, known.grid.centric)
    seen = []
    found = modify_phases(known.grid, hl, SolventAndHistogram(known.grid, 0.35), 5, seen.append)
    assert found.kept is not None
    assert [cycle.number for cycle in seen] == [cycle.number for cycle in found.cycles]
    assert mean_error(found.phi, known.phi) < mean_error(phi, known.phi) - 5.0
    assert found.fom.mean() == pytest.approx(np.cos(found.phi - known.phi).mean(), abs=0.06)
    expected, _ = phases_of_hl(found.hl, known.grid.hkl, known.grid.spacegroup)
    np.testing.assert_array_equal(found.phi, expected)


def test_phases_that_are_certain_stay_as_they_are(crystal: KnownCrystal) -> None:
    everything = np.ones(len(crystal.grid))
    F = modified_structure_factors(crystal.grid, crystal.phi, everything, protein_density(1.8), 0.5, 4.0)
    assert np.isfinite(F).all()
    hl = hendrickson_lattman(crystal.phi, everything, crystal.grid.centric)
    found = modify_phases(crystal.grid, hl, SolventAndHistogram(crystal.grid, 0.5), 1)
    assert mean_error(found.phi, crystal.phi) < 0.5


def test_phases_of_which_nothing_can_be_made_are_kept(crystal: KnownCrystal) -> None:
    rng = np.random.default_rng(3)
    phi = np.where(crystal.grid.centric, crystal.phi, rng.uniform(-np.pi, np.pi, len(crystal.grid)))
    fom = np.where(crystal.grid.centric, 0.0, 0.1)
    hl = hendrickson_lattman(phi, fom, crystal.grid.centric)
    nothing = np.ones(len(phi), dtype=complex)
    found = modify_phases(crystal.grid, hl, _Silent(nothing), 2)
    assert found.kept is None
    np.testing.assert_array_equal(found.hl, hl)
    np.testing.assert_allclose(found.fom, fom, atol=1e-6)


def test_the_way_that_tells_more_is_kept(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.0)
    hl = hendrickson_lattman(phi, fom, crystal.grid.centric)
    poor, good = (
        modify_phases(crystal.grid, hl, _Silent(F), 1) for F in (np.ones(len(phi), complex), crystal.F)
    )
    assert poor.kept is None
    assert best_of([poor, good]) is good
    assert best_of([good, poor]) is good
    assert best_of([poor, poor]) is poor
    assert mean_error(good.phi, crystal.phi) < 10.0


def test_unknown_figure_of_merit_is_estimated(crystal: KnownCrystal) -> None:
    density = SolventAndHistogram(crystal.grid, 0.5)
    known = np.ones(len(crystal.grid), bool)
    good = estimate_fom(crystal.grid, perturbed(crystal, 8.0)[0], known, density)
    poor = estimate_fom(crystal.grid, perturbed(crystal, 0.8)[0], known, density)
    assert good > poor


class _Silent:
    """Says the same in every cycle."""

    def __init__(self, F: np.ndarray) -> None:
        self._F = F

    def __call__(self, number: int, omitted: np.ndarray, phi: np.ndarray, fom: np.ndarray) -> np.ndarray:
        return self._F
