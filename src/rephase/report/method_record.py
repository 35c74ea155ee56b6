"""What the record says of the choices of a run: the hand, the network and the prior that were asked."""

import math

from rephase.io.checksums import sha256_of
from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.network_choice import ChosenNetwork
from rephase.phasing.prior_choice import ChosenPrior
from rephase.report.results import Hand, NetworkUsed, PriorUsed


def hand_record(kept: KeptHand) -> Hand:
    """Say which hand was kept, and what decided it."""
    inverted = "; the phases were inverted" if kept.inverted else ""
    return Hand(
        status="undecided" if kept.decision.hand is None else "decided",
        decided_by=f"{kept.decision.evidence}{inverted}",
        log_odds=kept.decision.score if math.isfinite(kept.decision.score) else None,
    )


def network_record(network: ChosenNetwork) -> NetworkUsed:
    """Say which network was asked."""
    return NetworkUsed(
        name=network.name,
        sha256=sha256_of(network.path),
        examples=network.trained.record.examples,
        outside_range=network.outside,
    )


def prior_record(prior: ChosenPrior) -> PriorUsed:
    """Say which density prior took part."""
    return PriorUsed(
        name=prior.name,
        sha256=sha256_of(prior.path),
        examples=prior.trained.record.examples,
        outside_range=prior.outside,
    )
