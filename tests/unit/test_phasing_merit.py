"""Figures of merit that need no truth: high for the truth, near nothing for random phases."""

import numpy as np
import pytest
import torch
from phasing_crystals import problem_of, true_map, truth

from rephase.phasing.merit import Merit, choose_omitted, correlation, judge
from rephase.phasing.projections import impose_amplitudes, random_starts


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=8, d_min=1.1, b_iso=10.0, scale=1.3)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal, fraction=0.3)


def figures(problem, maps):
    working = problem.grid.without(problem.omitted)
    constraint = problem.recipe.constraint(working)
    constraint.learn(maps, 1.0)
    return judge(maps, working, constraint, problem.full, problem.to_e, problem.omitted)


def without_omitted(problem, crystal):
    """The true map of the working reflections: the omitted ones are zero in it."""
    return true_map(crystal, problem.grid.without(problem.omitted))


def test_the_truth_predicts_reflections_it_never_saw(crystal, problem):
    merit = figures(problem, without_omitted(problem, crystal))
    assert problem.omitted.sum() > 100
    assert float(merit.cc_free[0]) > 0.8
    assert float(merit.cc_work[0]) > 0.95
    assert float(merit.r_work[0]) < 0.15


def test_random_phases_predict_nothing(crystal, problem):
    working = problem.grid.without(problem.omitted)
    merit = figures(problem, random_starts(working, 8, torch.Generator().manual_seed(0)))
    assert np.abs(merit.cc_free).max() < 0.3
    assert abs(float(merit.cc_free.mean())) < 0.12
    true = figures(problem, without_omitted(problem, crystal))
    assert merit.r_work.min() > true.r_work[0] + 0.1
    assert merit.skewness.max() < true.skewness[0] - 1.0


def test_the_figure_does_not_depend_on_scale_hand_or_origin(crystal, problem):
    rho = without_omitted(problem, crystal)
    hand = torch.roll(rho.flip(dims=(1, 2, 3)), (4, 1, 8), dims=(1, 2, 3))
    first, second = figures(problem, rho), figures(problem, hand)
    assert float(second.cc_free[0]) == pytest.approx(float(first.cc_free[0]), abs=0.01)
    assert float(second.r_work[0]) == pytest.approx(float(first.r_work[0]), abs=0.01)
    assert float(figures(problem, 7.0 * rho).r_work[0]) == pytest.approx(float(first.r_work[0]), abs=1e-4)


def test_omitted_amplitudes_are_not_looked_at_by_the_search(problem):
    working = problem.grid.without(problem.omitted)
    changed = np.where(problem.omitted, 5.0, 1.0) * problem.full
    start = random_starts(working, 1, torch.Generator().manual_seed(0))
    assert (
        float(np.abs(working.at_reflections(working.amplitude.to(torch.complex64))[problem.omitted]).max())
        == 0
    )
    constraint = problem.recipe.constraint(working)
    constraint.learn(start, 1.0)
    old = judge(start, working, constraint, problem.full, problem.to_e, problem.omitted)
    new = judge(start, working, constraint, changed, problem.to_e, problem.omitted)
    np.testing.assert_array_equal(old.r_work, new.r_work)
    np.testing.assert_array_equal(old.cc_work, new.cc_work)


def test_skewness_is_the_third_standardised_moment(problem):
    rho = impose_amplitudes(torch.randn((1, *problem.grid.shape)), problem.grid)
    x = rho.double().flatten().numpy()
    expected = np.mean((x - x.mean()) ** 3) / np.std(x) ** 3
    assert float(figures(problem, rho).skewness[0]) == pytest.approx(expected, abs=1e-3)


def test_the_best_start_is_the_one_whose_constraints_agree():
    merit = Merit(
        cc_free=np.array([0.9, 0.1, 0.2]),
        cc_work=np.zeros(3),
        r_work=np.array([0.5, 0.2, 0.3]),
        skewness=np.zeros(3),
    )
    assert merit.best() == 1


def test_correlation_is_that_of_numpy_and_zero_where_undefined():
    rng = np.random.default_rng(0)
    rows, reference = rng.normal(size=(4, 30)), rng.normal(size=30)
    expected = [np.corrcoef(row, reference)[0, 1] for row in rows]
    np.testing.assert_allclose(correlation(rows, reference), expected, atol=1e-12)
    np.testing.assert_array_equal(correlation(np.ones((2, 30)), reference), 0.0)
    np.testing.assert_array_equal(correlation(rows[:, :2], reference[:2]), 0.0)


def test_symmetry_mates_are_omitted_together():
    problem = problem_of(truth("P 21 21 21", atoms=3), omitted=0.1)
    index = problem.grid.expansion.asu_index
    left_out = set(index[problem.omitted].tolist())
    kept = set(index[~problem.omitted].tolist())
    assert len(left_out) > 10
    assert not left_out & kept


def test_about_the_asked_fraction_is_omitted_and_the_same_seed_omits_the_same():
    rows = np.arange(10_000)
    first = choose_omitted(10_000, rows, 0.07, np.random.default_rng(3))
    assert first.mean() == pytest.approx(0.07, abs=0.01)
    np.testing.assert_array_equal(first, choose_omitted(10_000, rows, 0.07, np.random.default_rng(3)))
