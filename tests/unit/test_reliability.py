"""Probabilities against what came true, and intervals of fractions."""

import numpy as np
import pytest
from scipy.stats import binomtest

from rephase.evaluate.reliability import auroc, reliability_table, wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (7, 20), (20, 20), (1, 1), (950, 1000)])
def test_the_interval_is_that_of_wilson(successes: int, trials: int) -> None:
    other = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((other.low, other.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2)])
def test_no_fraction_has_no_interval(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no fraction"):
        wilson_interval(successes, trials)


def test_auroc_counts_pairs_in_the_right_order() -> None:
    right = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.8, 0.2, 0.1]), right) == 1.0
    assert auroc(np.array([0.1, 0.2, 0.8, 0.9]), right) == 0.0
    assert auroc(np.array([0.9, 0.4, 0.5, 0.1]), right) == 0.75
    assert auroc(np.full(4, 0.5), right) == 0.5


def test_auroc_needs_both_outcomes() -> None:
    assert auroc(np.array([0.1, 0.9]), np.array([True, True])) is None


def test_every_example_falls_into_one_bin() -> None:
    probability = np.array([0.0, 0.1, 0.19, 0.5, 0.999, 1.0])
    right = np.array([False, True, False, True, True, True])
    table = reliability_table(probability, right)
    assert [one.count for one in table] == [1, 2, 0, 0, 0, 1, 0, 0, 0, 2]
    assert (table[1].stated, table[1].found) == (pytest.approx(0.145), 0.5)
    assert (table[2].stated, table[2].found) == (None, None)


def test_calibrated_probabilities_come_true_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random(20_000)
    table = reliability_table(probability, rng.random(20_000) < probability, bins=5)
    assert [one.found for one in table] == pytest.approx([one.stated for one in table], abs=0.03)
