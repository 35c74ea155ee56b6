"""Resolution shells, low to high resolution, and their completeness."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ShellIndex = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Shells:
    """Division of reciprocal space into concentric shells.

    Attributes
    ----------
    edges
        1/d² of the boundaries in Å⁻², ascending, shape ``(count + 1,)``.
    """

    edges: FloatArray

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def d_range(self) -> FloatArray:
        """Low- and high-resolution limit of each shell in Å, shape ``(count, 2)``."""
        d = 1.0 / np.sqrt(np.maximum(self.edges, 1e-12))
        return np.stack([d[:-1], d[1:]], axis=1)

    def assign(self, inv_d2: FloatArray) -> ShellIndex:
        """Return the shell of each 1/d², shape ``(n,)``; outside the edges the nearest shell."""
        return np.clip(np.searchsorted(self.edges, inv_d2, side="right") - 1, 0, len(self) - 1)

    def means(self, inv_d2: FloatArray, values: FloatArray) -> FloatArray:
        """Return the mean of `values`, shape ``(n,)``, per shell; NaN where a shell is empty."""
        shell = self.assign(inv_d2)
        counts = np.bincount(shell, minlength=len(self))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.bincount(shell, values, minlength=len(self)) / counts)


def equal_count_shells(inv_d2: FloatArray, count: int) -> Shells:
    """Divide reflections into shells of nearly equal numbers.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    count
        Number of shells, at most one per reflection.
    """
    count = max(1, min(count, len(inv_d2)))
    return quantile_shells(inv_d2, np.linspace(0.0, 1.0, count + 1))


def quantile_shells(inv_d2: FloatArray, levels: FloatArray) -> Shells:
    """Divide reflections at given fractions of their number.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    levels
        Ascending fractions from 0 to 1, shape ``(count + 1,)``.
    """
    return Shells(_widened(np.unique(np.quantile(inv_d2, levels))))


def equal_volume_shells(inv_d2: FloatArray, count: int) -> Shells:
    """Divide the sphere between the resolution limits into shells of equal volume, equal steps in 1/d³.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    count
        Number of shells.
    """
    low, high = inv_d2.min() ** 1.5, inv_d2.max() ** 1.5
    return Shells(_widened(np.linspace(low, high, max(1, count) + 1) ** (2.0 / 3.0)))


def possible_reflections(
    cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup, d_min: float
) -> NDArray[np.int32]:
    """Return all unique reflections to d_min that symmetry allows, 000 not included, shape ``(m, 3)``."""
    return np.asarray(gemmi.make_miller_array(cell, spacegroup, d_min), dtype=np.int32)


def completeness(measured_inv_d2: FloatArray, possible_inv_d2: FloatArray, shells: Shells) -> FloatArray:
    """Return the measured fraction of the possible reflections per shell; NaN where none is possible."""
    measured = np.bincount(shells.assign(measured_inv_d2), minlength=len(shells))
    possible = np.bincount(shells.assign(possible_inv_d2), minlength=len(shells))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.minimum(measured / possible, 1.0)


def _widened(edges: FloatArray) -> FloatArray:
    """Move the outer edges a little outwards, so that rounding keeps every reflection inside."""
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0]])
    edges = edges.astype(np.float64)
    edges[0] *= 1.0 - 1e-6
    edges[-1] *= 1.0 + 1e-6
    return edges
