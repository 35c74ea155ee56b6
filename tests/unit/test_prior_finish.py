"""The end game of the prior: the symmetry is found and obeyed, and mates are predicted from the others."""

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import oracle, projection_of

from rephase.phasing.finish import folds
from rephase.phasing.prior_finish import finish_by_prior, predict_folds, settle_by_prior

SHIFT = (0.13, 0.41, 0.27)


def cosine(first: np.ndarray, second: np.ndarray, f: np.ndarray) -> float:
    return float(np.average(np.cos(first - second), weights=f))


@pytest.mark.parametrize("group", ["P 1", "P 21 21 21", "C 1 2 1"])
def test_phases_come_to_the_origin_of_the_group(group):
    crystal = truth(group, atoms=4, d_min=1.2)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    moved = true_phases(crystal, problem.grid, SHIFT)
    # the oracle leaves every phase as it is shown to it at the end: that of the true origin
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true))
    found = finish_by_prior(projection, problem, moved, crystal.hkl, crystal.setting.operations, placed=False)
    assert found.fit.agreement > 0.99
    expansion = problem.grid.expansion
    assert cosine(found.phi, expansion.phases(found.phi_asu), problem.full) > 0.999
    assert found.phi_asu.shape == found.fom.shape == (len(crystal.hkl),)
    assert np.all((found.fom >= 0.0) & (found.fom <= 1.0))


def test_phases_at_the_origin_stay_there():
    crystal = truth("P 21 21 21", atoms=4, d_min=1.2)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true), symmetric=True)
    found = finish_by_prior(projection, problem, true, crystal.hkl, crystal.setting.operations, placed=True)
    assert not found.fit.shift.any()
    assert found.fit.by_operator == {}
    assert cosine(found.phi, true, problem.full) > 0.999


def test_settling_ends_where_the_prior_leads():
    crystal = truth("P 1", atoms=4, d_min=1.2)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true))
    assert cosine(settle_by_prior(projection, np.zeros(len(true))), true, problem.full) > 0.999


def test_folds_hold_whole_sets_of_mates():
    crystal = truth("P 21 21 21", atoms=4, d_min=1.2)
    expansion = problem_of(crystal).grid.expansion
    fold = folds(expansion)
    for row in range(len(crystal.hkl)):
        assert len(np.unique(fold[expansion.asu_index == row])) == 1
    assert len(np.unique(fold)) > 1


def test_a_reflection_is_predicted_without_its_amplitude():
    """The oracle gives |E| = 1 and its own phase to what it is not told."""
    crystal = truth("P 1", atoms=4, d_min=1.2)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.5))
    predicted = predict_folds(projection, true)
    np.testing.assert_allclose(np.abs(predicted), 0.5 * projection.expected, rtol=1e-3)
    np.testing.assert_allclose(np.exp(1j * np.angle(predicted)), np.exp(1j * true), atol=1e-3)
