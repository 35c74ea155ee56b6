"""A map modified once: solvent flattened, histogram matched, and its own share taken out again."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.phasing.modification.histogram import (
    DensityCurve,
    ProteinDensity,
    expected_density,
    protein_density,
)
from rephase.phasing.modification.solvent_mask import FIRST_RADIUS, LAST_RADIUS, protein_probability
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_SHRINKING = 8  # cycles over which the sphere shrinks
_LEAST_SIGNAL = 1e-3  # variance of a map below which it is taken for noise alone
_LEAST_VARIANCE = 0.3  # of the protein, where the means of a bad map would leave it none


@dataclass(frozen=True, eq=False)
class Region:
    """What is known of the density: mean in the solvent, levels in the protein."""

    solvent_mean: float
    levels: FloatArray


class SolventAndHistogram:
    """Solvent flattening and histogram matching, cycle after cycle with a smaller sphere.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    protein_fraction
        Part of the cell that is not solvent, 0–1.
    """

    def __init__(self, crystal: UniqueGrid, protein_fraction: float) -> None:
        self._crystal = crystal
        self._protein_fraction = protein_fraction
        self._known = protein_density(crystal.d_min)

    def __call__(
        self, number: int, omitted: NDArray[np.bool_], phi: FloatArray, fom: FloatArray
    ) -> ComplexArray:
        """Estimate structure factors, those `omitted` without their amplitudes, shape ``(n,)``."""
        progress = min(1.0, (number - 1) / _SHRINKING)
        radius = FIRST_RADIUS + (LAST_RADIUS - FIRST_RADIUS) * progress
        return modified_structure_factors(
            self._crystal, phi, np.where(omitted, 0.0, fom), self._known, self._protein_fraction, radius
        )


@torch.inference_mode()
def modified_structure_factors(
    crystal: UniqueGrid,
    phi: FloatArray,
    fom: FloatArray,
    known: ProteinDensity,
    protein_fraction: float,
    radius: float,
) -> ComplexArray:
    """Estimate structure factors from the density that a map most likely stands for.

    The best map, coefficients m F exp iφ, is the true density times α = Σ m²F²/ΣF² plus errors: divided by α
    it is the truth with noise of variance (1 − α)/α. Every point becomes the mean of what it may be, solvent
    or protein. Its Fourier coefficients contain γ times those of the map itself, γ the mean slope of the
    change; they are taken out, so that the rest is what the other reflections say.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    phi, fom
        Phases in radians and figures of merit, shape ``(n,)``; fom 0 leaves a reflection out of the map.
    known
        Density of proteins at this resolution.
    protein_fraction
        Part of the cell, 0–1.
    radius
        Of the sphere that draws the boundary, Å.

    Returns
    -------
    Shape ``(n,)``, on an arbitrary scale; also of the reflections left out.

    Notes
    -----
    Solvent flattening: Wang (1985). Histogram matching: Zhang & Main (1990), Acta Cryst. A46, 41–46. γ:
    Abrahams (1997), Acta Cryst. D53, 371–376; Cowtan (1999), Acta Cryst. D55, 1555–1567.
    """
    F = fom * crystal.amplitude * np.exp(1j * phi)
    signal = float(np.clip(crystal.variance(fom), _LEAST_SIGNAL, 1.0))
    rho = crystal.map(F)
    protein = protein_probability(rho, crystal.grid, protein_fraction, radius)
    seen = rho / signal
    region = place_histogram(seen, protein, known)
    curve = expected_density(region.levels, float(np.sqrt((1.0 - signal) / signal)))
    inside = protein * look_up(seen, curve, curve.expected)
    own_share = float((protein * look_up(seen, curve, curve.slope)).mean()) / signal
    modified = inside + (1.0 - protein) * region.solvent_mean
    return np.asarray(crystal.structure_factors(modified) - own_share * F)


def place_histogram(seen: Tensor, protein: Tensor, known: ProteinDensity) -> Region:
    """Place the histogram: the means of both regions are those of the map, the variances add up to 1.

    Parameters
    ----------
    seen
        True density with noise, variance of the truth 1, mean 0, shape ``(nu, nv, nw)``.
    protein
        Probability of protein, the same shape.
    known
        Density of proteins at this resolution.
    """
    part = float(protein.mean())
    inside = float((protein * seen).mean()) / max(part, 1e-6)
    outside = float(((1.0 - protein) * seen).mean()) / max(1.0 - part, 1e-6)
    rest = 1.0 - (1.0 - part) * (known.solvent_spread**2 + outside**2) - part * inside**2
    spread = np.sqrt(max(rest / max(part, 1e-6), _LEAST_VARIANCE))
    return Region(outside, inside + spread * known.levels)


def look_up(rho: Tensor, curve: DensityCurve, values: FloatArray) -> Tensor:
    """Evaluate a curve by linear interpolation, constant beyond its ends; shape of `rho`."""
    place = ((rho - curve.start) / curve.step).clamp(0.0, len(values) - 1.001)
    low = place.long()
    table = torch.as_tensor(values, dtype=rho.dtype, device=rho.device)
    return torch.lerp(table[low], table[low + 1], place - low)
