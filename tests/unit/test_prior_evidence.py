"""What the prior says of a solution: whether it keeps it, and in which hand it is."""

from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import oracle, projection_of, untrained

from rephase.phasing.hand import LEAST_LOG_ODDS, HandDecision, nothing_decides
from rephase.phasing.prior_evidence import PriorEvidence, prior_evidence
from rephase.phasing.prior_hand import hand_with_prior

SURE = 1.5 * LEAST_LOG_ODDS


def said(log_odds: float) -> PriorEvidence:
    return PriorEvidence(agreement=0.9, log_odds=log_odds)


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=5, d_min=1.2)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


def test_a_map_that_the_prior_knows_is_kept(crystal, problem):
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.8))
    evidence = prior_evidence(projection, true)
    assert evidence.agreement == pytest.approx(0.8, abs=1e-3)


def test_another_map_is_not(crystal, problem):
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.8))
    wrong = np.random.default_rng(0).uniform(-np.pi, np.pi, len(true))
    evidence = prior_evidence(projection, wrong)
    assert abs(evidence.agreement) < 0.2


def test_the_judge_gives_a_map_and_its_inverse_opposite_odds(crystal, problem):
    true = true_phases(crystal, problem.grid)
    odds = [
        prior_evidence(projection_of(crystal, problem.grid, oracle(problem.grid, phi)), phi).log_odds
        for phi in (true, -true)
    ]
    assert odds[0] == pytest.approx(-odds[1], abs=1e-3)
    assert odds[0] != 0.0


def test_the_same_phases_get_the_same_evidence(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    phi = true_phases(crystal, problem.grid)
    assert prior_evidence(projection, phi) == prior_evidence(projection, phi)


@pytest.mark.parametrize(("odds", "hand"), [(SURE, "same"), (-SURE, "other"), (0.1, None)])
def test_the_prior_decides_where_nothing_else_does(odds, hand):
    decision = hand_with_prior(nothing_decides("no template fits"), said(odds))
    assert (decision.hand, decision.source, decision.score) == (hand, "prior", odds)
    assert "no template fits" in decision.evidence


@pytest.mark.parametrize(
    ("odds", "told"),
    [
        (np.log(2.5), "the map 2.5 times as likely as its inverse"),
        (-np.log(40.0), "the inverse 40 times as likely as the map"),
        (30.0, "the map over 1000 times as likely as its inverse"),
    ],
)
def test_odds_of_the_prior_are_told_in_words(odds, told):
    assert told in hand_with_prior(nothing_decides("no template fits"), said(odds)).evidence


def test_the_prior_adds_to_the_odds_of_templates():
    templates = HandDecision("same", "fitted", 5.0, "templates")
    agreed = hand_with_prior(templates, said(SURE))
    assert (agreed.hand, agreed.source, agreed.score) == ("same", "templates", 5.0 + SURE)
    assert hand_with_prior(templates, said(-5.0)).hand is None
    assert hand_with_prior(replace(templates, score=1.0), said(-SURE)).hand == "other"
