"""The Patterson function of the measured data, to find translations that copy a molecule onto another."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.grid import grid_shape
from rephase.crystal.symmetry import expand_to_p1

FloatArray = NDArray[np.float64]

_D_RANGE = (5.0, 10.0)  # Å; the range in which whole molecules, not their atoms, interfere
_CLEAR_OF_ORIGIN = 15.0  # Å; nearer peaks come from within one molecule
_FEWEST = 50  # reflections in that range; fewer make ripples as high as peaks


@dataclass(frozen=True)
class PattersonPeak:
    """Highest Patterson peak away from the origin.

    Attributes
    ----------
    vector_frac
        Position as fractions of the cell edges.
    height
        Height as a fraction of the origin peak.
    """

    vector_frac: tuple[float, float, float]
    height: float


def patterson_map(
    hkl: NDArray[np.int32],
    intensity: FloatArray,
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
    oversampling: float = 1.5,
) -> FloatArray:
    """Calculate P(u) = 1/V Σ I exp(−2πi h·u), without F000.

    Parameters
    ----------
    hkl, intensity
        Unique reflections ``(n, 3)`` and their intensities ``(n,)``.
    cell, spacegroup
        The crystal.
    oversampling
        Sampling relative to Nyquist.

    Returns
    -------
    The whole cell, shape ``(nu, nv, nw)``.
    """
    d_min = float(cell.calculate_d_array(hkl).min())
    shape = grid_shape(cell, d_min, oversampling)
    expansion = expand_to_p1(hkl, spacegroup)
    coefficients = np.zeros((shape[0], shape[1], shape[2] // 2 + 1))
    values = intensity[expansion.asu_index]
    h, k, ell = expansion.hkl.T
    coefficients[h, k, ell] = values
    plane = ell == 0  # both Friedel mates of this plane are stored in a half-complex array
    coefficients[-h[plane], -k[plane], 0] = values[plane]
    # real and even: the sign of the exponent does not matter
    return np.fft.irfftn(coefficients, s=shape, axes=(0, 1, 2)) * (np.prod(shape) / cell.volume)


def pseudo_translation(
    hkl: NDArray[np.int32], intensity: FloatArray, cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup
) -> PattersonPeak | None:
    """Find the highest peak of the 10–5 Å Patterson map more than 15 Å from every lattice point.

    Lattice centring makes such peaks by itself; they are not counted.

    Parameters
    ----------
    hkl, intensity
        Unique reflections ``(n, 3)`` and their intensities ``(n,)``.
    cell, spacegroup
        The crystal.

    Returns
    -------
    The peak, or None where the cell is too small or the range holds too few reflections.
    """
    d = cell.calculate_d_array(hkl)
    used = (d >= _D_RANGE[0]) & (d <= _D_RANGE[1])
    if np.count_nonzero(used) < _FEWEST:
        return None
    density = patterson_map(hkl[used], intensity[used], cell, spacegroup)
    far = np.full(density.shape, True)
    for translation in spacegroup.operations().cen_ops:
        far &= _distance_to(np.array(translation) / gemmi.Op.DEN, density.shape, cell) > _CLEAR_OF_ORIGIN
    if not far.any():
        return None
    place = np.unravel_index(np.argmax(np.where(far, density, -np.inf)), density.shape)
    u, v, w = (float(i / n) for i, n in zip(place, density.shape, strict=True))
    return PattersonPeak((u, v, w), float(density[place] / density[0, 0, 0]))


def _distance_to(point: FloatArray, shape: tuple[int, ...], cell: gemmi.UnitCell) -> FloatArray:
    """Distance in Å from every grid point to the nearest lattice image of `point`, shape ``shape``."""
    axes = [np.arange(n) / n - x for n, x in zip(shape, point, strict=True)]
    axes = [axis - np.rint(axis) for axis in axes]
    orth = np.array(cell.orth.mat.tolist())
    nearest = np.full(shape, np.inf)
    for image in np.ndindex(3, 3, 3):
        u, v, w = (axis + (step - 1) for axis, step in zip(axes, image, strict=True))
        square = np.zeros(shape)
        for row in orth:
            square += (row[0] * u[:, None, None] + row[1] * v[None, :, None] + row[2] * w) ** 2
        np.minimum(nearest, square, out=nearest)
    return np.asarray(np.sqrt(nearest))
