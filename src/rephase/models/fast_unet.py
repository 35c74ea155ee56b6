"""A cheap U-Net for any cell, at the Nyquist grid, that returns to the measured amplitudes in every block.

The way of the published U-Nets (encode, residual blocks on the half grid, decode) with other means. The grid
is the coarsest that holds the reflections. Small periodic kernels see the neighbourhood, and what lies far
away comes through Fourier space: every block proposes maps, gives them the amplitudes of the crystal, and
goes on with the result, as iterative phase retrieval does. The Patterson map is given about the centre of the
cell, where the molecule is to be; place, cell and resolution are inputs.

A Patterson map has the hands of a molecule in it alike. With a judge of the hand (`HandJudge`) this network
has only to find one of the two, not the mean of both, and the judge says which one it was.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rephase.models.amplitude_projection import (
    AmplitudeProjection,
    Spectrum,
    spectrum_of,
    within_resolution,
)
from rephase.models.config import FastUNetConfig
from rephase.models.grid_features import (
    GEOMETRY_FEATURES,
    POSITION_CHANNELS,
    from_half_grid,
    geometry,
    periodic_border,
    positions,
    to_half_grid,
)
from rephase.models.hand_judge import HandJudge
from rephase.models.mirror import mirrored
from rephase.models.network import DensityNetwork
from rephase.physics.cells import grid_inv_d2

SHARPENING = 16.0
"""Å²; B taken off the amplitudes of the second Patterson map, so that vectors between atoms stand apart."""


class FastUNet(DensityNetwork):
    """Patterson maps to densities, on the grid of the Patterson maps.

    The first channel is the Patterson map of the intensities, on any scale; not one of normalised data, from
    which amplitudes could not be told. An answer does not depend on the other crystals of the batch.

    Parameters
    ----------
    config
        Settings.
    """

    def __init__(self, config: FastUNetConfig) -> None:
        super().__init__(config.in_channels, HandJudge() if config.hand else None)
        patterson_maps, known_maps = 2, 2 * (config.in_channels - 1)
        given = 8 * (patterson_maps + known_maps) + POSITION_CHANNELS
        self.encoding = nn.Linear(given, config.width)
        self.blocks = nn.ModuleList(FastBlock(config.width, config.maps) for _ in range(config.blocks))
        self.normalisation = nn.LayerNorm(config.width)
        self.decoding = nn.Linear(config.width, 8)

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        """Predict densities, band-limited to d_min; see `DensityNetwork.forward`."""
        self.check(maps)
        with torch.autocast(maps.device.type, enabled=False):
            spectrum = spectrum_of(maps[:, 0], cell, d_min)
            known = _standardised(maps[:, 1:])
            given = torch.cat([_pattersons(spectrum, cell), known, mirrored(known)], dim=1)
            places = positions(cell, spectrum.shape)
            crystal = geometry(cell, spectrum.shape, d_min)
        features = self.encoding(torch.cat([to_half_grid(given), places], dim=-1))
        for block in self.blocks:
            features = block(features, spectrum, crystal)
        density = from_half_grid(self.decoding(self.normalisation(features))).squeeze(1)
        return within_resolution(density, spectrum)


class FastBlock(nn.Module):
    """Neighbourhood, amplitudes, and channels: three changes added to features on the half grid.

    Parameters
    ----------
    width
        Channels of the features.
    maps
        Maps that are given the amplitudes of the crystal.
    """

    def __init__(self, width: int, maps: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.crystal = nn.Linear(GEOMETRY_FEATURES, 2 * width)
        self.neighbourhood = nn.Conv3d(width, width, 3)
        self.projection = AmplitudeProjection(width, maps)
        last = nn.Linear(2 * width, width)
        self.channels = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), last)
        for starts_from_nothing in (self.crystal.weight, self.crystal.bias, last.weight):
            nn.init.zeros_(starts_from_nothing)

    def forward(self, features: Tensor, spectrum: Spectrum, crystal: Tensor) -> Tensor:
        """Change features, shape ``(batch, u/2, v/2, w/2, width)``.

        Parameters
        ----------
        features
            So far.
        spectrum
            Amplitudes of the crystals.
        crystal
            Steps of the grid and resolution, shape ``(batch, 7)``; sets scale and offset of every channel.
        """
        scale, offset = self.crystal(crystal)[:, None, None, None].chunk(2, dim=-1)
        even = self.before(features) * (1.0 + scale) + offset
        bordered = periodic_border(even, 1).permute(0, 4, 1, 2, 3)
        near = self.neighbourhood(bordered).permute(0, 2, 3, 4, 1)
        features = features + functional.relu(near) + self.projection(even, spectrum)
        changed: Tensor = features + self.channels(features)
        return changed


def _pattersons(spectrum: Spectrum, cell: Tensor) -> Tensor:
    """Patterson maps about the centre of the cell, plain and sharpened, shape ``(batch, 2, u, v, w)``."""
    intensity = spectrum.amplitude.square()
    sharpened = intensity * torch.exp(grid_inv_d2(cell, spectrum.shape) * (SHARPENING / 2.0))
    both = torch.stack([intensity, sharpened], dim=1)
    maps: Tensor = torch.fft.irfftn(both, s=spectrum.shape, dim=(-3, -2, -1))
    half = (spectrum.shape[0] // 2, spectrum.shape[1] // 2, spectrum.shape[2] // 2)
    return _standardised(maps).roll(half, (-3, -2, -1))


def _standardised(maps: Tensor) -> Tensor:
    """Bring each map to mean 0 and mean square 1; a flat one to 0."""
    centred = maps - maps.mean((-3, -2, -1), keepdim=True)
    spread = centred.square().mean((-3, -2, -1), keepdim=True).sqrt()
    return centred / torch.where(spread > 0.0, spread, 1.0)
