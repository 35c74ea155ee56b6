"""One example of a stream: a fragment in a crystal, with everything about it that is drawn at random."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from rephase.crystal.grid import Shape, grid_shape
from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.placement import placed
from rephase.data.crystals.recipes import draw_crystal
from rephase.data.stream.molecules import Molecule, draw_subwindow
from rephase.data.stream.stream_config import Measurement, RateGrid, SpacingGrid, StreamConfig

_ROUNDING = 1e-5
"""Relative; an index this close to the limit may count as inside in float32, and the grid has to hold it."""


@dataclass(frozen=True, eq=False)
class MeasurementDraw:
    """How one crystal is measured; the fields are those of `Measurement`.

    Attributes
    ----------
    i_over_sigma_edge, completeness, beam_stop, blind_cone, rotation_range
        Values drawn, Å and degrees; 1 for errors and beam stops that are switched off.
    bulk_solvent
        Whether there is solvent.
    scan
        Rows: beam at the start of the scan, its normal, and the rotation axis; shape ``(3, 3)``.
    """

    i_over_sigma_edge: float
    completeness: float
    beam_stop: float
    blind_cone: float
    rotation_range: float
    bulk_solvent: bool
    scan: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Example:
    """A crystal and its experiment; without symmetry copies, since thousands wait in memory for their batch.

    Attributes
    ----------
    row, epoch
        Which fragment of the set, in which pass over it.
    crystal
        The molecule in its crystal.
    d_min
        Å.
    shape
        The smallest grid that serves this crystal alone, in its primitive cell.
    measurement
        Errors and gaps.
    """

    row: int
    epoch: int
    crystal: CrystalModel
    d_min: float
    shape: Shape
    measurement: MeasurementDraw


def draw_example(molecule: Molecule, row: int, epoch: int, config: StreamConfig) -> Example | None:
    """Draw crystal, resolution, grid, B values and experiment of one fragment.

    Everything follows from the seed, the epoch and the row, whatever else is drawn and where. Crystal and
    experiment are drawn apart, so that the same crystals can be seen with and without errors of the data.

    Returns
    -------
    The example; None where the fragment does not fit the crystal, or has no such run of residues.
    """
    of_crystal, of_data = (np.random.default_rng([config.seed, epoch, row, part]) for part in range(2))
    if config.subwindow is not None:
        run = draw_subwindow(molecule, config.subwindow, of_crystal)
        if run is None:
            return None
        molecule = run
    crystal = _crystal(molecule, config, of_crystal)
    if crystal is None:
        return None
    d_min = molecule.d_min
    if config.d_min is not None:
        d_min = float(np.float32(of_data.uniform(*config.d_min)))
    measurement = draw_measurement(config.measurement, of_data)
    sampling = _oversampling(config.grid, d_min, of_data)
    b_iso = _draw_b(molecule.residue, config, of_crystal)
    primitive = primitive_setting(crystal.cell, crystal.spacegroup)
    return Example(
        row=row,
        epoch=epoch,
        crystal=replace(crystal, b_iso=b_iso, elements=crystal.elements.copy()),  # not a view of many others
        d_min=d_min,
        shape=own_grid(primitive.cell, d_min, sampling),
        measurement=measurement,
    )


def own_grid(cell: gemmi.UnitCell, d_min: float, oversampling: float) -> Shape:
    """Return the smallest FFT-friendly grid for a crystal, like `grid_shape`, safe in float32."""
    wanted = grid_shape(cell, d_min, oversampling)
    least = grid_shape(cell, d_min * (1.0 - _ROUNDING))
    nu, nv, nw = (max(n, m) for n, m in zip(wanted, least, strict=True))
    return nu, nv, nw


def spacing_oversampling(spacing: float, d_min: float) -> float:
    """Return the sampling relative to Nyquist of grid points at most `spacing` Å apart, never below 1."""
    return max(1.0, d_min / (2.0 * spacing))


def _oversampling(grid: RateGrid | SpacingGrid, d_min: float, rng: np.random.Generator) -> float:
    if isinstance(grid, SpacingGrid):
        return spacing_oversampling(grid.spacing, d_min)
    return float(rng.uniform(*grid.rate)) / 2.0


def _crystal(molecule: Molecule, config: StreamConfig, rng: np.random.Generator) -> CrystalModel | None:
    if config.crystal is not None:
        return draw_crystal(molecule.xyz_cart, molecule.elements, config.crystal, rng)
    if molecule.placement is None:
        return None
    return placed(molecule.placement, molecule.xyz_cart, molecule.elements)


def _draw_b(
    residue: NDArray[np.int16], config: StreamConfig, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw lognormal B: half of the variance is between residues, half between the atoms of each."""
    mean = float(rng.uniform(*config.b_iso))
    if config.b_spread == 0.0:
        return np.full(len(residue), mean)
    of_residue = rng.normal(size=int(residue.max()) + 1)[residue]
    deviation = (of_residue + rng.normal(size=len(residue))) * np.sqrt(0.5)
    return np.asarray(mean * np.exp(config.b_spread * deviation - config.b_spread**2 / 2.0))


def draw_measurement(ranges: Measurement, rng: np.random.Generator) -> MeasurementDraw:
    """Draw how a crystal is measured; what is switched off is drawn too: the rest does not depend on it."""
    return MeasurementDraw(
        i_over_sigma_edge=float(rng.uniform(*ranges.i_over_sigma_edge or (1.0, 1.0))),
        completeness=float(rng.uniform(*ranges.completeness)),
        beam_stop=float(rng.uniform(*ranges.beam_stop or (1.0, 1.0))),
        blind_cone=float(rng.uniform(*ranges.blind_cone)),
        rotation_range=float(rng.uniform(*ranges.rotation_range)),
        bulk_solvent=bool(rng.random() < ranges.bulk_solvent),
        scan=Rotation.from_quat(rng.normal(size=4)).as_matrix(),
    )
