"""A layer that gives feature maps the amplitudes of the crystal, found from its Patterson map."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rephase.models.grid_features import from_half_grid, to_half_grid
from rephase.physics.cells import Shape, resolution_mask
from rephase.physics.density import friedel_weights

_DIMS = (-3, -2, -1)
_WEAK = 1e-2
"""Part of the root mean square below which a coefficient of a map counts less: it hardly has a phase."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Amplitudes of crystals on the half-complex grid ``(batch, u, v, w//2 + 1)``.

    Attributes
    ----------
    amplitude
        Of maps with mean 0 and mean square 1, on the scale of the orthonormal transform.
    within
        Whether a reflection lies within d_min, bool; 000 does.
    shape
        Numbers of points ``(u, v, w)``.
    """

    amplitude: Tensor
    within: Tensor
    shape: Shape


def spectrum_of(patterson: Tensor, cell: Tensor, d_min: Tensor) -> Spectrum:
    """Find the amplitudes behind Patterson maps.

    Parameters
    ----------
    patterson
        Synthesis of the intensities, on any scale and with any constant added; ``(batch, u, v, w)``.
    cell
        Å and degrees, shape ``(batch, 6)``.
    d_min
        Å, shape ``(batch,)``.
    """
    shape = (patterson.shape[1], patterson.shape[2], patterson.shape[3])
    reflections = resolution_mask(cell, shape, d_min)
    intensity = torch.fft.rfftn(patterson, dim=_DIMS, norm="ortho").real.clamp(min=0.0) * reflections
    total = (intensity * friedel_weights(shape, intensity)).sum(_DIMS, keepdim=True)
    points = shape[0] * shape[1] * shape[2]
    amplitude = (intensity * (points / torch.where(total > 0.0, total, points))).sqrt()
    within = reflections.clone()
    within[:, 0, 0, 0] = True
    return Spectrum(amplitude, within, shape)


class AmplitudeProjection(nn.Module):
    """Reads maps out of features, puts the amplitudes of the crystal back into them, and returns them.

    As in iterative phase retrieval, every point of the result depends on all of the features: phases come
    from the network, amplitudes from the experiment. Coefficients that are nearly zero stay weak, since they
    say nothing about a phase.

    Parameters
    ----------
    channels
        Features on the half grid.
    maps
        Maps on the whole grid.
    """

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.read = nn.Linear(channels, 8 * maps)
        self.write = nn.Linear(8 * maps, channels)

    def forward(self, features: Tensor, spectrum: Spectrum) -> Tensor:
        """Project features, shape ``(batch, u/2, v/2, w/2, channels)``."""
        maps = from_half_grid(self.read(features))
        written: Tensor = self.write(to_half_grid(with_amplitudes(maps, spectrum)))
        return written


def with_amplitudes(maps: Tensor, spectrum: Spectrum) -> Tensor:
    """Give maps, shape ``(batch, maps, u, v, w)``, the amplitudes of a spectrum; in its precision."""
    with torch.autocast(maps.device.type, enabled=False):
        F = torch.fft.rfftn(maps.to(spectrum.amplitude.dtype), dim=_DIMS, norm="ortho")
        square = F.real.square() + F.imag.square()
        strength = square.detach().mean(_DIMS, keepdim=True)
        floor = torch.finfo(square.dtype).tiny ** 0.5
        scale = spectrum.amplitude[:, None] * torch.rsqrt(square + _WEAK**2 * strength + floor)
        projected: Tensor = torch.fft.irfftn(F * scale, s=spectrum.shape, dim=_DIMS, norm="ortho")
        return projected


def within_resolution(density: Tensor, spectrum: Spectrum) -> Tensor:
    """Drop what a density, shape ``(batch, u, v, w)``, has beyond d_min; in the precision of the spectrum."""
    with torch.autocast(density.device.type, enabled=False):
        F = torch.fft.rfftn(density.to(spectrum.amplitude.dtype), dim=_DIMS)
        limited: Tensor = torch.fft.irfftn(F * spectrum.within, s=spectrum.shape, dim=_DIMS)
        return limited
