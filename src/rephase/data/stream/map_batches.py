"""Maps of a batch of crystals, made where the batch is: Patterson function in, density out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.intensity_shells import normalised, without_mean
from rephase.data.stream.observation import Observation, observe
from rephase.data.stream.scaling import (
    ScaledMap,
    scaled_by_constant,
    scaled_by_own_range,
    scaled_by_own_spread,
)
from rephase.io.config import Config
from rephase.physics.cells import cell_volume
from rephase.physics.density import density_from_structure_factors, patterson_from_intensities

PattersonKind = Literal["published", "no-origin", "normalised"]
Scale = Literal["own-range", "own-spread"] | Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class MapOptions(Config):
    """Which maps are made.

    Attributes
    ----------
    patterson
        Coefficients: ``published``, I as in both papers; ``no-origin``, I − ⟨I⟩ in resolution shells;
        ``normalised``, |E|² − 1.
    patterson_scale, density_scale
        ``own-range``: each map to [−1, 1], as in the Patterson U-Net; ``own-spread``: to mean 0 and standard
        deviation 1; a number: divided by it, 926.581 and 4.404 in RecCrysFormer, 1 for the maps themselves.
    """

    patterson: PattersonKind = "published"
    patterson_scale: Scale = "own-range"
    density_scale: Scale = "own-range"


@dataclass(frozen=True, eq=False)
class MapBatch:
    """Maps and data of a batch.

    Attributes
    ----------
    patterson
        From the measured intensities, e²/Å³ (e⁰/Å³ if normalised) before scaling; ``(batch, nu, nv, nw)``.
    density
        Of molecules and solvent to d_min, without errors and gaps, e/Å³ before scaling; the same shape.
    observation
        Structure factors and measurements on the half-complex grid.
    cell
        Å and degrees, shape ``(batch, 6)``.
    d_min
        Å, shape ``(batch,)``.
    """

    patterson: ScaledMap
    density: ScaledMap
    observation: Observation
    cell: Tensor
    d_min: Tensor


@torch.no_grad()
def maps_of(batch: CrystalBatch, options: MapOptions | None = None) -> MapBatch:
    """Make the maps of a batch on its device, in float32 also under autocast.

    Parameters
    ----------
    batch
        Crystals on a common grid.
    options
        Which maps.
    """
    options = options or MapOptions()
    with torch.autocast(batch.cell.device.type, enabled=False):
        data = observe(batch)
        density = density_from_structure_factors(data.F, cell_volume(batch.cell), batch.shape)
        return MapBatch(
            patterson=patterson_of(data.intensity, data.inv_d2, data.measured, batch.cell, options),
            density=_scaling(options.density_scale)(density),
            observation=data,
            cell=batch.cell,
            d_min=batch.d_min,
        )


def patterson_of(
    intensity: Tensor, inv_d2: Tensor, measured: Tensor, cell: Tensor, options: MapOptions
) -> ScaledMap:
    """Make Patterson maps of measured intensities.

    Parameters
    ----------
    intensity
        Electrons², 0 where not measured, shape ``(batch, nu, nv, nw//2 + 1)``, nw even.
    inv_d2
        1/d² in Å⁻², the same shape.
    measured
        bool, the same shape.
    cell
        Å and degrees, shape ``(batch, 6)``.
    options
        Which coefficients, and the scale.
    """
    coefficients = _COEFFICIENTS[options.patterson](intensity, inv_d2, measured)
    _, nu, nv, half = intensity.shape
    maps = patterson_from_intensities(coefficients, cell_volume(cell), (nu, nv, 2 * (half - 1)))
    return _scaling(options.patterson_scale)(maps)


def _published(intensity: Tensor, inv_d2: Tensor, measured: Tensor) -> Tensor:
    return intensity


_COEFFICIENTS: dict[PattersonKind, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "published": _published,
    "no-origin": without_mean,
    "normalised": normalised,
}


def _scaling(scale: Scale) -> Callable[[Tensor], ScaledMap]:
    if scale == "own-range":
        return scaled_by_own_range
    if scale == "own-spread":
        return scaled_by_own_spread
    return partial(scaled_by_constant, divisor=scale)
