"""Measured amplitudes on a half-complex grid in P1: what every projection works on."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.grid import grid_shape
from rephase.crystal.symmetry import P1Expansion, Symmetry, expand_to_p1, systematic_absences
from rephase.physics.density import density_from_structure_factors, structure_factors_from_density
from rephase.physics.reflection_grid import GridIndex, grid_index, grid_to_hkl, hkl_to_grid

FloatArray = NDArray[np.float64]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class AmplitudeGrid:
    """Amplitudes of one crystal in P1, ready for batched projections.

    Attributes
    ----------
    cell
        Primitive cell, Å and degrees.
    shape
        Grid points ``(nu, nv, nw)``.
    expansion
        How each P1 reflection follows from the asymmetric unit.
    amplitude
        Amplitudes scaled to a root mean square of 1 over the sphere, zero where none is known, float32,
        shape ``(nu, nv, nw//2 + 1)``.
    known
        True where `amplitude` is to be imposed: measured, or forbidden by symmetry.
    missing
        True inside the resolution sphere where nothing is known; the density decides there.
    inv_d2
        1/d² in Å⁻², same shape.
    index
        Places of the rows of the expansion on the grid.
    """

    cell: gemmi.UnitCell
    shape: Shape
    expansion: P1Expansion
    amplitude: Tensor
    known: Tensor
    missing: Tensor
    inv_d2: Tensor
    index: GridIndex

    def density(self, F: Tensor) -> Tensor:
        """Map of structure factors, shape ``(..., nu, nv, nw)``."""
        return density_from_structure_factors(F, self.cell.volume, self.shape)

    def structure_factors(self, rho: Tensor) -> Tensor:
        """Structure factors of a map, shape ``(..., nu, nv, nw//2 + 1)``."""
        return structure_factors_from_density(rho, self.cell.volume)

    def at_reflections(self, F: Tensor) -> NDArray[np.complex128]:
        """Read structure factors at the rows of the expansion, shape ``(..., m)``."""
        values = grid_to_hkl(F, self.index)
        return np.asarray(values.resolve_conj().cpu().numpy(), dtype=np.complex128)

    def from_reflections(self, values: NDArray[np.complex128]) -> Tensor:
        """Write values at the rows of the expansion, ``(..., m)``, to arrays ``(..., nu, nv, nw//2 + 1)``."""
        listed = torch.from_numpy(np.asarray(values, dtype=np.complex64)).to(self.amplitude.device)
        return hkl_to_grid(listed, self.index)

    def without(self, omitted: NDArray[np.bool_]) -> "AmplitudeGrid":
        """Treat some rows of the expansion, mask of shape ``(m,)``, as not measured."""
        left_out = self.from_reflections(omitted.astype(np.complex128)).real > 0.5
        zero = torch.zeros((), dtype=self.amplitude.dtype, device=self.amplitude.device)
        return replace(
            self,
            amplitude=torch.where(left_out, zero, self.amplitude),
            known=self.known & ~left_out,
            missing=self.missing | left_out,
        )


def amplitude_grid(
    cell: gemmi.UnitCell,
    operations: Symmetry,
    hkl: NDArray[np.int32],
    amplitude: FloatArray,
    device: torch.device,
    zero_mean: bool,
) -> AmplitudeGrid:
    """Expand amplitudes to P1 and put them on a grid near Nyquist.

    Parameters
    ----------
    cell, operations
        Primitive cell and its symmetry.
    hkl, amplitude
        Unique reflections in that cell, shapes ``(n, 3)`` and ``(n,)``; any scale.
    device
        Where the grid lives.
    zero_mean
        Take F000 as known to be zero; otherwise it is missing.
    """
    expansion = expand_to_p1(hkl, operations)
    d_min = float(1.0 / np.sqrt(np.asarray(cell.calculate_1_d2_array(expansion.hkl)).max()))
    shape = grid_shape(cell, d_min)
    values = np.asarray(amplitude, dtype=np.float64)[expansion.asu_index]
    values = values / np.sqrt(np.mean(values**2))
    grid_hkl = half_complex_hkl(shape)
    inv_d2 = np.asarray(cell.calculate_1_d2_array(grid_hkl), dtype=np.float64)
    inv_d2 = inv_d2.reshape(shape[0], shape[1], -1)
    inside = torch.from_numpy(inv_d2 <= d_min**-2 * (1 + 1e-6)).to(device)
    index = grid_index(torch.from_numpy(expansion.hkl).to(device), shape)
    listed = torch.from_numpy(values.astype(np.float32)).to(device)
    measured = hkl_to_grid(torch.ones_like(listed), index) > 0.5
    forbidden = torch.from_numpy(systematic_absences(grid_hkl, operations).reshape(inv_d2.shape)).to(device)
    known = measured | (forbidden & inside)
    known[0, 0, 0] = zero_mean
    return AmplitudeGrid(
        cell=cell,
        shape=shape,
        expansion=expansion,
        amplitude=hkl_to_grid(listed, index),
        known=known,
        missing=inside & ~known,
        inv_d2=torch.from_numpy(inv_d2.astype(np.float32)).to(device),
        index=index,
    )


def half_complex_hkl(shape: Shape) -> NDArray[np.int32]:
    """Return the indices on a half-complex grid in its order, shape ``(nu · nv · (nw//2 + 1), 3)``."""
    nu, nv, nw = shape
    axes = (np.fft.fftfreq(nu, 1 / nu), np.fft.fftfreq(nv, 1 / nv), np.arange(nw // 2 + 1))
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).round().astype(np.int32)
