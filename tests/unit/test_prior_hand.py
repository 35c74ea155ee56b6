"""The hand by the prior: that of the density which it leaves as it is."""

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import oracle, projection_of, untrained

from rephase.phasing.evidence import prior_evidence, solvent_contrast
from rephase.phasing.prior_hand import agreement_of_hands, hand_by_prior


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=5, d_min=1.2)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


@pytest.mark.parametrize(("sign", "hand"), [(1.0, "same"), (-1.0, "other")])
def test_the_hand_is_that_which_the_prior_knows(crystal, problem, sign, hand):
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true))
    decision = hand_by_prior(projection, sign * true)
    assert (decision.hand, decision.source) == (hand, "prior")
    assert np.sign(decision.score) == sign


def test_the_odds_of_a_map_and_its_inverse_are_each_other_s_inverse(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    phi = true_phases(crystal, problem.grid)
    one, other = hand_by_prior(projection, phi), hand_by_prior(projection, -phi)
    assert one.score == pytest.approx(-other.score, rel=1e-3, abs=1e-3)


def test_a_centrosymmetric_map_has_no_hand(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    decision = hand_by_prior(projection, np.zeros(len(problem.full)))
    assert decision.hand is None
    assert decision.score == pytest.approx(0.0, abs=1e-3)


def test_agreement_is_that_of_prediction_and_map(crystal, problem):
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.8))
    same, other, merit = agreement_of_hands(projection, true)
    assert same == pytest.approx(0.8, abs=1e-3)
    assert merit == pytest.approx(0.8, abs=1e-3)
    assert other < 0.5
    assert prior_evidence(projection, -true).agreement == pytest.approx(0.8, abs=1e-3)


def test_flat_solvent_gives_contrast():
    """Five atoms close together in a large cell, against random phases with the same amplitudes."""
    crystal = truth("P 1", atoms=6, d_min=1.4, scale=1.5)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    noise = np.random.default_rng(0).uniform(-np.pi, np.pi, len(true))
    assert solvent_contrast(problem.grid, problem.full, true) > 1.3 * solvent_contrast(
        problem.grid, problem.full, noise
    )
