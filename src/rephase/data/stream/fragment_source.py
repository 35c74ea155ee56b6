"""What a stream needs to know of a set of fragments, and sets that lie in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.placements import Placements
from rephase.data.fragments import Fragments
from rephase.data.selection import select
from rephase.data.stream.molecules import Molecule

IntArray = NDArray[np.int64]


class FragmentSource(Protocol):
    """A set of fragments in shards; it has to survive pickling, to reach the processes that read it."""

    @property
    def digest(self) -> str:
        """Hash of everything in the set."""

    @property
    def shard_rows(self) -> Sequence[range]:
        """Rows of each shard."""

    @property
    def split(self) -> NDArray[np.uint8]:
        """Index into `rephase.data.fragments.SPLITS` of every row, shape ``(rows,)``."""

    @property
    def d_min(self) -> NDArray[np.float32]:
        """Resolution limits stored with the fragments in Å, NaN where there is none, shape ``(rows,)``."""

    def read(self, indices: IntArray) -> Fragments:
        """Return fragments in the order of `indices`, which may repeat."""

    @property
    def has_crystals(self) -> bool:
        """Whether every fragment has a stored crystal."""

    def placements(self, indices: IntArray) -> Placements:
        """Return the stored crystals in the order of `indices`."""


@dataclass(frozen=True, eq=False)
class FragmentsInMemory:
    """Fragments that were never written as a set, dealt into shards of equal size.

    Attributes
    ----------
    fragments
        The fragments, their rows in this order.
    shards
        Number of shards.
    crystals
        One for each fragment, or none.
    """

    fragments: Fragments
    shards: int = 1
    crystals: Placements | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of fragments and crystals."""
        parts = [self.fragments] if self.crystals is None else [self.fragments, self.crystals]
        hashed = hashlib.sha256(str(self.shards).encode())
        for array in (array for part in parts for array in vars(part).values()):
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.hexdigest()

    @property
    def shard_rows(self) -> list[range]:
        """Rows of each shard."""
        edges = [len(self.fragments) * number // self.shards for number in range(self.shards + 1)]
        return [range(*rows) for rows in pairwise(edges)]

    @property
    def has_crystals(self) -> bool:
        """Whether crystals were given."""
        return self.crystals is not None

    @property
    def split(self) -> NDArray[np.uint8]:
        """Split of every row."""
        return self.fragments.split

    @property
    def d_min(self) -> NDArray[np.float32]:
        """No fragment has a limit of its own."""
        return np.full(len(self.fragments), np.nan, dtype=np.float32)

    def read(self, indices: IntArray) -> Fragments:
        """Return fragments in the order of `indices`."""
        return select(self.fragments, indices)

    def placements(self, indices: IntArray) -> Placements:
        """Return the stored crystals in the order of `indices`.

        Raises
        ------
        ValueError
            When there are none.
        """
        if self.crystals is None:
            raise ValueError("these fragments have no crystals")
        return self.crystals.take(indices)


def read_molecules(source: FragmentSource, rows: IntArray, stored: bool) -> list[Molecule]:
    """Read fragments, with their stored crystals if wanted.

    Parameters
    ----------
    source
        The set.
    rows
        Which fragments, shape ``(n,)``.
    stored
        Whether to read the crystals too.
    """
    if len(rows) == 0:
        return []
    fragments = source.read(rows)
    placements = source.placements(rows) if stored else None
    xyz_cart, d_min = fragments.xyz_cart.astype(np.float64), source.d_min[rows]
    return [
        Molecule(
            xyz_cart=xyz_cart[atoms],
            atom_name=fragments.atom_name[atoms],
            residue=fragments.residue[atoms],
            placement=None if placements is None else placements[i],
            d_min=float(d_min[i]),
        )
        for i, atoms in enumerate(map(fragments.atoms_of, range(len(fragments))))
    ]
