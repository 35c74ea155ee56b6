"""Intervals from resampled groups of examples."""

import numpy as np
import pytest

from rephase.evaluate.resampling import mean_interval, median_interval, part_interval, resampled_counts


def test_examples_of_a_group_are_drawn_together_and_as_many_groups_as_there_are() -> None:
    counts = resampled_counts(np.array(["a", "b", "a", "c"]), np.random.default_rng(0), 50)
    assert counts.shape == (50, 4)
    assert np.array_equal(counts[:, 0], counts[:, 2])
    assert np.all(counts[:, [0, 1, 3]].sum(axis=1) == 3)


def test_statistics_are_those_of_the_drawn_examples() -> None:
    values = np.array([3.0, 1.0, 2.0, 10.0])
    counts = np.array([[2, 0, 1, 3]])
    drawn = np.repeat(values, counts[0])
    assert mean_interval(values, counts) == pytest.approx((drawn.mean(),) * 2)
    assert median_interval(values, counts) == pytest.approx((np.median(drawn),) * 2)
    even = np.array([[1, 1, 1, 1]])
    assert median_interval(values, even) == pytest.approx((2.5, 2.5))


def test_interval_of_the_mean_has_the_width_of_the_standard_error() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=400)
    counts = resampled_counts(np.arange(400).astype(str), rng)
    low, high = mean_interval(values, counts)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert low < values.mean() < high


def test_groups_of_equal_examples_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    values = np.repeat(rng.normal(size=50), 8)
    groups = np.repeat(np.arange(50), 8).astype(str)
    apart = mean_interval(values, resampled_counts(np.arange(400).astype(str), rng))
    together = mean_interval(values, resampled_counts(groups, rng))
    assert together[1] - together[0] > 2.0 * (apart[1] - apart[0])


def test_one_group_has_an_interval_without_width() -> None:
    values = np.array([1.0, 2.0, 6.0])
    counts = resampled_counts(np.array(["a", "a", "a"]), np.random.default_rng(0), 10)
    assert mean_interval(values, counts) == (3.0, 3.0)
    assert median_interval(values, counts) == (2.0, 2.0)


def test_what_is_true_of_all_or_none_has_an_exact_interval_with_groups_as_witnesses() -> None:
    groups = np.array(["a", "a", "b", "c"])
    counts = resampled_counts(groups, np.random.default_rng(0))
    low, high = part_interval(np.full(4, True), groups, counts)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    low, high = part_interval(np.full(4, False), groups, counts)
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 3)))
    some = np.array([True, True, False, True])
    assert part_interval(some, groups, counts) == mean_interval(some.astype(float), counts)
