"""The search: it finds a small structure, repeats itself with the same seed, and keeps to its time."""

import time
from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth

from rephase.phasing import search
from rephase.phasing.search import CONVINCING, JUDGE_EVERY, batch_size, rounds, run_round


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=4, d_min=1.4, b_iso=12.0)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal, fraction=0.2)


def later(seconds: float) -> float:
    return time.monotonic() + seconds


def nothing(steps: int) -> None:
    assert steps > 0


def test_a_small_structure_is_found_from_random_phases(crystal, problem):
    found = run_round(problem, 0, 400, later(60), nothing)
    assert found.figure > CONVINCING
    grid = problem.grid
    phi = np.angle(grid.at_reflections(grid.structure_factors(found.maps[found.merit.best()])))
    assert best_agreement(grid.expansion.hkl, problem.full, phi, true_phases(crystal, grid)) > 0.85


def best_agreement(hkl, f, phi, true):
    """Amplitude-weighted ⟨cos Δφ⟩ at the best origin on a grid of 1/24, either hand."""
    axis = [np.exp(2j * np.pi * np.outer(hkl[:, i], np.arange(24) / 24)) for i in range(3)]
    best = 0.0
    for sign in (1, -1):
        waves = f**2 * np.exp(1j * (sign * phi - true))
        best = max(best, float(np.einsum("n,nu,nv,nw->uvw", waves, *axis, optimize=True).real.max()))
    return best / float((f**2).sum())


def test_the_same_seed_gives_the_same_maps_and_another_gives_others(problem):
    first, again, other = (run_round(problem, seed, 50, later(60), nothing) for seed in (3, 3, 4))
    assert np.array_equal(first.maps.numpy(), again.maps.numpy())
    np.testing.assert_array_equal(first.merit.cc_free, again.merit.cc_free)
    assert not np.array_equal(first.merit.cc_free, other.merit.cc_free)


def test_a_convincing_round_stops_early(problem):
    steps: list[int] = []
    found = run_round(problem, 0, 4000, later(60), steps.append)
    assert found.iterations < 4000
    assert sum(steps) == found.iterations


def test_a_round_out_of_time_ends_at_its_first_judgement(problem):
    assert run_round(problem, 0, 4000, time.monotonic(), nothing).iterations == JUDGE_EVERY


def test_a_search_out_of_time_still_makes_one_round(problem):
    assert len(list(rounds([problem], 0, time.monotonic() - 1.0, nothing))) == 1


def test_recipes_take_turns_with_new_seeds_and_rounds_get_longer(problem, monkeypatch):
    """Only the plan of the rounds is looked at: what each of them finds is tested above."""
    plan = []

    def note(problem, seed, iterations, deadline, on_step):
        plan.append((problem.recipe.name, seed, iterations))
        return len(plan)

    monkeypatch.setattr(search, "run_round", note)
    second = replace(problem, recipe=replace(problem.recipe, name="other"))
    turns = rounds([problem, second], 7, later(60), nothing)
    for _ in range(16):
        next(turns)
    assert [name for name, _, _ in plan] == ["envelope", "other"] * 8
    assert [seed for _, seed, _ in plan] == list(range(7, 23))
    assert [length for _, _, length in plan] == [500] * 4 + [1000] * 4 + [2000] * 4 + [4000] * 4


def test_small_cells_run_more_starts_at_once_than_large_ones(problem):
    assert batch_size(problem.grid) == 16
    assert batch_size(replace(problem.grid, shape=(64, 64, 64))) == 4
    assert batch_size(replace(problem.grid, shape=(40, 40, 40))) == 7
