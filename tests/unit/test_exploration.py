"""What is tried: each way once, then those that predict the free set best, until time is up."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import knowing, projection_of, untrained

from rephase.phasing import exploration
from rephase.phasing.exploration import FROM_GIVEN, FROM_RANDOM, explore
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.merit import Merit
from rephase.phasing.search import CONVINCING, Round, run_round


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=4, d_min=1.4)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classical rounds of fifty iterations."""
    monkeypatch.setattr(exploration, "run_round", lambda p, seed, n, *rest: run_round(p, seed, 50, *rest))


def nothing(steps: int) -> None:
    assert steps > 0


def taken(rounds, number: int) -> list[Round]:
    return [found for _, found in zip(range(number), rounds, strict=False)]


def later(seconds: float) -> float:
    return time.monotonic() + seconds


def test_everything_is_tried_once_the_prior_first(crystal, problem):
    second = replace(problem, recipe=replace(problem.recipe, name="other"))
    projection = projection_of(crystal, problem.grid, untrained())
    given = GivenPhases(np.angle(crystal.F), np.full(len(crystal.F), 0.5), True)
    rounds = taken(explore([second, problem], projection, given, 5, later(600), nothing), 4)
    names = [found.problem.recipe.name for found in rounds]
    assert names == [FROM_GIVEN, FROM_RANDOM, "other", "other, then density prior"]
    assert [found.by_prior for found in rounds] == [True, True, False, True]
    assert [found.first_seed for found in rounds] == [5, 6, 7, 7]
    assert [found.problem.recipe.given for found in rounds] == [True] + 3 * [False]


def test_without_a_prior_the_recipes_take_turns(problem):
    rounds = taken(explore([problem], None, None, 5, later(600), nothing), 1)
    assert [found.by_prior for found in rounds] == [False]


def test_the_prior_goes_on_with_both_hands_of_what_is_found(crystal, problem):
    """A prior that knows one hand predicts it from a search that ended in either."""
    projection = knowing(crystal, problem.grid, true_phases(crystal, problem.grid))
    _, _, finished = taken(explore([problem], projection, None, 0, later(600), nothing), 3)
    assert len(finished.maps) == 2 * exploration.FINISHED_STARTS
    assert finished.figure > CONVINCING


def test_out_of_time_one_round_is_made(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    assert len(list(explore([problem], projection, None, 0, time.monotonic() - 1.0, nothing))) == 1


@pytest.fixture
def planned(problem, monkeypatch):
    """Look at the plan alone: rounds have stated figures and lengths, by name, and are not made."""

    def plan(figures: dict[str, float], iterations: dict[str, int], recipes: list[str], turns: int):
        def made(name: str, seed: int) -> Round:
            figure = np.array([figures[name]])
            named = replace(problem, recipe=replace(problem.recipe, name=name))
            return Round(named, None, Merit(figure, figure, figure, figure), iterations[name], seed)

        def from_random(projection, problem, turn, seed, *rest) -> Round:
            return made(FROM_RANDOM, seed)

        def finished(projection, problem, turn, seed, *rest) -> list[Round]:
            return [made(problem.recipe.name, seed)]

        monkeypatch.setattr(exploration, "round_from_random", from_random)
        monkeypatch.setattr(exploration, "finished_round", finished)
        problems = [replace(problem, recipe=replace(problem.recipe, name=name)) for name in recipes]
        rounds = taken(explore(problems, object(), None, 0, later(600), nothing), turns)
        assert [found.first_seed for found in rounds] == list(range(turns))
        return Counter(found.problem.recipe.name for found in rounds)

    return plan


def test_what_succeeds_is_tried_more_often(planned):
    figures = {FROM_RANDOM: 0.5, "envelope": 0.2}
    counts = planned(figures, {FROM_RANDOM: 10, "envelope": 10}, ["envelope"], 40)
    assert counts[FROM_RANDOM] > 2 * counts["envelope"]
    assert counts["envelope"] >= 2


def test_where_nothing_is_better_each_way_has_the_same_time(planned):
    figures = {FROM_RANDOM: 0.3, "envelope": 0.3}
    counts = planned(figures, {FROM_RANDOM: 10, "envelope": 40}, ["envelope"], 50)
    assert counts[FROM_RANDOM] == pytest.approx(4 * counts["envelope"], abs=5)


def test_recipes_of_the_classical_search_share_its_time(planned):
    """So many of them must not leave the prior without time."""
    names = ["one", "two", "three", "four"]
    everything = dict.fromkeys([FROM_RANDOM, *names], 0.3)
    counts = planned(everything, dict.fromkeys(everything, 10), names, 16)
    assert counts == Counter({FROM_RANDOM: 8} | dict.fromkeys(names, 2))


def test_phases_given_in_a_symmetric_crystal_keep_its_symmetry():
    crystal = truth("P 21 21 21", atoms=4, d_min=1.3)
    problem = problem_of(crystal)
    projection = projection_of(crystal, problem.grid, untrained())
    given = GivenPhases(np.angle(crystal.F), np.full(len(crystal.F), 0.8), True)
    (found,) = taken(explore([problem], projection, given, 0, later(600), nothing), 1)
    assert found.symmetric
    own = np.exp(1j * problem.grid.expansion.phases_to_asu(found.phases()[0]))
    first = np.unique(problem.grid.expansion.asu_index, return_index=True)[1]
    np.testing.assert_allclose(own, own[first][problem.grid.expansion.asu_index], atol=0.05)
