"""The fit of the probability: right constants from many answers, and none from the entry that is judged."""

import numpy as np
import pytest

import confidence
from confidence import cross_validated, fitted, in_turn, log_loss, of_weights
from confidence_crystals import Subject


def test_the_constants_behind_many_answers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confidence, "PENALTY", 0.0)
    rng = np.random.default_rng(0)
    figures = rng.normal(size=(20000, 2)) * [1.0, 0.1]
    chance = 1.0 / (1.0 + np.exp(0.7 - figures @ [1.5, 8.0]))
    constant, *weights = fitted(figures, rng.random(len(chance)) < chance)
    assert constant == pytest.approx(-0.7, abs=0.15)
    assert weights == pytest.approx([1.5, 8.0], rel=0.1)


def test_no_weight_is_negative() -> None:
    figures = np.random.default_rng(0).normal(size=(500, 2))
    weights = fitted(figures, figures @ [1.0, -1.0] > 0.0)[1:]
    assert weights[0] > 0.5
    assert weights[1] == 0.0


def test_an_entry_is_judged_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an entry whose answers have figures of the wrong sign, the others know nothing."""
    seen: list[int] = []

    def count(figures: np.ndarray, right: np.ndarray) -> np.ndarray:
        seen.append(len(right))
        return np.zeros(2)

    monkeypatch.setattr(confidence, "fitted", count)
    records = [
        {"entry": entry, "right": bool(k % 2), "figures": {"starts": 0.0}}
        for entry, n in (("1AAA", 3), ("2BBB", 5))
        for k in range(n)
    ]
    np.testing.assert_allclose(cross_validated(records, ("starts",)), 0.5)
    assert seen == [5, 3]


def test_log_loss_is_zero_for_certain_truth() -> None:
    assert log_loss(np.array([1.0, 0.0]), np.array([True, False])) == pytest.approx(0.0)
    assert log_loss(np.array([0.5, 0.5]), np.array([True, False])) == pytest.approx(np.log(2.0))


def test_crystals_of_all_kinds_take_turns() -> None:
    def some(kind: str, count: int) -> list[Subject]:
        return [Subject(kind, f"{kind}{k}", kind, k, make=lambda: None) for k in range(count)]

    order = [one.id for one in in_turn({"a": some("a", 2), "b": some("b", 1)})]
    assert order == ["a0", "b0", "a1"]


def test_answers_by_other_weights_are_made_anew() -> None:
    records = [{"prior": prior, "sum": digest} for prior in ("a", "b") for digest in ("1", "2")]
    assert of_weights(records, {"a": "1"}) == [{"prior": "a", "sum": "1"}]
