"""Amplitudes put back: exactly where measured, phases untouched, and only the phases of a density matter."""

from dataclasses import replace

import pytest
import torch
from stream_examples import batch
from torch import Tensor

from rephase.data.stream.map_batches import MapBatch, MapOptions, maps_of
from rephase.data.stream.stream_config import Measurement, StreamConfig
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.network_input import NetworkInput, network_input
from rephase.physics.cells import cell_volume
from rephase.physics.density import structure_factors_from_density

UNSCALED = MapOptions(density_scale=1.0)
COMPLETE = StreamConfig(d_min=(2.0, 2.5))
INCOMPLETE = StreamConfig(
    d_min=(2.0, 2.5), measurement=Measurement(completeness=(0.8, 0.8), i_over_sigma_edge=(2.0, 2.0))
)


def simulated(config: StreamConfig) -> MapBatch:
    return maps_of(batch(config), UNSCALED)


def structure_factors(density: Tensor, data: NetworkInput) -> Tensor:
    return structure_factors_from_density(density, cell_volume(data.cell))


def test_the_true_density_stays_as_it_is() -> None:
    maps = simulated(COMPLETE)
    found = density_with_amplitudes(maps.density.values, network_input(maps))
    torch.testing.assert_close(found, maps.density.values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("config", [COMPLETE, INCOMPLETE], ids=["complete", "incomplete"])
def test_measured_amplitudes_are_put_back_and_phases_are_kept(config: StreamConfig) -> None:
    data = network_input(simulated(config))
    guess = torch.randn(data.patterson.shape)
    before = structure_factors(guess, data)
    after = structure_factors(density_with_amplitudes(guess, data), data)
    torch.testing.assert_close(after.abs()[data.measured], data.fobs[data.measured], rtol=1e-3, atol=1e-2)
    strong = data.measured & (data.fobs > 0.1)
    turned = (after * before.conj())[strong]
    assert float((turned.imag.abs() / turned.abs()).max()) < 1e-2
    assert bool((turned.real > 0.0).all())


def test_what_was_not_measured_stays_on_the_scale_of_what_was() -> None:
    maps = simulated(INCOMPLETE)
    data = network_input(maps)
    truth = maps.observation.F
    missing = ~data.measured & (truth.abs() > 0.0)
    assert bool(missing.any())
    after = structure_factors(density_with_amplitudes(0.01 * maps.density.values, data), data)
    ratio = after[missing].abs().sum() / truth[missing].abs().sum()
    assert float(ratio) == pytest.approx(1.0, abs=0.05)


def test_nothing_lies_beyond_the_resolution_limit() -> None:
    data = network_input(simulated(INCOMPLETE))
    after = structure_factors(density_with_amplitudes(torch.randn(data.patterson.shape), data), data)
    inv_d2 = simulated(INCOMPLETE).observation.inv_d2
    beyond = inv_d2 > 1.001 / data.d_min[:, None, None, None].square()
    assert float(after.abs()[beyond].max()) < 1e-3
    assert float(after[:, 0, 0, 0].abs().max()) < 1e-2


def test_scale_and_mean_of_the_density_do_not_matter() -> None:
    data = network_input(simulated(INCOMPLETE))
    guess = torch.randn(data.patterson.shape)
    torch.testing.assert_close(
        density_with_amplitudes(7.0 * guess + 3.0, data),
        density_with_amplitudes(guess, data),
        rtol=1e-3,
        atol=1e-4,
    )


def in_float64(data: NetworkInput) -> NetworkInput:
    first = {name: getattr(data, name)[:1] for name in ("patterson", "fobs", "measured", "cell", "d_min")}
    return NetworkInput(**{k: v if v.dtype == torch.bool else v.double() for k, v in first.items()})


def test_gradients_are_those_of_finite_differences() -> None:
    data = in_float64(network_input(simulated(INCOMPLETE)))
    guess = torch.randn(data.patterson.shape, dtype=torch.float64)
    direction, weights = torch.randn_like(guess), torch.randn_like(guess)

    def figure(step: Tensor) -> Tensor:
        return (density_with_amplitudes(guess + step * direction, data) * weights).mean()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(figure, step, eps=1e-6, rtol=1e-3, atol=1e-6)


def test_an_empty_density_has_amplitudes_and_finite_gradients() -> None:
    data = network_input(simulated(INCOMPLETE))
    empty = torch.zeros(data.patterson.shape, requires_grad=True)
    found = density_with_amplitudes(empty, data)
    found.square().mean().backward()
    after = structure_factors(found.detach(), data)
    torch.testing.assert_close(after.abs()[data.measured], data.fobs[data.measured], rtol=1e-3, atol=1e-2)
    assert empty.grad is not None
    assert bool(empty.grad.isfinite().all())


def test_nothing_measured_leaves_nothing() -> None:
    data = network_input(simulated(COMPLETE))
    nothing = replace(data, measured=torch.zeros_like(data.measured), fobs=torch.zeros_like(data.fobs))
    assert float(density_with_amplitudes(torch.randn(data.patterson.shape), nothing).abs().max()) == 0.0


def test_autocast_does_not_reach_the_transforms() -> None:
    data = network_input(simulated(COMPLETE))
    guess = torch.randn(data.patterson.shape)
    expected = density_with_amplitudes(guess, data)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = density_with_amplitudes(guess, data)
    assert torch.equal(found, expected)
