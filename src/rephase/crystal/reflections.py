"""Measured reflections of one crystal."""

from dataclasses import dataclass, replace
from functools import cached_property

import gemmi
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Reflections:
    """Amplitudes of one crystal, one row per unique reflection.

    Attributes
    ----------
    hkl
        Miller indices, shape ``(n, 3)``, int32.
    f, sigf
        Amplitude and its standard uncertainty, shape ``(n,)``, float64, on the file's own scale.
        Every row is measured: missing reflections are absent rows, never NaN.
    cell
        Unit cell, Å and degrees.
    spacegroup
        Space group in the file's own setting.
    """

    hkl: IndexArray
    f: FloatArray
    sigf: FloatArray
    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup

    def __len__(self) -> int:
        return len(self.hkl)

    @cached_property
    def inv_d2(self) -> FloatArray:
        """1/d² in Å⁻², shape ``(n,)``."""
        return np.asarray(self.cell.calculate_1_d2_array(self.hkl), dtype=np.float64)

    @cached_property
    def d(self) -> FloatArray:
        """Resolution d in Å, shape ``(n,)``; infinite for 000."""
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / np.sqrt(self.inv_d2))

    @property
    def d_min(self) -> float:
        """High-resolution limit in Å."""
        return float(self.d.min())

    @property
    def d_max(self) -> float:
        """Low-resolution limit in Å."""
        return float(self.d.max())

    @cached_property
    def centric(self) -> NDArray[np.bool_]:
        """Centric flags, shape ``(n,)``."""
        return np.asarray(self.spacegroup.operations().centric_flag_array(self.hkl), dtype=bool)

    @cached_property
    def epsilon(self) -> FloatArray:
        """Statistical weight ε without the lattice centring, shape ``(n,)``.

        The number of symmetry operators whose rotation part maps hkl onto itself.
        """
        ops = self.spacegroup.operations()
        return np.asarray(ops.epsilon_factor_without_centering_array(self.hkl), dtype=np.float64)

    def select(self, mask: NDArray[np.bool_]) -> "Reflections":
        """Return the rows where `mask`, shape ``(n,)``, is true."""
        return replace(self, hkl=self.hkl[mask], f=self.f[mask], sigf=self.sigf[mask])
