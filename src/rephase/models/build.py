"""From settings to a network."""

from functools import singledispatch

from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig, UNetSEConfig
from rephase.models.fast_unet import FastUNet
from rephase.models.network import DensityNetwork
from rephase.models.unet import ResidualBlock, SqueezeExcitation, UNet


@singledispatch
def build_model(config: ModelConfig) -> DensityNetwork:
    """Make a network, in training mode, with random weights that follow from torch's seed.

    Parameters
    ----------
    config
        Settings.
    """
    raise TypeError(f"no network for {type(config).__name__}")


@build_model.register
def _unet(config: UNetConfig) -> DensityNetwork:
    blocks = [ResidualBlock(config.inner) for _ in range(config.blocks)]
    return UNet(config.in_channels, config.outer, config.inner, blocks)


@build_model.register
def _unet_se(config: UNetSEConfig) -> DensityNetwork:
    blocks = [
        ResidualBlock(config.inner, SqueezeExcitation(config.inner, config.reduction))
        for _ in range(config.blocks)
    ]
    return UNet(config.in_channels, config.outer, config.inner, blocks)


@build_model.register
def _unet_fast(config: FastUNetConfig) -> DensityNetwork:
    return FastUNet(config)
