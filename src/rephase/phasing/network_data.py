"""From measured amplitudes to what a network is given: P1, primitive cell, the grid of its training."""

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.grid import Shape
from rephase.crystal.primitive import PrimitiveSetting
from rephase.crystal.symmetry import expand_to_p1, systematic_absences
from rephase.crystal.wilson import WilsonPlot
from rephase.data.stream.examples import own_grid, spacing_oversampling
from rephase.data.stream.map_batches import patterson_of
from rephase.data.stream.stream_config import SpacingGrid
from rephase.errors import UserError
from rephase.models.network_input import NetworkInput
from rephase.models.trained import NetworkRecord
from rephase.phasing.amplitude_grid import half_complex_hkl
from rephase.phasing.prepare import PreparedData
from rephase.physics.cells import grid_inv_d2, resolution_mask
from rephase.physics.reflection_grid import grid_index, hkl_to_grid

FloatArray = NDArray[np.float64]

LAST_REFLECTION = 0.01
"""Part of the resolution limit by which the last reflection may fall short of it: a file does not say where
its data were cut, and a small cell has few reflections there."""

OWN_ANISOTROPY = 10.0
"""Å²; largest ΔB that a small molecule shows without any error of the crystal (4–5 at 1.5 Å), doubled. Less
is left in the amplitudes, as in the training."""

RESIDUE_VOLUME = 135.0
"""Å³ of an average residue, 110 Da × 1.23 Å³/Da."""


def measured_input(
    prepared: PreparedData, setting: PrimitiveSetting, record: NetworkRecord, device: torch.device
) -> NetworkInput:
    """Describe measured data as the training of a network described simulated ones.

    Reflections beyond the best resolution of the training are left out; those that symmetry forbids count as
    measured.

    Parameters
    ----------
    prepared
        Measured amplitudes.
    setting
        Primitive cell of the crystal.
    record
        Says on which maps the network was trained.
    device
        Where the maps are made.

    Returns
    -------
    A batch of one, float32. Amplitudes are in electrons as far as Wilson's statistics and the solvent
    content tell, which only matters for networks whose maps have a fixed scale.

    Raises
    ------
    UserError
        When no reflection lies within the resolution of the training.
    """
    data = prepared.reflections
    expansion = expand_to_p1(setting.hkl_to_primitive(data.hkl), setting.operations)
    inv_d2 = np.asarray(setting.cell.calculate_1_d2_array(expansion.hkl), dtype=np.float64)
    shown = np.flatnonzero(inv_d2 <= record.trained.d_min[0] ** -2 * (1.0 + 1e-6))
    if not len(shown):
        wanted = f"reflections to {record.trained.d_min[0]:.2f} Å, which the network knows"
        raise UserError(wanted, "none", "type --weights none")
    d_min = _resolution(float(inv_d2[shown].max() ** -0.5), record.trained.d_min[0])
    shape = network_grid(setting, record, d_min)
    index = grid_index(torch.from_numpy(expansion.hkl[shown]).to(device), shape)
    f = _amplitudes(prepared, setting)[expansion.asu_index[shown]]
    fobs = hkl_to_grid(torch.from_numpy(f.astype(np.float32)).to(device), index)[None]
    cell = torch.tensor([setting.cell.parameters], dtype=torch.float32, device=device)
    limit = torch.tensor([d_min], dtype=torch.float32, device=device)
    listed = hkl_to_grid(torch.ones(len(shown), device=device), index)[None] > 0.5
    forbidden = torch.from_numpy(systematic_absences(half_complex_hkl(shape), setting.operations)).to(device)
    measured = listed | (forbidden.view_as(listed) & resolution_mask(cell, shape, limit))
    patterson = patterson_of(fobs.square(), grid_inv_d2(cell, shape), measured, cell, record.maps)
    return NetworkInput(patterson.values, fobs, measured, cell, limit)


def _resolution(last: float, trained: float) -> float:
    """Resolution limit, Å, of data whose last reflection is at `last`, for a network trained to `trained`."""
    return trained if last <= trained * (1.0 + LAST_REFLECTION) else last


def network_grid(setting: PrimitiveSetting, record: NetworkRecord, d_min: float) -> Shape:
    """Return the grid on which a network wants its maps; the coarsest one where it knows several.

    Parameters
    ----------
    setting
        Primitive cell of the crystal.
    record
        Of the network.
    d_min
        Å.
    """
    grid = record.grid
    if isinstance(grid, SpacingGrid):
        return own_grid(setting.cell, d_min, spacing_oversampling(grid.spacing, d_min))
    return own_grid(setting.cell, d_min, grid.rate[0] / 2.0)


def _amplitudes(prepared: PreparedData, setting: PrimitiveSetting) -> FloatArray:
    """Amplitudes of the unique reflections in electrons, shape ``(n,)``."""
    crystal_is_anisotropic = prepared.quality.anisotropy.delta_b > OWN_ANISOTROPY
    f = prepared.f_isotropic if crystal_is_anisotropic else prepared.reflections.f
    residues = setting.cell.volume * (1.0 - prepared.solvent_fraction) / RESIDUE_VOLUME
    return f * _electrons_per_unit(prepared.quality.wilson, residues)


def _electrons_per_unit(wilson: WilsonPlot, residues: float) -> float:
    """Factor from the scale of the file to electrons, for a cell of so many average residues."""
    return float(np.sqrt(residues / wilson.scale))
