"""Crystals with their truth, as the density prior is to see them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.wilson import mean_intensity_curve
from rephase.data.crystals.crystal_model import CrystalModel, primitive_p1
from rephase.data.stream.crystal_batches import crystal_batch, packed_cells
from rephase.data.stream.examples import Example
from rephase.data.stream.observation import observe
from rephase.data.stream.stream_config import Measurement
from rephase.models.prior_data import PriorData, prior_data
from rephase.physics.cells import grid_inv_d2
from rephase.physics.structure_factors import structure_factors


@dataclass(frozen=True, eq=False)
class TrueCrystal:
    """A crystal with its truth.

    Attributes
    ----------
    data
        What the prior is told.
    truth
        True coefficients on the scale of its amplitudes, complex, shape ``(u, v, w//2 + 1)``.
    per_electron
        What brings structure factors in electrons to that scale, the same shape.
    model
        The crystal.
    """

    data: PriorData
    truth: Tensor
    per_electron: Tensor
    model: CrystalModel

    @property
    def floating(self) -> bool:
        """Whether the origin is free along all axes."""
        return len(self.model.spacegroup.operations()) == 1

    def structure_factors(self, model: CrystalModel) -> Tensor:
        """Coefficients of another model in the same cell, on the scale of the truth."""
        cells = self.data.cell[None]
        atoms = packed_cells([primitive_p1(model)])
        return structure_factors(atoms, cells, self.data.d_min, self.data.shape)[0] * self.per_electron

    def with_atoms(self, kept: NDArray[np.bool_], shift_cart: NDArray[np.float64]) -> CrystalModel:
        """Keep some atoms of the asymmetric unit, ``(n,)``, and move all of it by ``(n, 3)`` Å."""
        model = self.model
        to_frac = np.array(model.cell.frac.mat.tolist())
        return replace(
            model,
            xyz_frac=(model.xyz_frac + shift_cart @ to_frac.T)[kept],
            elements=model.elements[kept],
            b_iso=model.b_iso[kept],
        )


def true_crystal(
    example: Example, measurement: Measurement, unmodelled: float, seed: int, generator: torch.Generator
) -> TrueCrystal:
    """Measure an example, and normalise the amplitudes as phasing does.

    Parameters
    ----------
    example
        A crystal.
    measurement
        Errors and gaps that occur.
    unmodelled
        Size of what scatters but is not in the model, as a part of the structure factors at each resolution.
    seed
        Of the errors of measurement.
    generator
        Draws what is not in the model.
    """
    batch = crystal_batch([example], measurement, seed)
    seen = observe(batch)
    shape, cell, d_min = batch.shape, batch.cell[0], float(batch.d_min[0])
    inv_d2 = grid_inv_d2(batch.cell, shape)[0]
    within = seen.F[0].abs() > 0.0
    white = torch.fft.rfftn(torch.randn(shape, generator=generator), norm="ortho")
    total = seen.F[0] + unmodelled * white / _per_electron(seen.F[0].abs(), within, inv_d2)
    intensity = seen.fobs[0].square() + total.abs().square() - seen.F[0].abs().square()
    fobs = intensity.clamp(min=0.0).sqrt() * seen.measured[0]
    per_electron = _per_electron(fobs, seen.measured[0], inv_d2)
    data = prior_data(fobs * per_electron, seen.measured[0], cell, d_min, shape)
    to_standard = per_electron * data.expected * data.within
    return TrueCrystal(data, seen.F[0] * to_standard, to_standard, example.crystal)


def _per_electron(amplitude: Tensor, measured: Tensor, inv_d2: Tensor) -> Tensor:
    at, rows = inv_d2.numpy().astype(np.float64), measured.numpy()
    intensity = amplitude.numpy()[rows].astype(np.float64) ** 2
    curve = mean_intensity_curve(intensity, at[rows], at.ravel())
    return torch.from_numpy(1.0 / np.sqrt(curve)).float().view(amplitude.shape)
