"""What a density prior is told of a crystal, and the amplitudes that it is told it in."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from rephase.physics.cells import Shape, grid_inv_d2, resolution_mask
from rephase.physics.density import friedel_weights

FALL_OFF = 2.77
"""B of the standard amplitudes |E| exp(−B s²/4) is this times d_min²: intensities at the edge are a quarter
of those in the middle, whatever the B of the crystal."""

_DIMS = (-3, -2, -1)


@dataclass(frozen=True, eq=False)
class PriorData:
    """One crystal in P1, in its primitive cell, on the half-complex grid ``(u, v, w//2 + 1)``.

    Attributes
    ----------
    cell
        Å and degrees, shape ``(6,)``.
    d_min
        Å.
    shape
        Points of the maps ``(u, v, w)``, all even.
    amplitude
        Standard amplitudes on the scale of the orthonormal transform, such that a map of them has a mean
        square of about 1; 0 where nothing is known.
    expected
        The same for |E| = 1, everywhere.
    known
        Whether the amplitude is known, bool.
    within
        Whether a reflection lies within d_min, bool; 000 does not.
    """

    cell: Tensor
    d_min: float
    shape: Shape
    amplitude: Tensor
    expected: Tensor
    known: Tensor
    within: Tensor

    @cached_property
    def complete(self) -> bool:
        """Whether all reflections within d_min are known."""
        return bool((self.known == self.within).all())

    @cached_property
    def unknown(self) -> Tensor:
        """Root mean square amplitude where nothing is known, 0 elsewhere."""
        return (self.within & ~self.known) * self.expected

    def maps(self, F: Tensor) -> Tensor:
        """Return maps, ``(..., u, v, w)``, of coefficients on the scale of `amplitude`."""
        made: Tensor = torch.fft.irfftn(F, s=self.shape, dim=_DIMS, norm="ortho")
        return made

    def coefficients(self, maps: Tensor) -> Tensor:
        """Undo `maps`, within the resolution."""
        F: Tensor = torch.fft.rfftn(maps, dim=_DIMS, norm="ortho")
        return F * self.within

    def to(self, device: torch.device | str) -> "PriorData":
        """Return it on a device."""
        moved = (one.to(device) for one in (self.amplitude, self.expected, self.known, self.within))
        return PriorData(self.cell.to(device), self.d_min, self.shape, *moved)


def prior_data(e: Tensor, known: Tensor, cell: Tensor, d_min: float, shape: Shape) -> PriorData:
    """Bring normalised amplitudes to the standard fall-off and scale.

    Parameters
    ----------
    e
        |E|, shape ``(u, v, w//2 + 1)``, float32; anything where nothing is known.
    known
        bool, the same shape.
    cell
        Å and degrees, shape ``(6,)``.
    d_min
        Å.
    shape
        Numbers of points ``(u, v, w)``, all even.
    """
    within = resolution_mask(cell[None], shape, d_min)[0]
    within[0, 0, 0] = False
    fall_off = torch.exp(-grid_inv_d2(cell[None], shape)[0] * (FALL_OFF * d_min**2 / 4.0))
    power = (fall_off.square() * within * friedel_weights(shape, e)).sum()  # of a map with |E| = 1 everywhere
    expected = fall_off * (shape[0] * shape[1] * shape[2] / power).sqrt()
    known = known & within
    return PriorData(cell, d_min, shape, e * expected * known, expected, known, within)


def relative_s2(data: PriorData) -> Tensor:
    """1/d² in units of that of the edge, at most 1, on the half-complex grid."""
    return (grid_inv_d2(data.cell[None], data.shape)[0] * data.d_min**2).clamp(max=1.0)
