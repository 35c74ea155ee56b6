"""A prior of protein density: from a map with phase errors to the density that it most likely stands for.

It knows no cell, origin or size of a molecule, only what density looks like for some Å around and what the
amplitudes are. Kernels see the neighbourhood; every block also proposes maps, gives them the amplitudes of
the crystal, and goes on with the result, so that one pass is a few iterations of phase retrieval. It learns
the mean of all densities that are possible, so that the amplitude of a coefficient falls below the measured
one as its phase gets uncertain: the ratio is a figure of merit.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rephase.models.config import DensityPriorConfig
from rephase.models.grid_features import from_half_grid, geometry, to_half_grid
from rephase.models.hand_judge import HandJudge
from rephase.models.metric_convolution import MetricConvolution, kernel_taps
from rephase.models.prior_data import PriorData
from rephase.models.prior_sum import PriorSum
from rephase.models.recycling import FINER
from rephase.physics.density import zoom_map

MAPS = 3
"""Inputs: the map as it is now, the density predicted last, the map that was given at first."""

_WEAK = 1e-2
"""Part of the root mean square below which a coefficient of a map counts less: it hardly has a phase."""

_STATISTICS = 9
_DIMS = (-3, -2, -1)


class DensityPrior(nn.Module):
    """Maps of one crystal to densities.

    Attributes
    ----------
    judge
        Tells the hand of a density: the rest of the network likes both alike (LOG.md).

    Parameters
    ----------
    config
        Settings.
    """

    def __init__(self, config: DensityPriorConfig) -> None:
        super().__init__()
        width = config.width
        self.encoding = nn.Linear(8 * MAPS, width)
        self.context = nn.Sequential(nn.Linear(_GEOMETRY + _STATISTICS, _CONTEXT), nn.ReLU())
        self.blocks = nn.ModuleList(PriorBlock(width, config.maps) for _ in range(config.blocks))
        self.normalisation = nn.LayerNorm(width)
        self.decoding = nn.Linear(width, 8)
        self.sum = PriorSum(_CONTEXT, MAPS)
        nn.init.zeros_(self.decoding.weight)
        self.judge = HandJudge()

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Predict densities, band-limited to d_min.

        Parameters
        ----------
        maps
            Of standard amplitudes, shape ``(batch, 3, u, v, w)``: with the phases as they are now; predicted
            last; given at first, its coefficients weighted by their figures of merit. Zero for none.
        data
            The crystal, the same for all of the batch.

        Returns
        -------
        On the scale of the maps, shape ``(batch, u, v, w)``; the coefficients estimate |A|⟨exp iφ⟩.
        """
        with torch.autocast(maps.device.type, enabled=False):
            surroundings = self._surroundings(maps, data)
            half = (data.shape[0] // 2, data.shape[1] // 2, data.shape[2] // 2)
            taps = kernel_taps(data.cell, half, data.d_min)
            context = self.context(surroundings)
        features = self.encoding(to_half_grid(maps))  # in the precision of autocast from here on
        for block in self.blocks:
            features = block(features, context, taps, data)
        density = from_half_grid(self.decoding(self.normalisation(features))).squeeze(1)
        with torch.autocast(maps.device.type, enabled=False):
            own, shown = data.coefficients(density.float()), data.coefficients(maps)
            return data.maps(self.sum(own, shown, context, data))

    @torch.no_grad()
    def odds_of_hand(self, density: Tensor, data: PriorData) -> Tensor:
        """Judge the hand of densities, shape ``(batch, u, v, w)``, on a grid twice as fine.

        Returns
        -------
        Natural logarithm of the odds that they show L residues, shape ``(batch,)``.
        """
        u, v, w = data.shape
        fine = zoom_map(density.float(), (FINER * u, FINER * v, FINER * w))
        odds: Tensor = self.judge(fine, data.cell[None].expand(len(density), -1))
        return odds

    def _surroundings(self, maps: Tensor, data: PriorData) -> Tensor:
        """Describe grid, resolution and the state of the maps, shape ``(batch, 16)``."""
        d_min = torch.tensor([data.d_min], device=maps.device, dtype=maps.dtype)
        grid = geometry(data.cell[None].to(maps), data.shape, d_min)
        steps = grid[:, :3] - grid[:, 3:4]  # in units of d_min
        crystal = torch.cat([steps, grid[:, 3:]], dim=1).expand(len(maps), -1)
        products = torch.einsum("biuvw,bjuvw->bij", maps, maps) / maps[0, 0].numel()
        one, other = torch.triu_indices(MAPS, MAPS, device=maps.device)
        third = (maps * maps.square()).mean(_DIMS)
        return torch.cat([crystal, products[:, one, other], 0.3 * third], dim=1)


class PriorBlock(nn.Module):
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
        self.crystal = nn.Linear(_CONTEXT, 2 * width)
        self.neighbourhood = MetricConvolution(width)
        self.read = nn.Linear(width, 8 * maps)
        self.write = nn.Linear(8 * maps, width)
        last = nn.Linear(2 * width, width)
        self.channels = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), last)
        for starts_from_nothing in (self.crystal.weight, self.crystal.bias, last.weight):
            nn.init.zeros_(starts_from_nothing)

    def forward(self, features: Tensor, context: Tensor, taps: Tensor, data: PriorData) -> Tensor:
        """Change features, shape ``(batch, u/2, v/2, w/2, width)``.

        Parameters
        ----------
        features
            So far.
        context
            Of crystal and state, shape ``(batch, 32)``; sets scale and offset of every channel.
        taps
            Of the kernels, see `kernel_taps`.
        data
            Amplitudes.
        """
        scale, offset = self.crystal(context)[:, None, None, None].to(features.dtype).chunk(2, dim=-1)
        even = torch.addcmul(offset, self.before(features), 1.0 + scale)
        near = self.neighbourhood(even, taps)
        maps = with_known_amplitudes(from_half_grid(self.read(even)), data)
        features = features + functional.relu(near) + self.write(to_half_grid(maps).to(features.dtype))
        changed: Tensor = features + self.channels(features)
        return changed


def with_known_amplitudes(maps: Tensor, data: PriorData) -> Tensor:
    """Give maps, ``(batch, maps, u, v, w)``, the amplitudes that are known; the others stay, scaled alike."""
    with torch.autocast(maps.device.type, enabled=False):
        F = torch.fft.rfftn(maps.float(), dim=_DIMS, norm="ortho")
        parts = torch.view_as_real(F)
        square = parts.square().sum(-1)
        strength = square.detach().mean(_DIMS, keepdim=True) + torch.finfo(square.dtype).tiny ** 0.5
        scale = data.amplitude * torch.rsqrt(square + _WEAK**2 * strength)
        if not data.complete:
            scale = scale + data.unknown * torch.rsqrt(strength)
        return data.maps(torch.view_as_complex(parts * scale[..., None]))


_GEOMETRY = 7
_CONTEXT = 32
