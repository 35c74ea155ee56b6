"""Starting phases with errors of the kinds that phasing begins with."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.models.prior_data import relative_s2
from rephase.physics.cells import Shape
from rephase.train.prior.crystals import TrueCrystal

_SHELLS = 8
_MISJUDGED = (0.8, 1.1)
"""By what figures of merit are off: users' own are rarely calibrated."""


@dataclass(frozen=True, eq=False)
class StartingPhases:
    """Phases of one state on the half-complex grid.

    Attributes
    ----------
    phi
        Radians, shape ``(u, v, w//2 + 1)``.
    fom
        What ⟨cos Δφ⟩ they are thought to have, 0–1, the same shape; 0 where nothing is known of them.
    """

    phi: Tensor
    fom: Tensor


def random_phases(crystal: TrueCrystal, generator: torch.Generator) -> StartingPhases:
    """Draw phases of white noise, of which nothing is known."""
    phi = _white(crystal, generator).angle()
    return StartingPhases(phi, torch.zeros_like(phi))


def noisy_phases(crystal: TrueCrystal, generator: torch.Generator) -> StartingPhases:
    """Take true phases after noise was added to the coefficients: weak ones get larger errors.

    The noise grows or falls with resolution at random.
    """
    level, slope = _uniform(generator, -1.5, 2.0), _uniform(generator, -0.7, 1.0)
    ratio = math.exp(level) * torch.exp(slope * relative_s2(crystal.data)) * crystal.data.expected
    phi = (crystal.truth + _white(crystal, generator) * ratio).angle()
    x = 2.0 * crystal.truth.abs().square() / ratio.square()
    return StartingPhases(phi, _sim_weight(x) * _uniform(generator, *_MISJUDGED))


def erroneous_phases(crystal: TrueCrystal, generator: torch.Generator) -> StartingPhases:
    """Give true phases Gaussian errors, whatever the amplitude, that grow or fall with resolution."""
    cosine, slope = _uniform(generator, 0.02, 0.98), _uniform(generator, -0.5, 1.0)
    sigma = spread_of(cosine) * torch.exp(slope * (relative_s2(crystal.data) - 0.6))
    phi = phases_with_errors(crystal, sigma, generator)
    return StartingPhases(phi, torch.exp(-0.5 * sigma.square()) * _uniform(generator, *_MISJUDGED))


def phases_with_errors(crystal: TrueCrystal, sigma: Tensor | float, generator: torch.Generator) -> Tensor:
    """Return true phases with Gaussian errors of standard deviation `sigma`, radians."""
    moved: Tensor = crystal.truth.angle() + sigma * gaussian_errors(crystal.data.shape, generator)
    return moved


def gaussian_errors(shape: Shape, generator: torch.Generator) -> Tensor:
    """Draw errors of phases on the half-complex grid, Gaussian with a standard deviation of 1 radian."""
    white: Tensor = torch.fft.rfftn(torch.randn(shape, generator=generator), norm="ortho")
    odd: Tensor = white.imag * math.sqrt(2.0)  # φ(−h) = −φ(h)
    return odd


def spread_of(cosine: float) -> float:
    """Return the standard deviation of Gaussian errors with a mean cos Δφ, radians."""
    return math.sqrt(-2.0 * math.log(cosine))


def partial_model_phases(crystal: TrueCrystal, generator: torch.Generator) -> StartingPhases:
    """Take the phases of a model that lacks many atoms, in one run or here and there, the others being off.

    From a tenth to three quarters are missing; the others are off by up to 0.6 Å on average.
    """
    count = len(crystal.model)
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    missing = rng.uniform(0.1, 0.75)
    order = (np.arange(count) / count + rng.random()) % 1.0
    if rng.random() < 0.3:
        order = rng.permutation(count) / count
    shift = rng.normal(size=(count, 3)) * (rng.uniform(0.0, 0.6) / math.sqrt(3.0))
    kept = order >= missing
    if not kept.any():
        return random_phases(crystal, generator)
    return model_phases(crystal, crystal.with_atoms(kept, shift), _uniform(generator, *_MISJUDGED))


def model_phases(crystal: TrueCrystal, model: CrystalModel, misjudged: float = 1.0) -> StartingPhases:
    """Take the phases of a model, with Sim weights by the true σA of each resolution times a number."""
    F, data = crystal.structure_factors(model), crystal.data
    bins = (relative_s2(crystal.data) * _SHELLS).long().clamp(0, _SHELLS - 1)
    observed, calculated = crystal.truth.abs() / data.expected, F.abs() / data.expected
    rms = _means(calculated.square(), bins, data.within).sqrt().clamp(min=1e-6)
    calculated = calculated / rms
    cosine = torch.cos(F.angle() - crystal.truth.angle())
    sigma_a = _means(observed * calculated * cosine, bins, data.within).clamp(0.0, 0.98)
    x = 2.0 * sigma_a * observed * calculated / (1.0 - sigma_a.square())
    return StartingPhases(F.angle(), _sim_weight(x) * misjudged)


def _means(values: Tensor, bins: Tensor, within: Tensor) -> Tensor:
    """Mean over the reflections of each shell, at every reflection."""
    inside = bins[within]
    count = torch.bincount(inside, minlength=_SHELLS).clamp(min=1)
    return (torch.bincount(inside, values[within], minlength=_SHELLS) / count).to(values.dtype)[bins]


def _sim_weight(x: Tensor) -> Tensor:
    weight: Tensor = torch.special.i1e(x) / torch.special.i0e(x)
    return weight


def _white(crystal: TrueCrystal, generator: torch.Generator) -> Tensor:
    white: Tensor = torch.fft.rfftn(torch.randn(crystal.data.shape, generator=generator), norm="ortho")
    return white


def _uniform(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


PhaseErrors = Callable[[TrueCrystal, torch.Generator], StartingPhases]
