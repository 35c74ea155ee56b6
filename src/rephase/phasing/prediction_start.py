"""A search that starts from densities that a network predicts, and learns the size of the molecule there."""

import math
from functools import partial

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import MolecularEnvelope
from rephase.phasing.predictions import Predictions
from rephase.phasing.search import Problem, Recipe
from rephase.physics.cells import grid_inv_d2

STARTS = 8
"""Every one of them reached the solution in 50 iterations (LOG.md)."""

PHASE_NOISE = 0.5
"""Radians; standard deviation of what is added to predicted phases. A network that leaves the hand open
predicts both at once, and no iteration leaves a density that is its own mirror image."""

VOLUME_RADIUS, VOLUME_FACTOR = 2.0, 1.25
"""Å, and the volume of a molecule in terms of the evenly filled volume that its predicted density, averaged
over this radius, is worth: calibrated on dipeptides in cells of 12 Å, where it varies by 13 %. In cells of
20 Å it gives 1.4 times the volume, which does no harm (LOG.md)."""

LARGEST_FRACTION = 0.7
"""Of the cell inside the envelope, whatever is predicted: proteins fill no more."""


def from_predictions(predictions: Predictions) -> Recipe:
    """Envelope and positivity, from predicted phases.

    Parameters
    ----------
    predictions
        Of a network for this crystal.
    """
    fraction = predicted_fraction(predictions)
    return Recipe(
        name=f"envelope from the prediction of {predictions.name}",
        solvent=1.0 - fraction,
        sharpening=0.0,
        beta=0.90,
        zero_mean=False,
        constraint=partial(MolecularEnvelope, fraction=fraction),
        start=partial(prediction_starts, predictions=predictions),
        most_starts=STARTS,
        predicted=True,
    )


def predicted_fraction(predictions: Predictions) -> float:
    """Part of the cell that the molecule takes by the mean prediction.

    A density that is even in a volume v and zero elsewhere has (∫ρ)²/∫ρ² = v; so has the positive part of a
    smooth one, nearly. Where the prediction is flat the molecule may be anywhere.
    """
    spread = predictions.maps.std((1, 2, 3), keepdim=True)
    maps = predictions.maps / torch.where(spread > 0.0, spread, 1.0)
    shape = (maps.shape[1], maps.shape[2], maps.shape[3])
    inv_d2 = grid_inv_d2(predictions.data.cell, shape)[0]
    blur = torch.exp(-2.0 * math.pi**2 * (VOLUME_RADIUS / 2.0) ** 2 * inv_d2)
    F = torch.fft.rfftn(maps.mean(0)) * blur
    F[0, 0, 0] = 0.0
    rho = torch.fft.irfftn(F, s=shape).clamp(min=0.0).double()
    if not rho.any():
        return LARGEST_FRACTION
    return min(VOLUME_FACTOR * float(rho.mean().square() / rho.square().mean()), LARGEST_FRACTION)


def prediction_starts(
    problem: Problem,
    grid: AmplitudeGrid,
    starts: int,
    generator: torch.Generator,
    *,
    predictions: Predictions,
) -> Tensor:
    """Make maps of the known amplitudes with predicted phases, each start those of another setting.

    Parameters
    ----------
    problem
        Amplitudes.
    grid
        Working amplitudes.
    starts
        Maps wanted; where there are fewer predictions these come again, with other noise.
    generator
        Draws the noise.
    predictions
        Of a network for this crystal; reflections that it was not shown start from zero.

    Returns
    -------
    Shape ``(starts, nu, nv, nw)``.
    """
    F = torch.from_numpy(predictions.structure_factors(problem.grid.expansion.hkl))
    F = F[torch.arange(starts) % len(F)]
    noise = PHASE_NOISE * torch.randn(F.shape, generator=generator, dtype=torch.float64)
    amplitude = torch.from_numpy(problem.full) * ~torch.from_numpy(problem.omitted) * (F != 0)
    values = torch.polar(amplitude, F.angle() + noise)
    return grid.density(grid.from_reflections(values.numpy()))
