"""The published U-Nets: number of weights, what is periodic, what is refused."""

import pytest
import torch
from torch import Tensor, nn

from rephase.errors import UserError
from rephase.models.build import build_model
from rephase.models.config import UNetConfig, UNetSEConfig
from rephase.models.unet import ResidualBlock, SqueezeExcitation, UNet

CELL, D_MIN = torch.tensor([[8.0, 8.0, 8.0, 90.0, 90.0, 90.0]]), torch.tensor([1.5])


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_first_unet_has_as_many_weights_as_a_count_by_hand() -> None:
    kernels = 7**3 * (1 * 23 + 23 * 25 + 7 * 2 * 25 * 25) + 5**3 * (25 * 23 + 23 * 1)
    normalisation = 2 * (23 + 25 + 7 * 2 * 25 + 23)  # scale and shift of each channel
    assert kernels + normalisation + 1 == 3_281_957
    assert weights(build_model(UNetConfig())) == 3_281_957


def test_the_second_unet_has_as_many_weights_as_a_count_by_hand() -> None:
    kernels = 7**3 * (1 * 25 + 25 * 30 + 8 * 2 * 30 * 30) + 5**3 * (30 * 25 + 25 * 1)
    normalisation = 2 * (25 + 30 + 8 * 2 * 30 + 25)
    squeezes = 8 * (30 * 15 + 15 + 15 * 30 + 30)
    assert kernels + normalisation + squeezes + 1 == 5_310_581
    assert weights(build_model(UNetSEConfig())) == 5_310_581


def test_the_count_of_others_for_the_second_unet_is_that_with_three_maps() -> None:
    blocks = [ResidualBlock(30, SqueezeExcitation(30, 2)) for _ in range(8)]
    with_three_maps = weights(UNet(3, 25, 30, blocks))
    assert with_three_maps == weights(build_model(UNetSEConfig())) + 2 * 25 * 7**3
    assert round(with_three_maps / 1e6, 2) == 5.33


def test_layers_follow_the_paper() -> None:
    network = build_model(UNetSEConfig(outer=2, inner=3, blocks=4, reduction=2))
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv3d)]
    periodic = [module for module in convolutions if module.padding_mode == "circular"]
    assert [module.kernel_size for module in convolutions] == 10 * [(7, 7, 7)] + 2 * [(5, 5, 5)]
    assert periodic == convolutions[:10]
    assert sum(isinstance(module, SqueezeExcitation) for module in network.modules()) == 4
    assert sum(isinstance(module, nn.BatchNorm3d) for module in network.modules()) == 11


def test_kernels_start_with_the_spread_of_he() -> None:
    network = build_model(UNetConfig(blocks=1))
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.weight.numel() > 100_000:
            inputs = module.in_channels * module.kernel_size[0] ** 3
            assert float(module.weight.detach().std()) == pytest.approx((2.0 / inputs) ** 0.5, rel=0.02)


def small() -> UNet:
    network = build_model(UNetConfig(outer=2, inner=3, blocks=1))
    assert isinstance(network, UNet)
    return network.eval()


@pytest.mark.parametrize("shape", [(8, 8, 8), (6, 10, 14)])
def test_densities_have_the_grid_of_the_maps_and_lie_between_minus_one_and_one(
    shape: tuple[int, int, int],
) -> None:
    with torch.no_grad():
        density = small()(100.0 * torch.randn(1, 1, *shape), CELL, D_MIN)
    assert density.shape == (1, *shape)
    assert float(density.abs().max()) <= 1.0


def test_encoding_and_features_are_periodic_and_decoding_is_not() -> None:
    network, maps = small(), torch.randn(1, 1, 8, 8, 8)

    def features(maps: Tensor) -> Tensor:
        result: Tensor = network.features(network.pool(network.encoding(maps)))
        return result

    moved = maps.roll((2, 4, -2), (2, 3, 4))  # even steps stay whole behind the pooling
    torch.testing.assert_close(features(moved), features(maps).roll((1, 2, -1), (2, 3, 4)))
    decoded = network(maps, CELL, D_MIN)
    assert not torch.allclose(network(moved, CELL, D_MIN), decoded.roll((2, 4, -2), (1, 2, 3)), atol=1e-4)


def test_squeeze_and_excitation_weighs_whole_channels() -> None:
    features = torch.randn(2, 4, 3, 3, 3)
    ratio = SqueezeExcitation(4, 2)(features) / features
    torch.testing.assert_close(ratio, ratio[..., :1, :1, :1].expand_as(ratio))
    assert bool(((ratio > 0.0) & (ratio < 1.0)).all())


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((1, 1, 8, 9, 8), "8 × 9 × 8"),
        ((1, 1, 4, 8, 8), "4 × 8 × 8"),
        ((1, 2, 8, 8, 8), r"\(1, 2, 8, 8, 8\)"),
        ((1, 8, 8, 8), r"\(1, 8, 8, 8\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused(shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(UserError, match=found):
        small()(torch.zeros(shape), CELL, D_MIN)
