"""Rounds of the density prior: they repeat themselves, stop in time, and never look at the free set."""

import time
from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import knowing, oracle, projection_of, untrained

from rephase.phasing.prior_rounds import (
    ANNEALED,
    PATIENCE,
    SETTLING,
    Schedule,
    prior_round,
    prior_starts,
    random_phases,
)
from rephase.phasing.search import CONVINCING, MOST_STARTS


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=5, d_min=1.2)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


def run(problem, projection, schedule, *, seed=0, starts=2, deadline=None):
    steps: list[int] = []
    phi = random_phases(projection, starts, seed)
    found = prior_round(
        projection,
        problem,
        lambda working: working.start(phi),
        schedule,
        seed=seed,
        deadline=time.monotonic() + 60.0 if deadline is None else deadline,
        on_step=steps.append,
    )
    assert sum(steps) == found.iterations
    return found


def test_a_prior_that_knows_the_answer_is_convincing_and_ends_the_round(crystal, problem):
    true = true_phases(crystal, problem.grid)
    found = run(problem, knowing(crystal, problem.grid, true), Schedule(30))
    assert found.by_prior
    assert not found.symmetric
    assert found.iterations == 1 + SETTLING
    assert found.figure == pytest.approx(1.0, abs=1e-3)
    assert found.merit.cc_work == pytest.approx(1.0, abs=1e-3)
    assert found.merit.r_work == pytest.approx(0.1, abs=1e-2)
    np.testing.assert_allclose(np.exp(1j * found.phases()[0]), np.exp(1j * true), atol=1e-3)


def test_the_free_figure_is_of_amplitudes_that_were_not_shown(crystal, problem):
    """The oracle predicts E = 1 where it is not told the amplitude, which correlates with nothing."""
    true = true_phases(crystal, problem.grid)
    found = run(problem, projection_of(crystal, problem.grid, oracle(problem.grid, true)), Schedule(1))
    assert abs(found.figure) < 0.2 < CONVINCING


def test_the_same_seed_gives_the_same_phases_and_another_gives_others(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    schedule = Schedule(4, noise=0.5)
    first, again, other = (run(problem, projection, schedule, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.maps.numpy(), again.maps.numpy())
    np.testing.assert_array_equal(first.merit.cc_free, again.merit.cc_free)
    assert not np.array_equal(first.merit.cc_free, other.merit.cc_free)


def test_noise_changes_where_a_round_goes(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    quiet, noisy = (run(problem, projection, Schedule(4, noise)) for noise in (0.0, 1.0))
    assert not np.array_equal(quiet.merit.cc_work, noisy.merit.cc_work)


def test_a_round_out_of_time_makes_one_pass(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    assert run(problem, projection, Schedule(20), deadline=time.monotonic()).iterations == 1


def test_a_round_that_gets_no_better_ends(crystal, problem):
    random = random_phases(projection_of(crystal, problem.grid, untrained()), 1, 0)[0]
    stuck = projection_of(crystal, problem.grid, oracle(problem.grid, random))
    assert run(problem, stuck, Schedule(60)).iterations <= PATIENCE + 1


def test_noise_falls_to_zero_and_stays_there():
    schedule = Schedule(20, 0.5)
    levels = [schedule.noise_of(number) for number in range(20)]
    assert levels[0] == 0.5
    assert levels == sorted(levels, reverse=True)
    assert levels[int(20 * ANNEALED) :] == [0.0] * (20 - int(20 * ANNEALED))
    assert [schedule.quiet(number) for number in range(20)] == [level == 0.0 for level in levels]
    assert Schedule(20).quiet(0)


def test_small_cells_run_more_starts_at_once(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    large = replace(projection, grid=replace(problem.grid, shape=(64, 64, 64)))
    assert prior_starts(large) < prior_starts(projection) == MOST_STARTS
