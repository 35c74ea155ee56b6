"""The crystals of a study: those stored in a set, in a fixed order, with their stored resolution limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.shells import Shells
from rephase.data.fragments import Split
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import RECORD
from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.examples import Example, draw_example
from rephase.data.stream.fragment_source import read_molecules
from rephase.data.stream.stream_config import RateGrid, SpacingGrid, StreamConfig
from rephase.errors import UserError

IntArray = NDArray[np.int64]

SHELLS = 12
"""As many as cphasematch has."""
_MOST_VOXELS = 200_000
"""Of a batch: its features then take some ten megabytes."""


@dataclass(frozen=True, eq=False)
class StudySet:
    """Crystals of a set.

    Attributes
    ----------
    fragments
        The set.
    rows
        Which fragments of the set, in order, shape ``(n,)``.
    """

    fragments: FragmentSet
    rows: IntArray

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, first: int, end: int) -> "StudySet":
        """Return the crystals from one number up to another."""
        return replace(self, rows=self.rows[first:end])

    @property
    def ids(self) -> list[str]:
        """Ids of the fragments."""
        return [str(one) for one in self.fragments.manifest["id"].take(self.rows).to_pylist()]

    @property
    def entries(self) -> list[str]:
        """PDB entries that they come from."""
        return [str(one) for one in self.fragments.manifest["entry"].take(self.rows).to_pylist()]

    @property
    def shells(self) -> Shells:
        """Shells of equal volume from 000 to the best limit in the set, whichever crystals are studied."""
        best = float(np.nanmin(self.fragments.d_min))
        return Shells((np.linspace(0.0, 1.0 + 1e-6, SHELLS + 1) / best**3) ** (2.0 / 3.0))


def open_study_set(
    path: Path, split: Split = "test", examples: int | None = None, ids: Sequence[str] | None = None
) -> StudySet:
    """Open a set of stored crystals.

    Parameters
    ----------
    path
        Its directory.
    split
        The split to study.
    examples
        Only the first so many; None for all there are.
    ids
        These crystals in this order, in place of all of the split.

    Raises
    ------
    UserError
        When there is no such set, it stores no crystals, or it has none of the split or of `ids`.
    """
    _refuse_folder_of_sets(path)
    fragments = FragmentSet.open(path)
    rows = fragments.indices_in(split) if ids is None else fragments.indices_of(ids)
    if len(rows) == 0:
        counts = fragments.record.splits
        found = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "an empty set"
        raise UserError(f"crystals of the split {split} in {path}", found, "choose another --split")
    if not fragments.has_crystals or np.isnan(fragments.d_min[rows]).any():
        do = "give one that rephase data build-tests made"
        raise UserError("a set with stored crystals and resolution limits", f"{path} without", do)
    return StudySet(fragments, rows[:examples])


def _refuse_folder_of_sets(path: Path) -> None:
    """Raise a UserError that lists the sets in a folder of sets."""
    if not path.is_dir() or (path / RECORD).exists():
        return
    inside = sorted(record.parent.name for record in path.glob(f"*/{RECORD}"))
    if inside:
        found = f"a directory of sets: {', '.join(inside)}"
        raise UserError("the directory of one set", found, f"give for example {path / inside[0]}")


def read_examples(study_set: StudySet, grid: RateGrid | SpacingGrid) -> list[Example]:
    """Read the crystals, with their molecules placed as they are stored.

    Parameters
    ----------
    study_set
        Which.
    grid
        The sampling of the maps.

    Raises
    ------
    UserError
        When the resolution of a crystal is too good for the grid, or a file of the set is damaged.
    """
    _check_grid(study_set, grid)
    config = StreamConfig(crystal=None, d_min=None, grid=grid)
    molecules = read_molecules(study_set.fragments, study_set.rows, stored=True)
    drawn = [
        draw_example(molecule, row, 0, config)
        for molecule, row in zip(molecules, study_set.rows.tolist(), strict=True)
    ]
    return [example for example in drawn if example is not None]  # stored crystals are never rejected


def _check_grid(study_set: StudySet, grid: RateGrid | SpacingGrid) -> None:
    if isinstance(grid, SpacingGrid):
        best = float(study_set.fragments.d_min[study_set.rows].min())
        if best < 2.0 * grid.spacing:
            wanted = (
                f"data to {2.0 * grid.spacing:g} Å or worse, for a network on a grid of {grid.spacing:g} Å"
            )
            raise UserError(wanted, f"d_min {best:.2f} Å", "choose another network or set")


def batches_of(examples: Sequence[Example]) -> Iterator[tuple[list[int], CrystalBatch]]:
    """Put crystals with the same grid together, so that nobody's maps depend on others.

    Yields
    ------
    Numbers of the examples, and their batch; without errors or gaps of the measurement.
    """
    of_shape: dict[tuple[int, int, int], list[int]] = {}
    for number, example in enumerate(examples):
        of_shape.setdefault(example.shape, []).append(number)
    measurement = StreamConfig().measurement
    for shape, numbers in of_shape.items():
        size = max(1, _MOST_VOXELS // int(np.prod(shape)))
        for first in range(0, len(numbers), size):
            chosen = numbers[first : first + size]
            yield chosen, crystal_batch([examples[number] for number in chosen], measurement, seed=0)
