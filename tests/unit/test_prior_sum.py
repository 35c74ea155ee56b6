"""The last step of the prior: what each reflection owes to the network, and what to the maps it was shown."""

import pytest
import torch
from prior_crystals import crystal, hidden, prior
from torch import Tensor

from rephase.models.prior import MAPS
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import starting_states
from rephase.models.prior_sum import PriorSum

OWN, RESOLUTION, STRENGTH, FOM = 0, 1, 2, 3
TERMS = 4


def parts(data: PriorData, fom: float) -> tuple[Tensor, Tensor]:
    """Coefficients of a density and of the inputs, the last of them given with one figure of merit."""
    generator = torch.Generator().manual_seed(0)
    phi = torch.fft.rfftn(torch.randn(1, *data.shape, generator=generator), dim=(-3, -2, -1)).angle()
    own = torch.polar(data.expected.expand_as(phi), -phi) * data.within
    states = starting_states(data, phi, torch.full_like(phi, fom))
    return own, data.coefficients(states.maps(data))


def with_gain(of: int, term: int) -> PriorSum:
    """Add this term of one part, whatever the context."""
    made = PriorSum(2, MAPS)
    with torch.no_grad():
        made.gains.bias[of * TERMS + term] = 1.0
    return made


@pytest.mark.parametrize("complete", [True, False])
def test_untrained_it_leaves_the_density_of_the_network_as_it_is(complete: bool) -> None:
    data = crystal()[0] if complete else hidden(crystal()[0], 0.3)
    own, shown = parts(data, 0.5)
    assert torch.equal(PriorSum(2, MAPS)(own, shown, torch.ones(1, 2), data), own)


def test_a_given_phase_is_added_to_its_own_reflection_alone() -> None:
    data, _ = crystal()
    own, shown = parts(data, 0.5)
    before = with_gain(MAPS, OWN)(own, shown, torch.ones(1, 2), data)
    changed = shown.clone()
    changed[0, -1, 2, 1, 1] *= -1.0
    moved = (with_gain(MAPS, OWN)(own, changed, torch.ones(1, 2), data) - before).abs() > 1e-6
    assert moved.sum() == 1
    assert bool(moved[0, 2, 1, 1])


@pytest.mark.parametrize("fom", [0.0, 0.3, 1.0])
def test_what_grows_with_the_figure_of_merit_is_that_of_the_given_phases(fom: float) -> None:
    data, _ = crystal()
    own, shown = parts(data, fom)
    found = with_gain(0, FOM)(own, shown, torch.ones(1, 2), data)
    known = data.known[None]
    torch.testing.assert_close(found[known], own[known] * (1.0 + fom), rtol=1e-4, atol=1e-5)


def test_strong_reflections_may_get_more_and_unknown_ones_count_as_average() -> None:
    data = hidden(crystal()[0], 0.3)
    own, shown = parts(data, 0.5)
    found = with_gain(0, STRENGTH)(own, shown, torch.ones(1, 2), data)
    e = torch.where(data.known, data.amplitude / data.expected, 1.0)
    torch.testing.assert_close(found, own * e, rtol=1e-4, atol=1e-5)


def test_the_edge_may_be_treated_unlike_the_middle() -> None:
    data, _ = crystal()
    own, shown = parts(data, 0.5)
    ratio = (with_gain(0, RESOLUTION)(own, shown, torch.ones(1, 2), data) / own)[0][data.within].real.detach()
    assert 1.0 < float(ratio.min()) < float(ratio.max()) <= 2.0 + 1e-5


def test_the_network_learns_to_keep_phases_that_were_given() -> None:
    data, truth = crystal()
    network = prior()
    maps = starting_states(data, truth.angle()[None], torch.full_like(truth.abs(), 0.5)[None]).maps(data)
    data.coefficients(network(maps, data)).real.sum().backward()
    assert network.sum.gains.bias.grad is not None
    assert float(network.sum.gains.bias.grad.abs().sum()) > 0.0
