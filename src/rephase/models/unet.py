"""The 3-D U-Nets of 2023, from a Patterson map to the density of a small crystal, as published.

Hurwitz's network with residual blocks (Pan et al. 2023, IUCrJ 10, 487): two
convolutions and a pooling, residual blocks on the half grid, upsampling and two convolutions. Encoding and
features are periodic, the decoding is padded with zeros. Cell and resolution are not used.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from rephase.models.network import DensityNetwork

FEATURE_KERNEL = 7
DECODING_KERNEL = 5
"""Points along each side of the kernels, 3.5 and 2.5 Å on the grid of 0.5 Å."""


class UNet(DensityNetwork):
    """The published frame around residual blocks.

    Only the last convolution and the reweighting have biases, as in the authors' program.

    Parameters
    ----------
    in_channels
        Maps.
    outer
        Channels of the first convolution and of the last but one.
    inner
        Channels of the residual blocks.
    blocks
        The residual blocks.
    """

    def __init__(self, in_channels: int, outer: int, inner: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__(in_channels)
        self.encoding = nn.Sequential(
            *_convolution(in_channels, outer), nn.ReLU(), *_convolution(outer, inner), nn.ReLU()
        )
        self.pool = nn.MaxPool3d(2)
        self.features = nn.Sequential(*blocks)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.decoding = nn.Sequential(
            nn.Conv3d(inner, outer, DECODING_KERNEL, padding="same", bias=False),
            nn.BatchNorm3d(outer),
            nn.ReLU(),
            nn.Conv3d(outer, 1, DECODING_KERNEL, padding="same"),
        )
        # the padding of 3 on the half grid must not exceed it
        self.smallest_side = FEATURE_KERNEL - 1
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        """Predict densities in [−1, 1]; see `DensityNetwork.forward`."""
        self.check(maps)
        features = self.features(self.pool(self.encoding(maps)))
        density: Tensor = torch.tanh(self.decoding(self.upsample(features))).squeeze(1)
        return density


class ResidualBlock(nn.Module):
    """Two periodic convolutions added to what they started from.

    Parameters
    ----------
    channels
        In and out.
    reweighting
        What the channels pass before they are added.
    """

    def __init__(self, channels: int, reweighting: nn.Module | None = None) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(channels, channels), nn.ReLU(), *_convolution(channels, channels)
        )
        self.reweighting = reweighting or nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Change features, shape ``(batch, channels, u, v, w)``."""
        return torch.relu(features + self.reweighting(self.convolutions(features)))


class SqueezeExcitation(nn.Module):
    """Weights for the channels, from the mean of each over the map (Hu et al. 2018, arXiv:1709.01507).

    Parameters
    ----------
    channels
        In and out.
    reduction
        Divisor of the number of channels in between.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.weights = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Weigh features, shape ``(batch, channels, u, v, w)``."""
        weights: Tensor = self.weights(features.mean((-3, -2, -1)))
        return features * weights[..., None, None, None]


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    """Make a periodic convolution and a normalisation, which makes a bias needless."""
    convolution = nn.Conv3d(
        inputs, outputs, FEATURE_KERNEL, padding="same", padding_mode="circular", bias=False
    )
    return convolution, nn.BatchNorm3d(outputs)
