"""Mean intensities in resolution shells, for Patterson maps without their origin peak or of point atoms."""

import torch
from torch import Tensor

MOST_SHELLS = 20
"""As many as data-processing programs print."""

_PER_SHELL = 50
"""Least number of reflections, Friedel mates counted once: ⟨I⟩ is then known to 1/√50, 14 %."""


def mean_intensity(intensity: Tensor, inv_d2: Tensor, measured: Tensor) -> Tensor:
    """Mean of the measured intensities of each reflection's resolution shell, in P1 (ε = 1).

    Shells are of equal volume, at most 20 and with about 50 reflections or more.

    Parameters
    ----------
    intensity
        Shape ``(batch, nu, nv, nw//2 + 1)``.
    inv_d2
        1/d² in Å⁻², the same shape.
    measured
        bool, the same shape.

    Returns
    -------
    The same shape; without meaning where not measured.
    """
    weight = _weight(measured, intensity.dtype)
    shell = _shell(inv_d2, measured, weight)
    # in float64 the order in which a GPU adds does not show
    empty = torch.zeros((len(shell), MOST_SHELLS), device=shell.device, dtype=torch.float64)
    sums = empty.scatter_add(1, shell, (weight * intensity).flatten(1).double())
    weights = empty.scatter_add(1, shell, weight.flatten(1).double())
    means = (sums / weights.clamp(min=1.0)).to(intensity.dtype)
    return means.gather(1, shell).view_as(intensity)


def without_mean(intensity: Tensor, inv_d2: Tensor, measured: Tensor) -> Tensor:
    """I − ⟨I⟩ of the shell: the Patterson function without its origin peak. Shapes as in `mean_intensity`.

    Returns
    -------
    The same shape; 0 where not measured.
    """
    return torch.where(measured, intensity - mean_intensity(intensity, inv_d2, measured), 0.0)


def normalised(intensity: Tensor, inv_d2: Tensor, measured: Tensor) -> Tensor:
    """|E|² − 1 = I/⟨I⟩ − 1: the Patterson function of point atoms without its origin peak.

    Shapes as in `mean_intensity`.

    Returns
    -------
    The same shape; 0 where not measured, and in shells whose mean is not positive.
    """
    mean = mean_intensity(intensity, inv_d2, measured)
    usable = measured & (mean > 0.0)
    return torch.where(usable, intensity / torch.where(usable, mean, 1.0) - 1.0, 0.0)


def _weight(measured: Tensor, dtype: torch.dtype) -> Tensor:
    """Count Friedel mates once: in the plane l = 0 both lie on the grid."""
    weight = measured.to(dtype)
    weight[..., 0] *= 0.5
    return weight


def _shell(inv_d2: Tensor, measured: Tensor, weight: Tensor) -> Tensor:
    """Shell of every reflection, from 0 at low resolution, shape ``(batch, reflections)``."""
    volume = torch.where(measured, inv_d2, 0.0).flatten(1).pow(1.5)
    shells = (weight.flatten(1).sum(1, keepdim=True) / _PER_SHELL).floor().clamp(1, MOST_SHELLS)
    edge = volume.amax(1, keepdim=True).clamp(min=torch.finfo(volume.dtype).tiny)
    return (volume / edge * shells).floor().clamp(max=shells - 1.0).long()
