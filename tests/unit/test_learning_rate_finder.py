"""The learning-rate finder reads the right rate off a curve."""

import numpy as np
import pytest

from rephase.errors import UserError
from rephase.train.learning_rate_finder import search_of


def test_steepest_rate_is_where_the_loss_falls_fastest_and_the_suggestion_is_well_before_the_least() -> None:
    rates = np.geomspace(1e-6, 1.0, 300)
    fall = 1.0 / (1.0 + (rates / 1e-3) ** 2)  # steepest against log(rate) at 1e-3
    rise = (rates / 0.3) ** 4
    found = search_of(rates.tolist(), (fall + rise).tolist())
    assert found.steepest == pytest.approx(1e-3, rel=1.5)  # the running mean lags behind
    least = found.rates[int(np.argmin(found.losses))]
    assert found.suggested <= least / 10.0


def test_a_loss_that_only_rises_suggests_the_lowest_rates() -> None:
    rates = np.geomspace(1e-6, 1.0, 100)
    found = search_of(rates.tolist(), (1.0 + rates).tolist())
    assert found.suggested <= 1e-6


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(UserError, match="after 3 steps"):
        search_of([1e-6, 1e-5, 1e-4], [1.0, 2.0, 3.0])
