"""The hand of a solution by the density prior, which knows L residues alone.

The prior is shown the map and its inverse, and predicts from each the density that it most likely stands for:
that of the right hand it hardly changes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rephase.phasing.hand import HandDecision, hand_of_score
from rephase.phasing.prior_projection import PriorProjection

FloatArray = NDArray[np.float64]

LOG_ODDS = 60.0
"""Per unit of the difference between the agreements of the two hands (benchmarks/confidence.py)."""


def hand_by_prior(projection: PriorProjection, phi: FloatArray) -> HandDecision:
    """Decide the hand of phases at the rows of the expansion, radians, shape ``(m,)``, at any origin."""
    same, other, _ = agreement_of_hands(projection, phi)
    score = LOG_ODDS * (same - other)
    hand = hand_of_score(score)
    words = {
        "same": "finds the map likelier than its inverse",
        "other": "finds the inverse likelier than the map",
        None: "cannot tell the map from its inverse",
    }
    evidence = f"the density prior {words[hand]} (agreement {same:.2f} and {other:.2f})"
    return HandDecision(hand, evidence, score, "prior")


def agreement_of_hands(projection: PriorProjection, phi: FloatArray) -> tuple[float, float, float]:
    """Agreement Σ A|P| cos Δφ / Σ A² of a map with the prediction P from it, and of its inverse.

    Parameters
    ----------
    projection
        The prior at work on all reflections.
    phi
        At the rows of the expansion, radians, shape ``(m,)``.

    Returns
    -------
    Both agreements, and the larger mean figure of merit Σ A|P| / Σ A².
    """
    shown = np.stack([phi, -phi])
    in_p1 = replace(projection, symmetric=False)  # the inverse may belong to another space group
    predicted = in_p1.predicted(in_p1.step(in_p1.start(shown)))
    power = (projection.amplitude**2).sum()
    same, other = np.real(predicted * np.exp(-1j * shown)) @ projection.amplitude / power
    merit = (np.abs(predicted) @ projection.amplitude).max() / power
    return float(same), float(other), float(merit)
