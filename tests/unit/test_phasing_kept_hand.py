"""The hand that is kept: the right one of a network, the likelier one first where it is not sure."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from network_crystals import dipeptide, measured, record

from rephase.evaluate.alignment import align
from rephase.models.build import build_model
from rephase.models.trained import TrainedNetwork
from rephase.phasing import kept_hand
from rephase.phasing.hand import HandDecision
from rephase.phasing.kept_hand import KeptHand, keep_hand
from rephase.phasing.phase import Solution, phase
from rephase.phasing.prepare import PreparedData


@pytest.fixture(scope="module")
def crystal(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedData, Solution]:
    """A crystal solved from the predictions of a network that knows nothing."""
    prepared = measured(dipeptide(cell=(12.0, 12.0, 12.0, 90.0, 90.0, 90.0)), tmp_path_factory.mktemp("data"))
    network = TrainedNetwork(build_model(record().network).eval(), record())
    solution = phase(prepared, seed=0, device=torch.device("cpu"), time_limit=20.0, network=network)
    return prepared, solution


def kept(crystal, decision: HandDecision, monkeypatch: pytest.MonkeyPatch, **changed) -> KeptHand:
    prepared, solution = crystal
    monkeypatch.setattr(kept_hand, "hand_by_network", lambda *_: decision)
    return keep_hand(prepared, replace(solution, **changed), seed=0)


def hand_of(crystal, phi: np.ndarray) -> str:
    """Hand of phases with respect to the solution."""
    prepared, solution = crystal
    data = prepared.reflections
    return align(data.hkl, data.f, solution.phi, data.f, phi, data.spacegroup).hand


def test_the_crystal_is_solved_and_the_search_began_at_the_prediction(crystal) -> None:
    _, solution = crystal
    assert solution.judgement.word == "solved"
    assert solution.starts[0].recipe == "envelope from the prediction of the given network"
    assert solution.predictions is not None


@pytest.mark.parametrize("hand", ["same", "other"])
def test_a_network_that_is_sure_leaves_one_hand(crystal, hand, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept(crystal, HandDecision(hand, "seen", 5.0, "network"), monkeypatch)
    assert found.other is None
    assert hand_of(crystal, found.phi) == hand
    assert found.inverted == (hand == "other")


@pytest.mark.parametrize(("score", "hand"), [(1.0, "same"), (-1.0, "other")])
def test_the_likelier_hand_comes_first_where_a_network_is_not_sure(
    crystal, score, hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = kept(crystal, HandDecision(None, "hardly seen", score, "network"), monkeypatch)
    assert found.other is not None
    assert hand_of(crystal, found.phi) == hand
    assert hand_of(crystal, found.other) != hand


def test_outside_its_range_a_network_is_not_asked_for_the_hand(
    crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, solution = crystal
    templates = HandDecision("same", "fitted", 9.0, "templates")
    monkeypatch.setattr(kept_hand, "decide_hand", lambda *_, **__: templates)
    foreign = replace(solution.predictions, outside=("cell edge",))
    other = HandDecision("other", "seen", -9.0, "network")
    assert kept(crystal, other, monkeypatch, predictions=foreign).decision is templates
    assert kept(crystal, other, monkeypatch, predictions=None).decision is templates
    assert kept(crystal, other, monkeypatch).decision is other


def test_without_a_solution_there_is_no_hand(crystal, monkeypatch: pytest.MonkeyPatch) -> None:
    _, solution = crystal
    failed = replace(solution.judgement, word="not solved")
    found = kept(crystal, HandDecision("same", "seen", 9.0, "network"), monkeypatch, judgement=failed)
    assert (found.decision.hand, found.other) == (None, None)
    assert found.phi is solution.phi
