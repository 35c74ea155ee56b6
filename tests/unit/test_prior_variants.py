"""Variants of the density prior differ from it in what their names say."""

import dataclasses
import math

import pytest
import torch
from prior_crystals import SMALL, crystal, hidden, prior
from torch import Tensor

from annealed_denoiser import LEVELS, annealed, cosine_at, denoised, denoising_lesson, level_of, noisy
from rephase.models.metric_convolution import MetricConvolution, kernel_taps
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import starting_states
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.trajectory import Trajectory
from rephase.train.run_config import Machine
from variant_networks import (
    Confidence,
    Dilated,
    Likelihood,
    Residual,
    WithoutAmplitudes,
    WithoutGiven,
    WithoutPrevious,
    WithoutSum,
    WithPatterson,
    likelihood_lesson,
    mean_coefficients,
    unlikelihood,
)
from variant_starts import map_correlation

CPU = Machine(device="cpu")
CONFIG = PriorTrainConfig.model_validate({"kind": "density-prior", "set": "set", "structures": "."})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stirred(network: DensityPrior) -> DensityPrior:
    """A network none of whose parts is idle."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator(parameter.numel()))
    return network.eval()


def shown(data: PriorData, truth: Tensor, previous: float = 1.0, given: float = 1.0) -> Tensor:
    maps = data.maps(truth)
    return torch.stack([maps, previous * maps.flip(0), given * maps.flip(1)])[None]


def trajectory() -> Trajectory:
    data, truth = crystal()
    states = starting_states(data, truth[None].angle() + 1.0)
    none = torch.zeros(1, 1, 1, 1)
    return Trajectory(3, 0, 2, False, False, data, truth, states, none, none)


@pytest.mark.parametrize(("kind", "unseen"), [(WithoutPrevious, "previous"), (WithoutGiven, "given")])
def test_a_map_that_is_not_shown_changes_nothing(kind: type[DensityPrior], unseen: str) -> None:
    data, truth = crystal()
    network, whole = stirred(kind(SMALL)), prior()
    with torch.no_grad():
        found = [network(shown(data, truth, **{unseen: factor}), data) for factor in (0.0, 1.0)]
        seen = [whole(shown(data, truth, **{unseen: factor}), data) for factor in (0.0, 1.0)]
    assert torch.equal(*found)
    assert not torch.allclose(*seen)


@pytest.mark.parametrize(
    "kind", [Residual, Likelihood, Confidence, Dilated, WithoutAmplitudes, WithPatterson, WithoutSum]
)
def test_a_variant_follows_the_origin_of_the_crystal(kind: type[DensityPrior]) -> None:
    data, truth = crystal()
    network, maps = stirred(kind(SMALL)), shown(data, truth)
    with torch.no_grad():
        moved = network(maps.roll((2, 4, -2), (-3, -2, -1)), data)
        torch.testing.assert_close(
            moved, network(maps, data).roll((2, 4, -2), (-3, -2, -1)), atol=1e-4, rtol=1e-4
        )


def test_a_dilated_kernel_is_that_of_every_second_point() -> None:
    data, _ = crystal()
    block = Dilated(SMALL).blocks[1].neighbourhood
    near = MetricConvolution(SMALL.width)
    near.load_state_dict(block.state_dict())
    taps = kernel_taps(data.cell, (8, 8, 8), data.d_min)
    features = torch.randn(1, 8, 8, 8, SMALL.width, generator=generator())
    expected = near(features[:, ::2, ::2, ::2], taps)
    torch.testing.assert_close(block(features, taps)[:, ::2, ::2, ::2], expected)


def test_the_mean_of_a_von_mises_distribution_is_that_of_its_density() -> None:
    data, _ = crystal()
    phi = torch.linspace(-math.pi, math.pi, 20_001)[:-1]
    for kappa in (1e-4, 0.3, 2.0, 40.0):
        density = torch.exp(kappa * (torch.cos(phi - 0.7) - 1.0))
        mean = (density * torch.polar(torch.ones_like(phi), phi)).sum() / density.sum()
        X = torch.full(data.amplitude.shape, kappa * complex(math.cos(0.7), math.sin(0.7)))
        expected = data.amplitude * mean
        torch.testing.assert_close(mean_coefficients(X, data), expected, atol=1e-5, rtol=1e-4)


def test_unknown_reflections_are_predicted_with_the_amplitude_that_is_expected() -> None:
    whole, truth = crystal()
    data = hidden(whole, 0.3)
    X = torch.polar(torch.full_like(data.amplitude, 1e4), truth.angle())
    unknown = data.within & ~data.known
    found = mean_coefficients(X, data).abs()[unknown]
    torch.testing.assert_close(found, data.expected[unknown], rtol=1e-3, atol=0.0)


def test_even_odds_are_no_likelihood_and_true_phases_the_highest() -> None:
    data, truth = crystal()
    X = torch.polar(torch.full_like(data.amplitude, 2.0), truth.angle())[None]
    even, right, wrong = (float(unlikelihood(one, truth[None], data)) for one in (0.0 * X, X, -X))
    assert even == pytest.approx(0.0, abs=1e-6)
    assert right < even < wrong


@pytest.mark.parametrize("kind", [Likelihood, Confidence])
def test_learning_likelihoods_makes_true_phases_likelier(kind: type[Likelihood]) -> None:
    torch.manual_seed(0)
    network, start = kind(SMALL), trajectory()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss, following = likelihood_lesson(network, start, CONFIG)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3, losses
    assert following.passes_left == 1


def test_likelihoods_are_not_learnt_by_a_network_without_them() -> None:
    with pytest.raises(TypeError, match="no distribution"):
        likelihood_lesson(prior(), trajectory(), CONFIG)


@pytest.mark.parametrize("sigma", [0.2, 1.0, 3.0])
def test_the_level_of_noise_follows_from_the_phase_errors(sigma: float) -> None:
    rng = generator()
    F, noise = (torch.randn(100_000, dtype=torch.complex64, generator=rng) for _ in range(2))
    cosine = float(torch.cos((F + sigma * noise).angle() - F.angle()).mean())
    assert cosine_at(sigma) == pytest.approx(cosine, abs=0.01)
    assert level_of(cosine_at(sigma)) == pytest.approx(sigma)


def test_phases_that_are_at_no_level_are_refused() -> None:
    for cosine in (0.0, 1.0):
        with pytest.raises(ValueError, match="none of the levels"):
            level_of(cosine)


def test_noise_has_the_size_that_is_expected_of_the_amplitudes() -> None:
    data, truth = crystal()
    many = torch.full((200, 1, 1, 1), 0.5)
    added = noisy(truth.expand(200, -1, -1, -1), many, data, generator()) - truth
    size = added.abs().square().mean(0)[data.within] / data.expected[data.within].square()
    assert float(size.mean()) == pytest.approx(0.25, rel=0.05)
    assert not added[:, ~data.within].any()


def test_what_a_denoiser_learns_follows_from_crystal_and_pass_alone() -> None:
    torch.manual_seed(0)
    network, here = DensityPrior(SMALL), trajectory()
    elsewhere = dataclasses.replace(
        here, states=starting_states(here.data, here.states.current.angle() + 1.0)
    )
    (loss, after), (same, _), (other, _) = (
        denoising_lesson(network, one, CONFIG)
        for one in (here, elsewhere, dataclasses.replace(here, number=4))
    )
    assert torch.equal(loss, same)
    assert not torch.allclose(loss, other)
    assert after.passes_left == here.passes_left - 1


def test_little_noise_is_left_alone_by_an_untrained_denoiser() -> None:
    data, truth = crystal()
    sigma = torch.full((1, 1, 1, 1), LEVELS[0])
    found = denoised(DensityPrior(SMALL), truth[None], sigma, data, CPU)
    torch.testing.assert_close(found, truth[None] / (1.0 + LEVELS[0] ** 2))


def test_annealing_follows_from_its_generator() -> None:
    data, truth = crystal()
    network, phi = prior(), truth.angle()[None]
    found = [annealed(network, phi, 0.5, data, 3, CPU, generator(seed)) for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_maps_are_compared_at_the_best_origin() -> None:
    data, truth = crystal()
    there = data.maps(truth).roll((1, 2, 3), (-3, -2, -1))
    found = map_correlation(0.1 * data.coefficients(there)[None], truth, data)
    assert float(found) == pytest.approx(1.0, abs=1e-4)
    assert float(map_correlation(truth.conj()[None], truth, data)) < 0.9
