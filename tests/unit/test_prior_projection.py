"""The prior at work on a crystal: rows in and out, symmetry, and reflections that it must not see."""

import numpy as np
import pytest
from phasing_crystals import grid_of, true_phases, truth
from prior_oracles import oracle, projection_of, untrained

from rephase.phasing.prior_projection import prior_projection


@pytest.fixture(scope="module")
def crystal():
    return truth("P 21 21 21", atoms=4, d_min=1.3)


def test_phases_go_in_and_come_out(crystal):
    grid = grid_of(crystal)
    projection = projection_of(crystal, grid, untrained())
    phi = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, len(grid.expansion)))
    states = projection.start(phi)
    np.testing.assert_allclose(np.exp(1j * projection.phases(states)), np.exp(1j * phi), atol=1e-5)


def test_a_pass_keeps_the_measured_amplitudes(crystal):
    grid = grid_of(crystal)
    projection = projection_of(crystal, grid, untrained())
    phi = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, len(grid.expansion)))
    states = projection.step(projection.start(phi))
    found = np.abs(grid.at_reflections(states.current))
    np.testing.assert_allclose(found, np.tile(projection.amplitude, (2, 1)), rtol=1e-4)


def test_amplitudes_are_normalised_ones_with_the_standard_fall_off(crystal):
    projection = projection_of(crystal, grid_of(crystal), untrained())
    e = projection.amplitude / projection.expected
    assert np.mean(e**2) == pytest.approx(1.0, abs=0.15)
    order = np.argsort(crystal.setting.cell.calculate_1_d2_array(projection.grid.expansion.hkl))
    assert np.all(np.diff(projection.expected[order]) <= 1e-5)


def test_what_is_left_out_cannot_be_seen(crystal):
    """Other amplitudes of the reflections left out change no prediction."""
    grid = grid_of(crystal)
    omitted = np.random.default_rng(0).random(len(crystal.hkl))[grid.expansion.asu_index] < 0.2
    e = np.random.default_rng(1).rayleigh(0.7, (2, len(crystal.hkl)))
    e[1] = np.where(np.isin(np.arange(len(crystal.hkl)), grid.expansion.asu_index[omitted]), e[1], e[0])
    phi = np.random.default_rng(2).uniform(-np.pi, np.pi, (1, len(grid.expansion)))
    predictions = []
    for amplitudes in e:
        projection = prior_projection(untrained(), grid, amplitudes).without(omitted)
        states = projection.step(projection.step(projection.start(phi)))
        predictions.append(projection.predicted(states))
    np.testing.assert_array_equal(predictions[0], predictions[1])


def test_predictions_obey_the_symmetry_where_that_is_asked_for(crystal):
    grid = grid_of(crystal)
    phi = np.random.default_rng(0).uniform(-np.pi, np.pi, (1, len(grid.expansion)))
    projection = projection_of(crystal, grid, untrained(), symmetric=True)
    predicted = projection.predicted(projection.step(projection.start(phi)))[0]
    own = np.abs(predicted) * np.exp(1j * grid.expansion.phases_to_asu(np.angle(predicted)))
    first = np.unique(grid.expansion.asu_index, return_index=True)[1]
    np.testing.assert_allclose(own, own[first][grid.expansion.asu_index], atol=1e-3 * np.abs(own).max())


def test_averaging_changes_nothing_that_obeys_the_symmetry(crystal):
    grid = grid_of(crystal)
    prior = oracle(grid, true_phases(crystal, grid))
    phi = np.zeros((1, len(grid.expansion)))
    one, other = (projection_of(crystal, grid, prior, symmetric=symmetric) for symmetric in (False, True))
    np.testing.assert_allclose(
        one.predicted(one.step(one.start(phi))), other.predicted(other.step(other.start(phi))), atol=1e-3
    )


def test_figures_of_merit_are_the_part_of_the_amplitude_that_is_predicted(crystal):
    grid = grid_of(crystal)
    projection = projection_of(crystal, grid, oracle(grid, true_phases(crystal, grid), share=0.6))
    omitted = np.arange(len(grid.expansion)) % 7 == 0
    working = projection.without(omitted)
    fom = working.fom(working.step(working.start(np.zeros((1, len(grid.expansion))))))[0]
    np.testing.assert_allclose(fom[~omitted], 0.6, rtol=1e-3)
    assert not fom[omitted].any()
