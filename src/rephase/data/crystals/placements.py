"""Placements of many fragments, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.placement import Placement

SYMBOL_LENGTH = 12  # the longest Hermann–Mauguin symbol with its setting, as in P 42/n n m:2


@dataclass(frozen=True, eq=False)
class Placements:
    """The crystals of n fragments; see `Placement` for the meaning of each number.

    Attributes
    ----------
    cell
        Å and degrees, shape ``(n, 6)``.
    spacegroup
        Hermann–Mauguin symbols in ASCII, shape ``(n,)``.
    rotation
        Unit quaternions (x, y, z, w), shape ``(n, 4)``.
    centre_frac
        Fractional positions of the mass-weighted centres, shape ``(n, 3)``.
    """

    cell: NDArray[np.float32]
    spacegroup: NDArray[np.bytes_]
    rotation: NDArray[np.float32]
    centre_frac: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.cell)

    def __getitem__(self, i: int) -> Placement:
        """Return one placement, in float64."""
        return Placement(
            cell=self.cell[i].astype(np.float64),
            spacegroup=self.spacegroup[i].decode("ascii"),
            rotation=self.rotation[i].astype(np.float64),
            centre_frac=self.centre_frac[i].astype(np.float64),
        )

    def take(self, rows: NDArray[np.int64]) -> "Placements":
        """Return the placements of some rows, in their order."""
        return Placements(self.cell[rows], self.spacegroup[rows], self.rotation[rows], self.centre_frac[rows])


def placements_from(placements: Sequence[Placement]) -> Placements:
    """Put single placements into arrays, rounded to float32: within 1e-5 Å for cells up to 100 Å."""
    return Placements(
        cell=_rows([one.cell for one in placements], 6),
        spacegroup=np.array([one.spacegroup.encode("ascii") for one in placements], f"S{SYMBOL_LENGTH}"),
        rotation=_rows([one.rotation for one in placements], 4),
        centre_frac=_rows([one.centre_frac for one in placements], 3),
    )


def join_placements(parts: Sequence[Placements]) -> Placements:
    """Join placements end to end; at least one part."""
    return Placements(
        cell=np.concatenate([part.cell for part in parts]),
        spacegroup=np.concatenate([part.spacegroup for part in parts]),
        rotation=np.concatenate([part.rotation for part in parts]),
        centre_frac=np.concatenate([part.centre_frac for part in parts]),
    )


def _rows(values: Sequence[NDArray[np.float64]], width: int) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(-1, width)
