"""Coefficients averaged over symmetry mates, as often as wanted, at the origin of the group."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid


@dataclass(frozen=True, eq=False)
class MateAverage:
    """Average coefficients of one crystal over symmetry mates; made by `mate_average`.

    Attributes
    ----------
    grid
        The crystal.
    turn
        exp(iφ) that a row of the expansion gains from its unique reflection, shape ``(m,)``.
    mean
        Means of the rows of each unique reflection, sparse, shape ``(n, m)``.
    listed
        Whether a place of the grid holds a row, bool, shape ``(nu, nv, nw//2 + 1)``.
    """

    grid: AmplitudeGrid
    turn: NDArray[np.complex128]
    mean: scipy.sparse.csr_array
    listed: Tensor

    def __call__(self, F: Tensor) -> Tensor:
        """Average coefficients, shape ``(..., nu, nv, nw//2 + 1)``; those of no row stay."""
        expansion = self.grid.expansion
        rows = self.grid.at_reflections(F) * self.turn.conj()
        own = np.where(expansion.conjugate, rows.conj(), rows).reshape(-1, len(expansion))
        unique = (self.mean @ own.T).T[:, expansion.asu_index].reshape(rows.shape)
        back = np.where(expansion.conjugate, unique.conj(), unique) * self.turn
        return torch.where(self.listed, self.grid.from_reflections(back), F)


def mate_average(grid: AmplitudeGrid) -> MateAverage:
    """Find out which rows of a crystal are mates."""
    expansion = grid.expansion
    rows = np.arange(len(expansion))
    size = int(expansion.asu_index.max()) + 1
    share = 1.0 / np.bincount(expansion.asu_index, minlength=size)[expansion.asu_index]
    return MateAverage(
        grid,
        turn=np.exp(1j * expansion.shift),
        mean=scipy.sparse.csr_array((share, (expansion.asu_index, rows)), (size, len(expansion))),
        listed=grid.from_reflections(np.ones(len(expansion), dtype=np.complex128)).real > 0.5,
    )
