"""The hand of a solution with the help of the density prior, which has learnt how L residues look."""

from rephase.phasing.hand import HandDecision, hand_of_score
from rephase.phasing.prior_evidence import PriorEvidence

# Log-odds per unit of what one hand is restored better by: logistic regression on validation crystals
# (benchmarks/confidence.py).
_PER_AGREEMENT = 60.0
_PER_MERIT = 20.0


def hand_with_prior(found: HandDecision, evidence: PriorEvidence) -> HandDecision:
    """Add the odds of the prior to those of another decision about the same phases.

    The templates behind the other decision are fitted to the map itself, the prior restores damaged ones:
    their errors are taken for independent.
    """
    score = found.score + prior_log_odds(evidence)
    hand = hand_of_score(score)
    same, other = evidence.same.agreement, evidence.other.agreement
    said = f"the density prior restores the map to {same:.2f}, its inverse to {other:.2f}"
    source = found.source if hand is not None and hand == found.hand else "prior"
    return HandDecision(hand, f"{found.evidence}; {said}", score, source)


def prior_log_odds(evidence: PriorEvidence) -> float:
    """Logarithm of the odds for the hand of the solution, by the prior alone."""
    agreement, merit = hand_figures(evidence)
    return _PER_AGREEMENT * agreement + _PER_MERIT * merit


def hand_figures(evidence: PriorEvidence) -> tuple[float, float]:
    """By how much the hand of the solution is restored better: agreement and figure of merit."""
    same, other = evidence.same, evidence.other
    return same.agreement - other.agreement, same.merit - other.merit
