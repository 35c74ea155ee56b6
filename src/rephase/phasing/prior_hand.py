"""The hand of a solution with the help of the density prior, which has learnt how L residues look."""

from rephase.phasing.hand import HandDecision, hand_of_score
from rephase.phasing.prior_evidence import PriorEvidence


def hand_with_prior(found: HandDecision, evidence: PriorEvidence) -> HandDecision:
    """Add the odds of the prior's judge to those of another decision about the same phases.

    The templates behind the other decision are fitted to Cα positions, the judge looks at what is round every
    atom: their errors are taken for independent.
    """
    score = found.score + evidence.log_odds
    hand = hand_of_score(score)
    said = f"the density prior finds odds of e^{evidence.log_odds:.1f} for this hand"
    source = found.source if hand is not None and hand == found.hand else "prior"
    return HandDecision(hand, f"{found.evidence}; {said}", score, source)
