"""The hand of a solution by a network that learnt how L-peptides look.

Its judge is shown the map and tells it from its mirror image; the odds are right as they are (LOG.md). A
network without a judge predicts one hand, as far as it can, and its prediction agrees better with that one;
beside a judge this is no further witness, since the hand of the prediction was chosen by the same judge.
"""

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from rephase.evaluate.alignment import align
from rephase.models.recycling import odds_of_hand
from rephase.phasing.hand import HandDecision, hand_of_score
from rephase.phasing.predictions import Predictions
from rephase.physics.density import density_from_structure_factors
from rephase.physics.reflection_grid import grid_index, hkl_to_grid

FloatArray = NDArray[np.float64]

ODDS_OF_AGREEMENT = 5.0
"""Log-odds for a difference of 1 between the map correlations of the two hands with a prediction: cautious;
the difference stays below 0.5, and so decides nothing alone."""


@torch.no_grad()
def hand_by_network(
    predictions: Predictions, hkl: NDArray[np.int32], f: FloatArray, phi: FloatArray
) -> HandDecision:
    """Decide the hand of phased reflections of one hemisphere in P1, of the primitive cell.

    Parameters
    ----------
    predictions
        Of the network for this crystal.
    hkl
        Miller indices of one of each Friedel pair, shape ``(n, 3)``.
    f, phi
        Amplitudes, any scale, and phases in radians at any origin, shape ``(n,)``.

    Returns
    -------
    The decision; its score is the likelier hand's even where it decides nothing.
    """
    odds = _odds_of_judge(predictions, hkl, f, phi)
    if odds is not None:
        score, evidence = odds, f"log-odds of its judge {odds:+.1f}"
    else:
        difference = _agreement(predictions, hkl, f, phi)
        score, evidence = ODDS_OF_AGREEMENT * difference, f"agreement with its prediction {difference:+.2f}"
    hand = hand_of_score(score)
    words = {
        "same": "finds the map likelier than its inverse",
        "other": "finds the inverse likelier than the map",
        None: "cannot tell the map from its inverse",
    }
    return HandDecision(
        hand,
        f"{predictions.name}, which knows L-peptides alone, {words[hand]} ({evidence})",
        score,
        "network",
    )


def _agreement(predictions: Predictions, hkl: NDArray[np.int32], f: FloatArray, phi: FloatArray) -> float:
    """Correlation of the mean prediction with the map minus that with its inverse, at the best origins."""
    F = predictions.structure_factors(hkl)
    norm = np.sqrt((np.abs(F) ** 2).sum(axis=1, keepdims=True))
    mean = np.divide(F, norm, out=np.zeros_like(F), where=norm > 0.0).mean(axis=0)
    fits = align(hkl, np.abs(mean), np.angle(mean), f, phi, gemmi.SpaceGroup("P 1")).fits
    score = {fit.hand: fit.score for fit in fits}
    return score["same"] - score["other"]


def _odds_of_judge(
    predictions: Predictions, hkl: NDArray[np.int32], f: FloatArray, phi: FloatArray
) -> float | None:
    """Log-odds of the network's judge for the map with its measured amplitudes; None without a judge."""
    judge, data = predictions.trained.network.judge, predictions.data
    if judge is None:
        return None
    nu, nv, nw = predictions.maps.shape[1:]
    shown = np.all(2 * np.abs(hkl) < np.array([nu, nv, nw]), axis=1)
    index = grid_index(torch.from_numpy(hkl[shown]).to(data.cell.device), (nu, nv, nw))
    F = torch.from_numpy((f * np.exp(1j * phi))[shown].astype(np.complex64)).to(data.cell.device)
    density = density_from_structure_factors(hkl_to_grid(F, index)[None], 1.0, (nu, nv, nw))
    return float(odds_of_hand(judge, density, data)[0])
