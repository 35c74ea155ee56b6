"""The map of a crystal from amplitudes and phases of its asymmetric unit."""

import gemmi
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SAMPLING = 3.0
"""Grid points along d_min, as is usual for maps that are contoured: 1.5 times the least."""


def density_map(
    hkl: NDArray[np.int32],
    f: FloatArray,
    phi: FloatArray,
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
    sampling: float = SAMPLING,
) -> NDArray[np.float32]:
    """Calculate ρ(x) = 1/V Σ F exp(−2πi h·x) over one unit cell, without F000.

    Parameters
    ----------
    hkl
        Unique reflections, shape ``(n, 3)``.
    f, phi
        Map amplitudes and phases in radians, shape ``(n,)``.
    cell, spacegroup
        The crystal, also a centred one.
    sampling
        Grid points along d_min.

    Returns
    -------
    Density in units of `f` per Å³, shape ``(nu, nv, nw)``; symmetry maps grid points onto grid points.
    """
    values = (f * np.exp(1j * phi)).astype(np.complex64)
    coefficients = gemmi.ComplexAsuData(cell, spacegroup, np.asarray(hkl, dtype=np.int32), values)
    return np.array(coefficients.transform_f_phi_to_map(sample_rate=sampling), dtype=np.float32)
