"""Recycling: what the network is given in every pass, and where gradients flow."""

import pytest
import torch
from stream_examples import batch
from torch import Tensor, nn

from rephase.data.stream.map_batches import maps_of
from rephase.data.stream.stream_config import StreamConfig
from rephase.errors import UserError
from rephase.models.build import build_model
from rephase.models.config import UNetConfig
from rephase.models.network import DensityNetwork
from rephase.models.network_input import NetworkInput, network_input
from rephase.models.recycling import predicted_density, recycled


class Recorder(DensityNetwork):
    """Adds its channels with a weight, and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(in_channels=2)
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.seen: list[tuple[Tensor, bool]] = []

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        self.seen.append((maps.detach(), torch.is_grad_enabled()))
        return maps[:, 0] + self.weight * maps[:, 1]


def data() -> NetworkInput:
    return network_input(maps_of(batch(StreamConfig(d_min=(2.0, 2.0)))))


@pytest.mark.parametrize("passes", [0, 1, 3])
def test_every_pass_gets_the_last_density_with_the_measured_amplitudes(passes: int) -> None:
    network, measured = Recorder(), data()
    last = predicted_density(network, measured, passes)
    assert len(network.seen) == passes + 1
    assert all(torch.equal(maps[:, 0], measured.patterson) for maps, _ in network.seen)
    assert float(network.seen[0][0][:, 1].abs().max()) == 0.0
    densities = [maps[:, 0] + 0.5 * maps[:, 1] for maps, _ in network.seen]
    for before, (maps, _) in zip(densities, network.seen[1:], strict=False):
        torch.testing.assert_close(maps[:, 1], recycled(before, measured))
    torch.testing.assert_close(last, densities[-1])


def test_gradients_flow_through_the_last_pass_alone() -> None:
    network, measured = Recorder(), data()
    predicted_density(network, measured, 2).sum().backward()
    assert [with_gradient for _, with_gradient in network.seen] == [False, False, True]
    torch.testing.assert_close(network.weight.grad, network.seen[-1][0][:, 1].sum())


def test_the_second_channel_has_the_range_of_the_targets() -> None:
    measured = data()
    low, high = recycled(torch.randn(measured.patterson.shape), measured).flatten(1).aminmax(dim=1)
    torch.testing.assert_close(low, -torch.ones_like(low))
    torch.testing.assert_close(high, torch.ones_like(high))


def test_a_network_without_a_second_channel_takes_no_passes() -> None:
    measured = data()
    network = build_model(UNetConfig(outer=2, inner=2, blocks=1)).eval()
    expected = network(measured.patterson[:, None], measured.cell, measured.d_min)
    assert torch.equal(predicted_density(network, measured), expected)
    with pytest.raises(UserError, match="recycling"):
        predicted_density(network, measured, 1)
