"""The cheap U-Net: any cell and even grid, no batch mates, no scale of the data, and what it can learn."""

import pytest
import torch
from stream_examples import batch
from torch import Tensor

from rephase.crystal.grid import Shape
from rephase.data.stream.map_batches import MapOptions, maps_of
from rephase.data.stream.stream_config import StreamConfig
from rephase.models.amplitude_projection import spectrum_of, with_amplitudes, within_resolution
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig
from rephase.models.fast_unet import FastBlock, FastUNet
from rephase.models.grid_features import from_half_grid, geometry, positions, to_half_grid
from rephase.models.losses import map_correlation
from rephase.models.network import DensityNetwork
from rephase.models.network_input import network_input
from rephase.physics.cells import cell_volume, orthogonalisation_matrix, resolution_mask
from rephase.physics.density import structure_factors_from_density

CELLS = torch.tensor([[9.0, 12.0, 7.0, 90.0, 90.0, 90.0], [8.0, 11.0, 9.0, 100.0, 75.0, 115.0]])
D_MIN = torch.tensor([1.8, 2.1])
SHAPE: Shape = (12, 14, 10)
SMALL = FastUNetConfig(width=8, blocks=2, maps=1)


def network(config: FastUNetConfig = SMALL) -> DensityNetwork:
    """Make a network none of whose parts is idle."""
    made = build_model(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return made


def measured_maps(config: StreamConfig) -> tuple[Tensor, Tensor, Tensor]:
    data = network_input(maps_of(batch(config)))
    return data.patterson[:, None], data.cell, data.d_min


@pytest.mark.parametrize("shape", [(12, 14, 10), (18, 22, 26), (2, 4, 6)])
def test_any_even_grid_of_any_cell_gets_a_density(shape: Shape) -> None:
    with torch.no_grad():
        density = network()(torch.randn(2, 1, *shape), CELLS, D_MIN)
    assert density.shape == (2, *shape)
    assert bool(density.isfinite().all())


def test_a_prediction_does_not_depend_on_the_rest_of_the_batch() -> None:
    fast, maps = network(), torch.randn(2, 1, *SHAPE)
    for made in (fast.eval(), fast.train()):
        with torch.no_grad():
            together = made(maps, CELLS, D_MIN)
            alone = [made(maps[i : i + 1], CELLS[i : i + 1], D_MIN[i : i + 1]) for i in range(2)]
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_scale_and_constant_of_the_patterson_map_do_not_matter() -> None:
    maps, cell, d_min = measured_maps(StreamConfig(d_min=(2.0, 2.0)))
    fast = network()
    with torch.no_grad():
        expected = fast(maps, cell, d_min)
        torch.testing.assert_close(fast(3.0 * maps + 0.5, cell, d_min), expected, rtol=1e-3, atol=1e-3)


def test_cell_and_resolution_matter() -> None:
    fast, maps = network(), torch.randn(1, 1, *SHAPE)
    longer = CELLS[:1] * torch.tensor([1.3, 1.0, 1.0, 1.0, 1.0, 1.0])
    with torch.no_grad():
        expected = fast(maps, CELLS[:1], D_MIN[:1])
        for other in (fast(maps, longer, D_MIN[:1]), fast(maps, CELLS[:1], D_MIN[:1] + 0.4)):
            assert float(map_correlation(other, expected)) < 0.999


def test_autocast_does_not_reach_the_transforms() -> None:
    fast, maps = network(), torch.randn(2, 1, *SHAPE)
    with torch.no_grad():
        expected = fast(maps, CELLS, D_MIN)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = fast(maps, CELLS, D_MIN)
    assert found.dtype == torch.float32
    assert float(map_correlation(found, expected).min()) > 0.99


def test_densities_are_band_limited() -> None:
    with torch.no_grad():
        density = network()(torch.randn(2, 1, *SHAPE), CELLS, D_MIN)
    F = structure_factors_from_density(density, cell_volume(CELLS)).abs()
    beyond = ~resolution_mask(CELLS, SHAPE, D_MIN)
    beyond[:, 0, 0, 0] = False
    assert float(F[beyond].max()) < 1e-4 * float(F.max())


@pytest.mark.parametrize("shift", [(1, 0, 0), (2, 3, 1)])
def test_blocks_are_periodic(shift: tuple[int, int, int]) -> None:
    fast = network()
    assert isinstance(fast, FastUNet)
    block = fast.blocks[0]
    assert isinstance(block, FastBlock)
    spectrum = spectrum_of(torch.randn(2, *SHAPE), CELLS, D_MIN)
    features, crystal = torch.randn(2, 6, 7, 5, SMALL.width), geometry(CELLS, SHAPE, D_MIN)
    with torch.no_grad():
        moved = block(features.roll(shift, (1, 2, 3)), spectrum, crystal)
        expected = block(features, spectrum, crystal).roll(shift, (1, 2, 3))
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-5)


