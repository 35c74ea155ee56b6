"""What the density prior says of a solution: whether it is right, and of which hand.

The prior hardly changes a good map; a wrong one it leads elsewhere. Both hands are alike to it; its judge
tells them apart.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rephase.phasing.prior_projection import PriorProjection

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PriorEvidence:
    """What the density prior says of a solution.

    Attributes
    ----------
    agreement
        Σ A|P| cos Δφ / Σ A² of its prediction P and the solution that it is shown.
    log_odds
        Natural logarithm of the odds for the hand of the solution, by the judge of the prior.
    """

    agreement: float
    log_odds: float


def prior_evidence(projection: PriorProjection, phi: FloatArray) -> PriorEvidence:
    """Ask the prior about phases at the rows of the expansion, radians, shape ``(m,)``, at any origin."""
    in_p1 = replace(projection, symmetric=False)  # symmetry would restore a part by itself
    amplitude, power = projection.amplitude, (projection.amplitude**2).sum()
    shown = in_p1.step(in_p1.start(phi[None]))
    agreement = np.real(in_p1.predicted(shown)[0] * np.exp(-1j * phi)) @ amplitude / power
    return PriorEvidence(float(agreement), in_p1.odds_of_hand(shown))
