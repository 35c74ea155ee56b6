"""What the density prior says of a solution: whether it is right, and of which hand.

The prior hardly changes a good map. Damaged on purpose, and shown to it as it is and as its mirror image, a
right map is restored, and that of L residues sooner than the other.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rephase.models.prior_states import PriorStates
from rephase.phasing.prior_projection import PriorProjection

FloatArray = NDArray[np.float64]

DAMAGE = 1.4
"""Radians; standard deviation of the errors put on the phases, 60° on average: less tells the hands less
apart, more is not restored in tight cells."""

DRAWS = 8
PASSES = 3
_POINTS = 200_000  # grid points of all damaged maps together, so that large cells take seconds too


@dataclass(frozen=True)
class Restoration:
    """How well damaged maps of one hand are restored.

    Attributes
    ----------
    agreement
        Σ A² cos Δφ / Σ A² of the prediction and the undamaged map.
    merit
        Mean figure of merit of the prediction, Σ A|P| / Σ A².
    """

    agreement: float
    merit: float


@dataclass(frozen=True)
class PriorEvidence:
    """What the density prior says of a solution.

    Attributes
    ----------
    agreement
        Σ A|P| cos Δφ / Σ A² of its prediction from the undamaged map.
    log_odds
        Of the hand of the solution, by the judge of the prior.
    same, other
        How damaged maps are restored, in the hand of the solution and in the other one.
    """

    agreement: float
    log_odds: float
    same: Restoration
    other: Restoration

    @property
    def restored(self) -> float:
        """Agreement of the hand that is restored better."""
        return max(self.same.agreement, self.other.agreement)


def prior_evidence(projection: PriorProjection, phi: FloatArray) -> PriorEvidence:
    """Ask the prior about phases at the rows of the expansion, radians, shape ``(m,)``, at any origin."""
    in_p1 = replace(projection, symmetric=False)  # the inverse may belong to another space group
    draws = int(np.clip(_POINTS // np.prod(projection.grid.shape) // 2, 1, DRAWS))
    damage = DAMAGE * np.random.default_rng(0).normal(size=(draws, len(phi)))
    states = in_p1.start(np.concatenate([phi + damage, -(phi + damage)]))
    for _ in range(PASSES):
        states = in_p1.step(states)
    predicted = in_p1.predicted(states)
    same = _restoration(projection, predicted[:draws], phi)
    other = _restoration(projection, predicted[draws:], -phi)
    settled = in_p1.step(in_p1.start(phi[None]))
    return PriorEvidence(agreement_with_prior(in_p1, settled, phi), in_p1.odds_of_hand(settled), same, other)


def agreement_with_prior(projection: PriorProjection, settled: PriorStates, phi: FloatArray) -> float:
    """Σ A|P| cos Δφ / Σ A² of phases, radians, shape ``(m,)``, and the prediction P from them."""
    predicted, amplitude = projection.predicted(settled)[0], projection.amplitude
    return float(np.real(predicted * np.exp(-1j * phi)) @ amplitude / (amplitude**2).sum())


def _restoration(
    projection: PriorProjection, predicted: NDArray[np.complex128], phi: FloatArray
) -> Restoration:
    amplitude = projection.amplitude
    power = (amplitude**2).sum()
    agreement = np.cos(np.angle(predicted) - phi) @ amplitude**2 / power
    return Restoration(float(agreement.mean()), float((np.abs(predicted) @ amplitude).mean() / power))