def test_every_point_of_the_result_depends_on_every_point_of_the_data() -> None:
    fast = network(FastUNetConfig(width=8, blocks=1, maps=1))
    maps = torch.randn(1, 1, 16, 16, 16, requires_grad=True)
    density = fast(maps, torch.tensor([[10.0, 10.0, 10.0, 90.0, 90.0, 90.0]]), torch.tensor([1.5]))
    (gradient,) = torch.autograd.grad(density[0, 3, 5, 7], maps)
    assert bool((gradient != 0.0).all())


def test_amplitudes_are_found_from_the_patterson_map() -> None:
    simulated = maps_of(batch(StreamConfig(d_min=(1.8, 2.2))), MapOptions(density_scale="own-spread"))
    spectrum = spectrum_of(simulated.patterson.values, simulated.cell, simulated.d_min)
    density = simulated.density.values[:, None]
    torch.testing.assert_close(with_amplitudes(density, spectrum), density, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(
        density[:, 0], within_resolution(density[:, 0], spectrum), atol=1e-4, rtol=1e-4
    )
    weak = spectrum.amplitude / simulated.observation.fobs.clamp(min=1e-6)
    strong = simulated.observation.fobs > 1.0
    for one, where in zip(weak, strong, strict=True):
        torch.testing.assert_close(one[where], one[where].mean().expand(int(where.sum())), rtol=1e-2, atol=0)


def test_projected_maps_have_mean_square_one() -> None:
    spectrum = spectrum_of(torch.randn(2, *SHAPE), CELLS, D_MIN)
    projected = with_amplitudes(torch.randn(2, 3, *SHAPE), spectrum)
    squares = projected.square().mean((-3, -2, -1))
    torch.testing.assert_close(squares, torch.ones_like(squares), rtol=0.02, atol=0.0)


def test_empty_maps_have_finite_predictions_and_gradients() -> None:
    fast = network(FastUNetConfig(width=8, blocks=2, maps=1, recycling=True))
    density = fast(torch.zeros(2, 2, *SHAPE), CELLS, D_MIN)
    density.square().sum().backward()
    assert bool(density.detach().isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in fast.parameters() if p.grad is not None)


def test_the_half_grid_loses_nothing_and_keeps_neighbours() -> None:
    maps = torch.randn(2, 3, 4, 6, 8)
    half = to_half_grid(maps)
    assert half.shape == (2, 2, 3, 4, 24)
    assert torch.equal(from_half_grid(half), maps)
    torch.testing.assert_close(half[0, 1, 2, 3, :8], maps[0, 0, 2:4, 4:6, 6:8].flatten())


def test_positions_repeat_with_the_lattice_and_are_in_angstrom_near_the_centre() -> None:
    cell = CELLS[1:].double() * torch.tensor([20.0, 20.0, 20.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    shape: Shape = (120, 140, 100)
    features = positions(cell, shape)[0]
    u, v, w = 30, 35, 25  # a box beside the centre: its middle is half a grid step below the boundary
    steps = (torch.tensor([u, v, w], dtype=torch.float64) + 0.25) * 2.0 / torch.tensor(shape) - 0.5
    cartesian = orthogonalisation_matrix(cell)[0] @ steps
    torch.testing.assert_close(3.0 * features[u, v, w, :3], cartesian, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        features[u, v, w, 5], torch.exp(-cartesian.square().sum() / 32.0), rtol=1e-3, atol=1e-6
    )
    jumps = [features.diff(dim=axis).abs().max() for axis in (0, 1, 2)]
    around = [(features.select(axis, 0) - features.select(axis, -1)).abs().max() for axis in (0, 1, 2)]
    assert all(far <= 1.5 * near for near, far in zip(jumps, around, strict=True))
