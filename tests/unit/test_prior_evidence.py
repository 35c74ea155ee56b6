"""What the prior says of a solution: how well it restores it, in which hand."""

from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import oracle, projection_of, untrained

from rephase.phasing.evidence import solvent_contrast
from rephase.phasing.hand import HandDecision, nothing_decides
from rephase.phasing.prior_evidence import PriorEvidence, Restoration, prior_evidence
from rephase.phasing.prior_hand import hand_figures, hand_with_prior, prior_log_odds

LEFT = PriorEvidence(0.9, same=Restoration(0.8, 0.7), other=Restoration(0.4, 0.4))
RIGHT = PriorEvidence(0.9, same=LEFT.other, other=LEFT.same)
NEITHER = PriorEvidence(0.9, same=LEFT.same, other=LEFT.same)


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=5, d_min=1.2)


@pytest.fixture(scope="module")
def problem(crystal):
    return problem_of(crystal)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_hand_that_the_prior_knows_is_restored(crystal, problem, sign):
    true = true_phases(crystal, problem.grid)
    said = prior_evidence(
        projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.8)), sign * true
    )
    known, mirrored = (said.same, said.other) if sign > 0 else (said.other, said.same)
    assert known.agreement == pytest.approx(1.0, abs=1e-3)
    assert known.merit == pytest.approx(0.8, abs=1e-3)
    assert mirrored.agreement < 0.5
    assert said.restored == pytest.approx(1.0, abs=1e-3)
    assert np.sign(prior_log_odds(said)) == sign


def test_agreement_is_that_of_the_undamaged_map(crystal, problem):
    true = true_phases(crystal, problem.grid)
    projection = projection_of(crystal, problem.grid, oracle(problem.grid, true, share=0.8))
    assert prior_evidence(projection, true).agreement == pytest.approx(0.8, abs=1e-3)


def test_the_odds_of_a_map_and_its_inverse_are_each_other_s_inverse(crystal, problem):
    """The damage is drawn for the map as it is given, so that only its mean is the same for both."""
    projection = projection_of(crystal, problem.grid, untrained())
    centrosymmetric = np.zeros(len(problem.full))
    agreement, merit = hand_figures(prior_evidence(projection, centrosymmetric))
    assert agreement == pytest.approx(0.0, abs=0.05)
    assert merit == pytest.approx(0.0, abs=0.05)
    assert prior_log_odds(LEFT) == -prior_log_odds(RIGHT) > 0.0


def test_the_same_phases_get_the_same_evidence(crystal, problem):
    projection = projection_of(crystal, problem.grid, untrained())
    phi = true_phases(crystal, problem.grid)
    assert prior_evidence(projection, phi) == prior_evidence(projection, phi)


def test_the_prior_decides_where_nothing_else_does():
    assert hand_with_prior(nothing_decides("no template fits"), LEFT).hand == "same"
    decision = hand_with_prior(nothing_decides("no template fits"), RIGHT)
    assert (decision.hand, decision.source) == ("other", "prior")
    assert "no template fits" in decision.evidence
    assert hand_with_prior(nothing_decides("no template fits"), NEITHER).hand is None


def test_the_prior_adds_to_the_odds_of_templates():
    templates = HandDecision("same", "fitted", 5.0, "templates")
    assert hand_with_prior(templates, NEITHER) == replace(
        templates, evidence=hand_with_prior(templates, NEITHER).evidence
    )
    assert hand_with_prior(templates, LEFT).score > templates.score > hand_with_prior(templates, RIGHT).score


def test_flat_solvent_gives_contrast():
    """Six atoms in a large cell, against random phases with the same amplitudes."""
    crystal = truth("P 1", atoms=6, d_min=1.4, scale=1.5)
    problem = problem_of(crystal)
    true = true_phases(crystal, problem.grid)
    noise = np.random.default_rng(0).uniform(-np.pi, np.pi, len(true))
    right, wrong = (solvent_contrast(problem.grid, problem.full, phi) for phi in (true, noise))
    assert right > 1.3 * wrong
