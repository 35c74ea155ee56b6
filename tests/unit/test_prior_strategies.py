"""Strategies that the benchmark compares with plain passes: they are what their formulas say."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import knowing, projection_of, untrained

from prior_strategies import (
    AveragedReflections,
    DifferenceMap,
    Halved,
    Overstepped,
    after_classical,
    nearest_in_scale,
    with_amplitudes,
)
from rephase.phasing.prior_rounds import random_phases


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=4, d_min=1.4)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


def run(projection, schedule, phi):
    generator = torch.Generator().manual_seed(0)
    return list(schedule.states(projection, projection.start(phi), generator))


@pytest.mark.parametrize(
    "schedule",
    [
        AveragedReflections(20, beta=0.7),
        AveragedReflections(20, beta=0.9, rescaled=True),
        DifferenceMap(20, beta=1.0, rescaled=True),
        Halved(20, at=(5, 10)),
        Overstepped(20, 0.5, beyond=0.6),
    ],
)
def test_a_prior_that_knows_the_answer_leads_there(crystal, problem, schedule):
    true = true_phases(crystal, problem.grid)
    projection = knowing(crystal, problem.grid, true)
    states = run(projection, schedule, random_phases(projection, 4, 0))
    assert len(states) == 20
    error = np.angle(np.exp(1j * (projection.phases(states[-1]) - true)))
    chosen = error if not isinstance(schedule, Halved) else error[np.abs(error).max(axis=1) < 1.0]
    assert len(chosen) >= 1
    np.testing.assert_allclose(chosen, 0.0, atol=1e-2)


def test_reflections_that_are_left_out_follow_the_prediction(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    omitted = np.arange(len(problem.grid.expansion)) % 5 == 0
    working = projection.without(omitted)
    (states,) = run(working, AveragedReflections(1, beta=0.8, until=1.0), random_phases(working, 2, 0))
    current, predicted = (
        problem.grid.at_reflections(one)[:, omitted] for one in (states.current, states.predicted)
    )
    np.testing.assert_allclose(current, predicted, atol=1e-5)
    measured = np.abs(problem.grid.at_reflections(states.current))[:, ~omitted]
    np.testing.assert_allclose(measured, np.tile(working.amplitude[~omitted], (2, 1)), rtol=1e-4)


def test_with_no_relaxation_the_iterate_is_the_plain_one(crystal, problem):
    """At β = 1/2 and x = p the next iterate is (D + p)/2, between the prediction and what it was shown."""
    projection = projection_of(crystal, problem.grid, untrained())
    states = projection.start(random_phases(projection, 2, 0))
    predicted = projection.predict(states)
    x = AveragedReflections(1, beta=0.5).iterate(states.current, states.current, predicted, projection.data)
    torch.testing.assert_close(x, 0.5 * (predicted + states.current))


def test_scaled_predictions_have_the_measured_amplitudes_if_they_can(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    current = projection.start(random_phases(projection, 2, 0)).current
    torch.testing.assert_close(nearest_in_scale(0.3 * current, projection.data), current)
    torch.testing.assert_close(with_amplitudes(0.3 * current, projection.data), current)


def test_what_is_given_up_stays_as_it_was(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    states = run(projection, Halved(6, at=(2, 4)), random_phases(projection, 4, 0))
    moved = [(one.current != other.current).flatten(1).any(1).sum() for one, other in pairwise(states)]
    assert [int(count) for count in moved] == [4, 2, 2, 1, 1]


def test_the_classical_search_moves_the_phases_and_knows_only_the_working_amplitudes(crystal, problem):
    phi = random_phases(projection_of(crystal, problem.grid, untrained()), 2, 0)
    found = after_classical(problem, phi, 20)
    assert found.shape == phi.shape
    assert np.cos(found - phi).mean() < 0.9
