"""What holds for the networks on every grid and in every cell: translations, axes, batch mates, scale."""

from itertools import permutations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig, UNetSEConfig
from rephase.models.network import DensityNetwork
from rephase.models.unet import UNet
from rephase.physics.cells import Shape, cell_volume, resolution_mask
from rephase.physics.density import structure_factors_from_density

FEW = settings(max_examples=20)
seeds = st.integers(0, 2**32 - 1)
edges, angles = st.floats(5.0, 14.0), st.floats(70.0, 110.0)
cells = st.tuples(edges, edges, edges, angles, angles, angles)
resolutions = st.floats(1.5, 3.0)
steps = st.tuples(*[st.integers(-4, 4)] * 3)
published = st.sampled_from(
    [UNetConfig(outer=2, inner=3, blocks=1), UNetSEConfig(outer=2, inner=4, blocks=1)]
)
any_network = st.one_of(published, st.just(FastUNetConfig(width=8, blocks=1, maps=1)))


def even_shapes(smallest: int) -> st.SearchStrategy[Shape]:
    side = st.integers(smallest // 2, 7).map(lambda half: 2 * half)
    return st.tuples(side, side, side)


def network(config: ModelConfig, seed: int) -> DensityNetwork:
    """Make a network none of whose parts is idle, with running statistics of some maps."""
    torch.manual_seed(seed)
    made = build_model(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        for module in made.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.running_mean = 0.1 * torch.randn(module.num_features)
                module.running_var = 0.5 + torch.rand(module.num_features)
    return made.eval()


def published_features(made: DensityNetwork, maps: Tensor) -> Tensor:
    assert isinstance(made, UNet)
    found: Tensor = made.features(made.pool(made.encoding(maps)))
    return found


def batch(*cell_parameters: tuple[float, ...]) -> Tensor:
    return torch.tensor(cell_parameters, dtype=torch.float32)


@torch.no_grad()
@given(published, even_shapes(6), steps, seeds)
@FEW
def test_published_features_move_with_the_map_by_whole_steps_of_the_pooled_grid(
    config: ModelConfig, shape: Shape, shift: tuple[int, int, int], seed: int
) -> None:
    made, maps = network(config, seed), torch.randn(1, 1, *shape)
    moved = published_features(made, maps.roll([2 * step for step in shift], (2, 3, 4)))
    expected = published_features(made, maps).roll(shift, (2, 3, 4))
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@given(published, even_shapes(6), st.sampled_from(list(permutations(range(3)))), seeds)
@FEW
def test_published_networks_know_no_axis_but_by_their_kernels(
    config: ModelConfig, shape: Shape, axes: tuple[int, int, int], seed: int
) -> None:
    made, maps = network(config, seed), torch.randn(1, 1, *shape)
    cell, d_min = batch((8.0, 8.0, 8.0, 90.0, 90.0, 90.0)), torch.tensor([1.5])
    expected = made(maps, cell, d_min).permute(0, *(1 + axis for axis in axes))
    last = [2 + axis for axis in axes]
    for module in made.modules():
        if isinstance(module, nn.Conv3d):
            module.weight = nn.Parameter(module.weight.permute(0, 1, *last).contiguous())
    found = made(maps.permute(0, 1, *last), cell, d_min)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@given(any_network, even_shapes(6), st.tuples(cells, cells), resolutions, seeds)
@FEW
def test_a_prediction_does_not_depend_on_batch_mates(
    config: ModelConfig, shape: Shape, two_cells: tuple[tuple[float, ...], ...], d_min: float, seed: int
) -> None:
    made, maps = network(config, seed), torch.randn(2, 1, *shape)
    cell, limits = batch(*two_cells), torch.tensor([d_min, d_min + 0.3])
    maps[1] *= 100.0  # a mate that would show
    together = made(maps, cell, limits)
    alone = made(maps[:1], cell[:1], limits[:1])
    torch.testing.assert_close(together[:1], alone, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@given(even_shapes(2), cells, resolutions, seeds)
@FEW
def test_the_fast_network_predicts_within_the_resolution_on_any_even_grid_of_any_cell(
    shape: Shape, cell: tuple[float, ...], d_min: float, seed: int
) -> None:
    made = network(FastUNetConfig(width=8, blocks=1, maps=1), seed)
    given_cell, limit = batch(cell), torch.tensor([d_min])
    density = made(torch.randn(1, 1, *shape), given_cell, limit)
    assert density.shape == (1, *shape)
    assert bool(density.isfinite().all())
    F = structure_factors_from_density(density, cell_volume(given_cell)).abs()
    beyond = ~resolution_mask(given_cell, shape, limit)
    beyond[:, 0, 0, 0] = False
    assert float(F[beyond].amax() if bool(beyond.any()) else 0.0) <= 1e-4 * float(F.max()) + 1e-5


@torch.no_grad()
@given(cells, st.floats(0.1, 100.0), st.floats(-10.0, 10.0), seeds)
@FEW
def test_the_fast_network_knows_no_scale_of_the_intensities(
    cell: tuple[float, ...], scale: float, constant: float, seed: int
) -> None:
    made = network(FastUNetConfig(width=8, blocks=1, maps=1), seed).double()
    density = torch.randn(1, 10, 12, 8, dtype=torch.float64)
    patterson = torch.fft.irfftn(torch.fft.rfftn(density, dim=(1, 2, 3)).abs().square(), s=(10, 12, 8))[
        :, None
    ]
    given_cell, limit = batch(cell).double(), torch.tensor([2.0], dtype=torch.float64)
    expected = made(patterson, given_cell, limit)
    found = made(scale * patterson + constant, given_cell, limit)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@torch.no_grad()
@given(even_shapes(6), cells, st.tuples(*[st.integers(0, 2)] * 3).filter(any), seeds)
@FEW
def test_the_fast_network_knows_where_the_middle_of_the_cell_is(
    shape: Shape, cell: tuple[float, ...], shift: tuple[int, int, int], seed: int
) -> None:
    """Its blocks are periodic, but it is told places: a prediction does not just follow what is known."""
    made = network(FastUNetConfig(width=8, blocks=1, maps=1, recycling=True), seed)
    patterson, known = torch.randn(2, 1, *shape)
    moved = known.roll([2 * step for step in shift], (1, 2, 3))
    given_cell, limit = batch(cell), torch.tensor([1.5])
    by_network = made(torch.stack([patterson, known], dim=1), given_cell, limit)
    of_moved = made(torch.stack([patterson, moved], dim=1), given_cell, limit)
    rolled = by_network.roll([2 * step for step in shift], (1, 2, 3))
    assert float((of_moved - rolled).abs().max()) > 1e-3 * float(rolled.std())
