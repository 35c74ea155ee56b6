"""What the record says of the choices of a run: the hand, and the network that was asked."""

from rephase.io.checksums import sha256_of
from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.network_choice import ChosenNetwork
from rephase.report.results import Hand, NetworkUsed


def hand_record(kept: KeptHand) -> Hand:
    """Say which hand was kept, and what decided it."""
    inverted = "; the phases were inverted" if kept.inverted else ""
    return Hand(
        status="undecided" if kept.decision.hand is None else "decided",
        decided_by=f"{kept.decision.evidence}{inverted}",
    )


def network_record(network: ChosenNetwork) -> NetworkUsed:
    """Say which network was asked."""
    return NetworkUsed(
        name=network.name,
        sha256=sha256_of(network.path),
        examples=network.trained.record.examples,
        outside_range=network.outside,
    )
