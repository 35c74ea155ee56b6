"""Learning rates are those of the papers, and of torch where torch has them."""

from itertools import pairwise

import pytest
import torch

from rephase.train.schedules import ConstantRate, ExponentialDecay, OneCycle


def test_rate_of_the_first_patterson_u_net_falls_by_0_86_for_12_epochs_and_by_0_9991_afterwards() -> None:
    schedule = ExponentialDecay(first=0.86, first_epochs=12, then=0.9991)
    rates = [schedule.factor(0, 1, epoch) for epoch in range(1000)]
    ratios = [after / before for before, after in pairwise(rates)]
    assert rates[0] == 1.0
    assert ratios[:12] == pytest.approx([0.86] * 12)
    assert ratios[12:] == pytest.approx([0.9991] * 987)


def test_exponential_rate_is_constant_within_an_epoch() -> None:
    schedule = ExponentialDecay()
    assert schedule.factor(7, 9, 3.0) == schedule.factor(8, 9, 3.99)


@pytest.mark.parametrize(("steps", "rise"), [(100, 0.3), (1000, 0.1), (11, 0.5)])
def test_one_cycle_is_that_of_torch(steps: int, rise: float) -> None:
    schedule = OneCycle(start=0.36, end=0.01, rise=rise)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.4e-3)
    other = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=1.4e-3,
        total_steps=steps,
        pct_start=rise,
        div_factor=1.0 / 0.36,
        final_div_factor=0.36 / 0.01,
        cycle_momentum=False,
    )
    for step in range(steps):
        assert 1.4e-3 * schedule.factor(step, steps, 0.0) == pytest.approx(other.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        if step + 1 < steps:
            other.step()


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("rise", [0.0, 0.3, 0.9])
def test_one_cycle_of_a_few_steps_stays_between_its_ends_and_its_peak(steps: int, rise: float) -> None:
    schedule = OneCycle(start=0.1, end=0.01, rise=rise)
    assert all(0.01 <= schedule.factor(step, steps, 0.0) <= 1.0 for step in range(steps))


def test_constant_rate_is_constant() -> None:
    assert {ConstantRate().factor(step, 10, step / 3) for step in range(10)} == {1.0}
