"""A network tells the hand: by its judge or its prediction, whatever the origin, and never both ways."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from network_crystals import dipeptide, record, simulated
from torch import Tensor, nn

from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.data.stream.map_batches import MapOptions, maps_of
from rephase.data.stream.stream_config import RateGrid
from rephase.models.build import build_model
from rephase.models.mirror import mirrored
from rephase.models.network_input import network_input
from rephase.models.trained import TrainedNetwork
from rephase.phasing.hand_network import ODDS_OF_AGREEMENT, hand_by_network
from rephase.phasing.predictions import Predictions
from rephase.physics.density import zoom_map

MODEL = dipeptide()
HKL = unique_reflections(MODEL, 1.5)
F = structure_factors(MODEL, HKL)


class KnowsTheAnswer(nn.Module):
    """Compares a density with the true one, at any origin."""

    def __init__(self, truth: Tensor, odds: float) -> None:
        super().__init__()
        self.truth, self.odds = truth, odds

    def forward(self, density: Tensor, cell: Tensor) -> Tensor:
        agreement = [self._highest(one) for one in (density, mirrored(density))]
        return self.odds * torch.sign(agreement[0] - agreement[1])

    def _highest(self, density: Tensor) -> Tensor:
        truth = zoom_map(self.truth, density.shape[1:])
        overlap = torch.fft.rfftn(density, dim=(1, 2, 3)) * torch.fft.rfftn(truth, dim=(1, 2, 3)).conj()
        return torch.fft.irfftn(overlap, s=density.shape[1:], dim=(1, 2, 3)).flatten(1).amax(1)


def predictions(odds: float | None) -> Predictions:
    maps = maps_of(simulated(MODEL, RateGrid()), MapOptions())
    network = build_model(record().network).eval()
    network.judge = KnowsTheAnswer(maps.density.values, odds) if odds is not None else None
    trained = TrainedNetwork(network, record(name="dipeptide"))
    return Predictions(trained, network_input(maps), maps.density.values, ())


def phases(hand: str, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    phi = np.angle(F) if hand == "same" else -np.angle(F)
    return phi + 2.0 * np.pi * (HKL @ np.array(shift))


@pytest.mark.parametrize("hand", ["same", "other"])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.25, 0.5, 0.125)])
def test_the_judge_tells_the_hand_at_any_origin(hand: str, shift) -> None:
    found = hand_by_network(predictions(8.0), HKL, np.abs(F), phases(hand, shift))
    assert found.hand == hand
    assert found.source == "network"
    assert "dipeptide" in found.evidence


@pytest.mark.parametrize("odds", [None, 1.0, 8.0])
def test_the_inverse_has_the_opposite_score(odds: float | None) -> None:
    same, other = (
        hand_by_network(predictions(odds), HKL, np.abs(F), phases(hand)) for hand in ("same", "other")
    )
    assert same.score > 0.0
    assert same.score == pytest.approx(-other.score, rel=1e-6)


def test_without_a_judge_the_prediction_says_which_is_likelier_but_decides_nothing() -> None:
    found = hand_by_network(predictions(None), HKL, np.abs(F), phases("same"))
    assert found.hand is None
    assert 0.0 < found.score < ODDS_OF_AGREEMENT


def test_little_evidence_decides_nothing() -> None:
    found = hand_by_network(predictions(0.1), HKL, np.abs(F), phases("same"))
    assert found.hand is None
    assert "cannot tell" in found.evidence


def test_a_prediction_of_nothing_leaves_the_hand_open() -> None:
    knows = predictions(None)
    empty = replace(knows, maps=torch.zeros_like(knows.maps))
    assert hand_by_network(empty, HKL, np.abs(F), phases("same")).score == pytest.approx(0.0, abs=1e-9)


def test_reflections_beyond_the_grid_of_the_network_do_not_matter() -> None:
    sharp = unique_reflections(MODEL, 1.1)
    values = structure_factors(MODEL, sharp)
    found = hand_by_network(predictions(8.0), sharp, np.abs(values), np.angle(values))
    assert found.hand == "same"
