"""What the density prior says of a solution: whether it is right, and of which hand.

The prior hardly changes a good map, and restores it when it has been damaged on purpose; a wrong one it leads
elsewhere. Both hands are alike to it; its judge tells them apart.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rephase.phasing.prior_projection import PriorProjection

FloatArray = NDArray[np.float64]

DAMAGE = 1.4
"""Radians; standard deviation of the errors put on the phases, 60° on average: of more, maps of tight cells
are not restored (LOG.md)."""

DRAWS, PASSES = 8, 3
_POINTS = 100_000  # grid points of all damaged maps together, so that large cells take seconds too


@dataclass(frozen=True)
class PriorEvidence:
    """What the density prior says of a solution.

    Attributes
    ----------
    agreement
        Σ A|P| cos Δφ / Σ A² of its prediction P and the solution that it is shown.
    restored
        Mean of Σ A² cos Δφ / Σ A² of its predictions from damaged maps and the solution.
    log_odds
        Natural logarithm of the odds for the hand of the solution, by the judge of the prior.
    """

    agreement: float
    restored: float
    log_odds: float


def prior_evidence(projection: PriorProjection, phi: FloatArray) -> PriorEvidence:
    """Ask the prior about phases at the rows of the expansion, radians, shape ``(m,)``, at any origin."""
    in_p1 = replace(projection, symmetric=False)  # symmetry would restore a part by itself
    amplitude, power = projection.amplitude, (projection.amplitude**2).sum()
    shown = in_p1.step(in_p1.start(phi[None]))
    agreement = np.real(in_p1.predicted(shown)[0] * np.exp(-1j * phi)) @ amplitude / power
    restored = np.cos(_restored_phases(in_p1, phi) - phi) @ amplitude**2 / power
    return PriorEvidence(float(agreement), float(restored.mean()), in_p1.odds_of_hand(shown))


def _restored_phases(projection: PriorProjection, phi: FloatArray) -> FloatArray:
    """Damage phases in a few ways and let the prior restore them, shape ``(draws, m)``."""
    draws = int(np.clip(_POINTS // np.prod(projection.grid.shape), 1, DRAWS))
    damage = DAMAGE * np.random.default_rng(0).normal(size=(draws, len(phi)))
    states = projection.start(phi + damage)
    for _ in range(PASSES):
        states = projection.step(states)
    return np.angle(projection.predicted(states))
