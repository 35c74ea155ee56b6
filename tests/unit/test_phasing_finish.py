"""The end game: origin, hand, average over mates, cross-validation and figures of merit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from phasing_crystals import map_correlation, problem_of, true_map, true_phases, truth

from rephase.crystal.symmetry import centric_phase
from rephase.phasing.finish import figures_of_merit, finish, map_of, predict_omitted

MOVED = (0.137, 0.291, 0.823)


def posed(group):
    crystal = truth(group, atoms=3, d_min=1.3, b_iso=10.0)
    return crystal, problem_of(crystal, fraction=0.4)


def agreement(f, phi, true):
    return float((f**2 * np.cos(phi - true)).sum() / (f**2).sum())


def test_the_map_is_that_of_the_measured_amplitudes():
    crystal, problem = posed("P 1 21 1")
    rho = map_of(problem, true_phases(crystal, problem.grid))
    assert rho.shape == (1, *problem.grid.shape)
    assert map_correlation(rho, true_map(crystal, problem.grid)) > 0.9999


@pytest.mark.parametrize("group", ["P 1", "C 1 2 1", "P 21 21 21", "P 31 2 1"])
def test_phases_at_any_origin_end_at_an_origin_of_the_group(group):
    crystal, problem = posed(group)
    start = map_of(problem, true_phases(crystal, problem.grid, MOVED))[0]
    operations = crystal.setting.operations
    done = finish(problem, start, crystal.hkl, operations)
    assert done.fit.agreement > 0.9
    assert not done.inverted
    index, expansion = problem.grid.expansion.asu_index, problem.grid.expansion
    np.testing.assert_allclose(np.exp(1j * (expansion.phases(done.phi_asu) - done.phi)), 1.0, atol=1e-6)
    restricted = centric_phase(crystal.hkl, operations)
    centric = np.isfinite(restricted)
    np.testing.assert_allclose(np.sin(done.phi_asu - restricted)[centric], 0.0, atol=1e-6)
    assert done.fom.shape == done.phi_asu.shape == (len(crystal.hkl),)
    assert np.all((done.fom >= 0) & (done.fom <= 1))
    assert done.cross_validated > 0.6
    moved = true_phases(crystal, problem.grid, tuple(np.array(MOVED) + done.fit.shift))
    assert agreement(problem.full, done.phi, moved) > 0.9
    assert len(index) >= len(done.phi_asu)


@pytest.mark.parametrize(("hand", "inverted"), [(1.0, False), (-1.0, True)])
def test_phases_of_the_wrong_hand_are_inverted_where_the_screw_axis_tells(hand, inverted):
    crystal, problem = posed("P 41")
    start = map_of(problem, hand * true_phases(crystal, problem.grid, MOVED))[0]
    done = finish(problem, start, crystal.hkl, crystal.setting.operations)
    assert done.inverted is inverted
    assert done.fit.agreement > 0.9
    moved = true_phases(crystal, problem.grid, tuple(hand * np.array(MOVED) * hand + done.fit.shift))
    assert agreement(problem.full, done.phi, moved) > 0.9


def test_the_hand_is_left_alone_where_symmetry_cannot_tell():
    crystal, problem = posed("P 1 21 1")
    start = map_of(problem, -true_phases(crystal, problem.grid))[0]
    assert not finish(problem, start, crystal.hkl, crystal.setting.operations).inverted


def test_a_reflection_has_no_say_in_its_own_prediction():
    crystal, problem = posed("P 1 21 1")
    phi = true_phases(crystal, problem.grid)
    index = problem.grid.expansion.asu_index
    general = int(np.flatnonzero(np.bincount(index) == 2)[10])
    mates = index == general
    factor = np.where(mates, 4.0, 1.0)
    amplitude = problem.grid.amplitude * problem.grid.from_reflections(factor.astype(complex)).real
    changed = replace(problem, full=problem.full * factor, grid=replace(problem.grid, amplitude=amplitude))
    first, second = predict_omitted(problem, phi), predict_omitted(changed, phi)
    np.testing.assert_allclose(first[mates], second[mates], atol=1e-5)
    assert np.abs(first - second)[~mates].max() > 1e-2


def test_true_phases_predict_amplitudes_and_random_ones_do_not():
    crystal, problem = posed("P 1")
    e = problem.full * problem.to_e
    random = np.random.default_rng(0).uniform(0, 2 * np.pi, len(e))
    found = [
        np.corrcoef(np.abs(predict_omitted(problem, phi)) * problem.to_e, e)[0, 1]
        for phi in (true_phases(crystal, problem.grid), random)
    ]
    assert found[0] > 0.7
    assert abs(found[1]) < 0.4


def test_figures_of_merit_are_higher_for_better_predictions():
    crystal, problem = posed("P 1 21 1")
    true = problem.full * np.exp(1j * true_phases(crystal, problem.grid))
    rng = np.random.default_rng(0)
    size = np.abs(true).mean()
    means, correlations = [], []
    for error in (0.0, 0.4, 1.0, 3.0):
        noise = error * size * (rng.normal(size=len(true)) + 1j * rng.normal(size=len(true)))
        fom, overall = figures_of_merit(problem, true + noise, len(crystal.hkl))
        assert np.all((fom >= 0.0) & (fom <= 1.0))
        means.append(float(fom.mean()))
        correlations.append(overall)
    assert means == sorted(means, reverse=True)
    assert correlations == sorted(correlations, reverse=True)
    assert correlations[0] > 0.98
    assert means[0] > 0.8
    assert means[-1] < 0.5


def test_a_figure_of_merit_is_the_expected_cosine():
    """True structure factors = σA·predicted + a Gaussian error: ⟨cos Δφ⟩ of many is their mean weight."""
    crystal, problem = posed("P 1")
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(3, 2, len(problem.full))) / np.sqrt(2.0)
    predicted, error = (normal[k, 0] + 1j * normal[k, 1] for k in (0, 1))
    true = 0.7 * predicted + np.sqrt(1.0 - 0.7**2) * error
    ideal = replace(problem, full=np.abs(true), to_e=np.ones(len(true)))
    fom, _ = figures_of_merit(ideal, predicted, len(crystal.hkl))
    assert float(fom.mean()) == pytest.approx(np.cos(np.angle(true * predicted.conj())).mean(), abs=0.05)


def test_strong_reflections_are_trusted_more_than_weak_ones():
    crystal, problem = posed("P 1")
    done = finish(
        problem,
        map_of(problem, true_phases(crystal, problem.grid))[0],
        crystal.hkl,
        crystal.setting.operations,
    )
    e = np.zeros(len(crystal.hkl))
    e[problem.grid.expansion.asu_index] = problem.full * problem.to_e
    strong = e > np.quantile(e, 0.8)
    assert done.fom[strong].mean() > done.fom[e < np.quantile(e, 0.2)].mean() + 0.15


def test_the_end_game_repeats_itself():
    crystal, problem = posed("P 1 21 1")
    start = problem.grid.density(problem.grid.from_reflections(problem.full.astype(complex)))
    first, again = (finish(problem, start.clone(), crystal.hkl, crystal.setting.operations) for _ in range(2))
    np.testing.assert_array_equal(first.phi_asu, again.phi_asu)
    np.testing.assert_array_equal(first.fom, again.fom)
    assert torch.is_tensor(start)
