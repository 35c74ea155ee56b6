"""The hand of a solution with the help of the density prior, which has learnt how L residues look."""

import math

from rephase.phasing.hand import HandDecision, hand_of_score
from rephase.phasing.prior_evidence import PriorEvidence


def hand_with_prior(found: HandDecision, evidence: PriorEvidence) -> HandDecision:
    """Add the odds of the prior's judge to those of another decision about the same phases.

    The templates behind the other decision are fitted to Cα positions, the judge looks at what is round every
    atom: their errors are taken for independent.
    """
    score = found.score + evidence.log_odds
    hand = hand_of_score(score)
    said = f"the density prior finds {_in_words(evidence.log_odds)}"
    source = found.source if hand is not None and hand == found.hand else "prior"
    return HandDecision(hand, f"{found.evidence}; {said}", score, source)


_MOST_ODDS = 1000.0  # told; the judge was not calibrated for more


def _in_words(log_odds: float) -> str:
    """Say which of map and inverse is likelier, and how many times."""
    one, other = ("the map", "its inverse") if log_odds >= 0.0 else ("the inverse", "the map")
    if abs(log_odds) > math.log(_MOST_ODDS):
        times = f"over {_MOST_ODDS:.0f}"
    else:
        times = f"{math.exp(abs(log_odds)):.3g}"
    return f"{one} {times} times as likely as {other}"
