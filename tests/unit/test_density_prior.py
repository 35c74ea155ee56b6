"""The density prior: any cell and even grid, no origin, no batch mates, and the amplitudes that are known."""

import pytest
import torch
from prior_crystals import CELL, D_MIN, SHAPE, crystal, hidden, prior
from torch import Tensor

from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior, with_known_amplitudes
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import advanced, figure_of_merit, starting_states
from rephase.physics.cells import Shape


def states_of(data: PriorData, count: int = 2) -> Tensor:
    phi = torch.fft.rfftn(torch.randn(count, *data.shape), dim=(-3, -2, -1)).angle()
    return starting_states(data, phi, torch.rand_like(phi)).maps(data)


@pytest.mark.parametrize(
    ("shape", "cell", "d_min"),
    [
        (SHAPE, CELL, D_MIN),
        ((10, 10, 10), (8.0, 8.0, 8.0, 90.0, 90.0, 90.0), 1.8),
        ((18, 10, 4), (15.0, 8.0, 3.0, 90.0, 90.0, 120.0), 2.0),
        ((2, 4, 6), (2.5, 4.0, 6.5, 90.0, 90.0, 90.0), 2.6),
    ],
)
def test_any_even_grid_of_any_cell_gets_a_density(
    shape: Shape, cell: tuple[float, ...], d_min: float
) -> None:
    data, _ = crystal(shape, cell, d_min)
    with torch.no_grad():
        density = prior()(states_of(data), data)
    assert density.shape == (2, *shape)
    assert bool(density.isfinite().all())


def test_a_density_ends_at_the_resolution_limit_and_has_no_mean() -> None:
    data, _ = crystal()
    with torch.no_grad():
        density = prior()(states_of(data), data)
    F = torch.fft.rfftn(density, dim=(-3, -2, -1))
    assert float(F[:, ~data.within].abs().max()) < 1e-4 * float(F.abs().max())
    torch.testing.assert_close(data.maps(data.coefficients(density)), density, rtol=1e-4, atol=1e-5)


def test_a_prediction_does_not_depend_on_the_rest_of_the_batch() -> None:
    data, _ = crystal()
    made, maps = prior(), states_of(data, 3)
    with torch.no_grad():
        together = made(maps, data)
        alone = [made(one[None], data) for one in maps]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_a_crystal_has_no_origin_but_for_the_boxes_of_two_points() -> None:
    data, _ = crystal()
    made, maps, shift = prior(), states_of(data), (2, -4, 6)
    with torch.no_grad():
        moved = made(maps.roll(shift, (-3, -2, -1)), data)
        torch.testing.assert_close(moved, made(maps, data).roll(shift, (-3, -2, -1)), rtol=1e-3, atol=1e-4)


def test_the_amplitudes_and_the_cell_matter() -> None:
    data, _ = crystal()
    other, _ = crystal(seed=1)
    longer = PriorData(
        data.cell * torch.tensor([1.3, 1.0, 1.0, 1.0, 1.0, 1.0]),
        *(data.d_min, data.shape, data.amplitude, data.expected, data.known, data.within),
    )
    made, maps = prior(), states_of(data)
    with torch.no_grad():
        expected = made(maps, data)
        for changed in (other, longer):
            difference = (made(maps, changed) - expected).square().mean().sqrt()
            assert float(difference) > 1e-3 * float(expected.square().mean().sqrt())


def test_autocast_does_not_reach_the_transforms() -> None:
    data, _ = crystal()
    made, maps = prior(), states_of(data)
    with torch.no_grad():
        expected = made(maps, data)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = made(maps, data)
    assert found.dtype == torch.float32
    assert float((found - expected).square().mean().sqrt()) < 0.1 * float(expected.square().mean().sqrt())


def test_maps_get_the_amplitudes_that_are_known_and_keep_their_phases() -> None:
    complete, truth = crystal()
    data = hidden(complete, 0.3)
    maps = complete.maps(truth)[None, None] * 3.0
    F = torch.fft.rfftn(with_known_amplitudes(maps, data)[0, 0], norm="ortho")
    strong = data.known & (truth.abs() > 0.3)  # weak coefficients are given less: they hardly have a phase
    torch.testing.assert_close(F[strong].abs(), data.amplitude[strong], rtol=0.02, atol=0.0)
    turned = (F[strong] * truth[strong].conj()).angle()
    assert float(turned.abs().max()) < 1e-3
    assert float(F[complete.within & ~data.known].abs().min()) > 0.0


def test_nothing_beyond_the_resolution_limit_is_known() -> None:
    data, _ = crystal()
    assert not bool((data.known & ~data.within).any())
    assert not bool(data.within[0, 0, 0])
    assert data.complete
    assert not hidden(data, 0.3).complete


def test_a_map_of_unit_normalised_amplitudes_has_unit_variance() -> None:
    data, _ = crystal()
    phases = torch.fft.rfftn(torch.randn(SHAPE)).angle()
    values = data.maps(torch.polar(data.expected * data.within, phases))
    assert float(values.square().mean()) == pytest.approx(1.0, abs=1e-4)
    assert float(values.mean()) == pytest.approx(0.0, abs=1e-6)


def test_a_state_goes_on_with_known_amplitudes_and_predicted_phases() -> None:
    complete, truth = crystal()
    data = hidden(complete, 0.3)
    states = starting_states(data, torch.zeros(1, *truth.shape))
    after = advanced(states, truth[None] * 0.5, data)
    torch.testing.assert_close(after.current[0][data.known], truth[data.known], rtol=1e-4, atol=1e-4)
    unknown = complete.within & ~data.known
    torch.testing.assert_close(after.current[0][unknown], truth[unknown] * 0.5)
    merit = figure_of_merit(after.predicted, data)[0]
    strong = data.known & (data.amplitude > 0.01)
    torch.testing.assert_close(merit[strong], torch.full_like(merit[strong], 0.5))
    assert float(merit[~data.known].max()) == 0.0


def test_noise_is_drawn_where_the_prediction_leaves_phases_open() -> None:
    data, truth = crystal()
    states = starting_states(data, torch.zeros(2, *truth.shape))
    predicted = torch.stack([truth, truth * 0.1])
    after = advanced(states, predicted, data, noise=1.0, generator=torch.Generator().manual_seed(0))
    strong = data.amplitude > 0.3
    turned = torch.cos((after.current * truth.conj()).angle())[:, strong].mean(1)
    assert float(turned[0]) > 0.999
    assert float(turned[1]) < 0.5


def test_a_new_prior_predicts_nothing() -> None:
    data, _ = crystal()
    made = DensityPrior(DensityPriorConfig(width=8, blocks=1, maps=1))
    with torch.no_grad():
        made.decoding.bias.zero_()
        assert float(made(states_of(data), data).abs().max()) == 0.0
