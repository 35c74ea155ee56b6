"""The learning-rate finder reads the right rate off a curve."""

import numpy as np
import pytest

from rephase.errors import UserError
from rephase.train.learning_rate_finder import search_of


def test_suggestion_lies_between_the_steepest_fall_and_a_tenth_of_the_rate_with_the_least_loss() -> None:
    rates = np.geomspace(1e-6, 1.0, 300)
    fall = 1.0 / (1.0 + (rates / 1e-3) ** 2)  # steepest against log(rate) at 1e-3
    rise = (rates / 0.3) ** 4
    found = search_of(rates.tolist(), (fall + rise).tolist())
    assert found.steepest == pytest.approx(1e-3, rel=1.5)  # the running mean lags behind
    least = found.rates[int(np.argmin(found.losses))]
    assert found.highest == pytest.approx(least / 10.0)
    assert found.suggested == pytest.approx((found.steepest * found.highest) ** 0.5)
    assert found.steepest < found.suggested < found.highest


def test_suggestion_stays_below_a_tenth_of_the_least_loss_where_the_fall_is_steeper_later() -> None:
    rates = np.geomspace(1e-6, 1.0, 300)
    losses = np.where(rates < 1e-2, 1.0, np.where(rates < 2e-2, 0.1, 3.0))
    found = search_of(rates.tolist(), losses.tolist())
    assert found.steepest > found.highest == found.suggested


def test_a_loss_that_only_rises_suggests_the_lowest_rates() -> None:
    rates = np.geomspace(1e-6, 1.0, 100)
    found = search_of(rates.tolist(), (1.0 + rates).tolist())
    assert found.suggested <= 1e-6


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(UserError, match="after 3 steps"):
        search_of([1e-6, 1e-5, 1e-4], [1.0, 2.0, 3.0])
