"""Running means, moving averages and the state of optimisers."""

import pytest
import torch
from torch import nn

from rephase.errors import UserError
from rephase.train.averaging import average_of, update_average
from rephase.train.optimisers import (
    OptimiserConfig,
    build_optimiser,
    optimiser_tensors,
    restore_optimiser,
    set_rate,
)
from rephase.train.ranks import Ranks
from rephase.train.running_statistics import RunningStatistics


def network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2), nn.ReLU(), nn.Conv3d(2, 1, 1))


def norm_of(model: nn.Sequential) -> nn.BatchNorm3d:
    assert isinstance(model[1], nn.BatchNorm3d)
    return model[1]


def train_a_step(model: nn.Sequential, optimiser: torch.optim.Optimizer, seed: int) -> None:
    inputs = torch.randn(4, 1, 3, 3, 3, generator=torch.Generator().manual_seed(seed))
    (model(inputs) - inputs.sign()).square().mean().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad()


def test_running_means_move_once_by_the_mean_over_the_batches_of_a_step_in_any_order() -> None:
    batches = torch.randn(3, 4, 1, 3, 3, 3)
    moved = []
    for order in ([0, 1, 2], [2, 0, 1]):
        model = network()
        statistics = RunningStatistics(model)
        for number in order:
            with statistics.of_a_batch():
                model(batches[number])
        statistics.keep(3, Ranks())
        moved.append(norm_of(model).running_mean)
        assert norm_of(model).num_batches_tracked == 1
    means = [network()[0](batch).mean((0, 2, 3, 4)) for batch in batches]
    expected = 0.1 * torch.stack(means).mean(0)  # from 0, with the momentum of batch normalisation
    for values in moved:
        torch.testing.assert_close(values, expected)


def test_running_means_of_a_step_that_is_passed_over_stay() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    statistics = RunningStatistics(model)
    with statistics.of_a_batch():
        model(torch.full((1, 1, 2, 2, 2), torch.nan))
    statistics.undo()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_average_forgets_the_start_and_then_decays_as_told() -> None:
    model = network()
    average = average_of(model)
    nn.init.constant_(model[0].weight, 5.0)
    update_average(average, model, decay=0.9, step=1)
    first = average[0].weight.clone()  # type: ignore[index]
    start = network()[0].weight
    torch.testing.assert_close(first, 5.0 + (start - 5.0) * 2.0 / 11.0)
    update_average(average, model, decay=0.9, step=1000)
    torch.testing.assert_close(average[0].weight, 5.0 + (first - 5.0) * 0.9)  # type: ignore[index]


def test_average_has_the_running_means_of_the_network_and_no_gradient() -> None:
    model = network()
    average = average_of(model)
    model(torch.randn(4, 1, 3, 3, 3))
    update_average(average, model, decay=0.9, step=1)
    assert torch.equal(norm_of(average).running_mean, norm_of(model).running_mean)  # type: ignore[arg-type]
    assert not average.training
    assert not any(weight.requires_grad for weight in average.parameters())


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_restored_optimiser_goes_on_bit_by_bit(kind: str) -> None:
    config = OptimiserConfig.model_validate({"kind": kind, "rate": 0.1})
    first = network()
    optimiser = build_optimiser(config, first)
    for seed in range(3):
        train_a_step(first, optimiser, seed)
    second = network()
    second.load_state_dict(first.state_dict())
    other = build_optimiser(config, second)
    tensors = {name: value.clone() for name, value in optimiser_tensors(optimiser, first).items()}
    restore_optimiser(other, second, tensors)
    for model, steps in ((first, optimiser), (second, other)):
        set_rate(steps, 0.05)
        train_a_step(model, steps, 7)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("name", ["9.weight:exp_avg", "0.weight:exp_avg", "nothing"])
def test_state_of_another_network_is_refused(name: str) -> None:
    model = network()
    optimiser = build_optimiser(OptimiserConfig(), model)
    with pytest.raises(UserError, match="of another"):
        restore_optimiser(optimiser, model, {name: torch.zeros(3, 3)})


def test_weight_decay_with_adam_is_refused() -> None:
    with pytest.raises(ValueError, match="adamw"):
        OptimiserConfig(kind="adam", weight_decay=0.1)
