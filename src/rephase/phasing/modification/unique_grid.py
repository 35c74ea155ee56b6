"""Unique reflections ↔ maps over the whole cell, on a scale on which every crystal looks alike."""

from dataclasses import dataclass
from functools import cached_property

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.primitive import PrimitiveSetting, primitive_setting
from rephase.models.prior_data import FALL_OFF
from rephase.phasing.amplitude_grid import AmplitudeGrid, amplitude_grid
from rephase.phasing.prepare import PreparedData

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class UniqueGrid:
    """One crystal, its unique reflections and the grid of its primitive cell.

    Attributes
    ----------
    grid
        Grid near Nyquist, and how P1 follows from the unique reflections.
    setting
        The primitive cell.
    spacegroup, hkl
        Space group and unique reflections in the user's setting, shape ``(n, 3)``.
    amplitude
        Measured amplitudes with the standard fall-off exp(−B s²/4), B = `FALL_OFF` d_min², in place of that
        of the crystal, on the scale where the map of all of them has variance 1, shape ``(n,)``.
    e
        Normalised amplitudes, shape ``(n,)``.
    centric
        Shape ``(n,)``.
    epsilon
        Shape ``(n,)``.
    """

    grid: AmplitudeGrid
    setting: PrimitiveSetting
    spacegroup: gemmi.SpaceGroup
    hkl: NDArray[np.int32]
    amplitude: FloatArray
    e: FloatArray
    centric: NDArray[np.bool_]
    epsilon: FloatArray

    def __len__(self) -> int:
        return len(self.hkl)

    @property
    def d_min(self) -> float:
        """High-resolution limit in Å."""
        return float(1.0 / np.sqrt(self.inv_d2.max()))

    @cached_property
    def inv_d2(self) -> FloatArray:
        """1/d² of the unique reflections in Å⁻², shape ``(n,)``."""
        cell = self.setting.cell
        return np.asarray(cell.calculate_1_d2_array(self.setting.hkl_to_primitive(self.hkl)))

    def map(self, F: ComplexArray) -> Tensor:
        """Map of structure factors of the unique reflections, ``(n,)`` → ``(nu, nv, nw)``."""
        expansion = self.grid.expansion
        phases = expansion.phases(np.angle(F))
        return self.grid.density(self.grid.from_reflections(np.abs(F)[expansion.asu_index] * _unit(phases)))

    def structure_factors(self, rho: Tensor) -> ComplexArray:
        """Structure factors of a map averaged over symmetry mates, ``(nu, nv, nw)`` → ``(n,)``."""
        expansion = self.grid.expansion
        F = self.grid.at_reflections(self.grid.structure_factors(rho))
        return self.average(np.abs(F) * _unit(expansion.phases_to_asu(np.angle(F))))

    def average(self, values: ComplexArray) -> ComplexArray:
        """Average what the mates of each unique reflection say, ``(m,)`` → ``(n,)``."""
        index, rows = self.grid.expansion.asu_index, len(self)
        total = np.bincount(index, values.real, rows) + 1j * np.bincount(index, values.imag, rows)
        return np.asarray(total / np.maximum(np.bincount(index, minlength=rows), 1))

    def variance(self, weight: FloatArray) -> float:
        """Return the variance of a map of weighted amplitudes: Σ w² F² over the sphere, shape ``(n,)``."""
        index = self.grid.expansion.asu_index
        square = self.amplitude[index] ** 2
        return float((weight[index] ** 2 * square).sum() / square.sum())


def unique_grid(prepared: PreparedData, device: torch.device) -> UniqueGrid:
    """Bring prepared data to the standard fall-off and scale, on a grid near Nyquist.

    Parameters
    ----------
    prepared
        Amplitudes without anisotropy, E values, Wilson B.
    device
        Where maps are calculated.
    """
    data = prepared.reflections
    setting = primitive_setting(data.cell, data.spacegroup)
    hkl = setting.hkl_to_primitive(data.hkl)
    standard_b = FALL_OFF * data.d_min**2
    f = prepared.f_isotropic * np.exp(0.25 * (prepared.wilson_b - standard_b) * data.inv_d2)
    f = np.maximum(f, 0.0)
    grid = amplitude_grid(setting.cell, setting.operations, hkl, f, device, zero_mean=True)
    power = 2.0 * np.sum(f[grid.expansion.asu_index] ** 2)
    return UniqueGrid(
        grid=grid,
        setting=setting,
        spacegroup=data.spacegroup,
        hkl=data.hkl,
        amplitude=f * (setting.cell.volume / np.sqrt(power)),
        e=prepared.e,
        centric=data.centric,
        epsilon=data.epsilon,
    )


def _unit(phases: FloatArray) -> ComplexArray:
    return np.asarray(np.exp(1j * phases))
