"""Lanes: independent parts of a stream, each an endless or a single walk over fragments of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from rephase.data.stream.buckets import own_fraction, shape_buckets
from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.examples import Example, draw_example
from rephase.data.stream.fragment_source import FragmentSource, read_molecules
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_state import LanePlace
from rephase.errors import UserError

IntArray = NDArray[np.int64]

_PARTS = 4
"""A round takes this part of the reservoir from the walk, and gives out this part of the batches at hand:
those of the most similar grids. The others wait. 512 crystals at hand then waste fewer voxels than 2048 that
are divided into batches all at once."""

_LONGEST_WAIT = 64
"""Rounds after which an example is given out whatever its grid. 16 would cost several percent more voxels."""


@dataclass(frozen=True, eq=False)
class LaneBatch:
    """A batch and where its lane stands after it; at the end of the walk there is the place alone."""

    batch: CrystalBatch | None
    after: LanePlace


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane. Examples are known by their number along the walk, its epochs one after the other.

    Attributes
    ----------
    number
        Of the lane within the stream.
    rows
        Its fragments, shape ``(n,)``.
    source
        The set they are in.
    config
        Settings.
    one_pass
        Whether to stop when every fragment was taken once.
    """

    number: int
    rows: IntArray
    source: FragmentSource
    config: StreamConfig
    one_pass: bool

    def batches(self, place: LanePlace) -> Iterator[LaneBatch]:
        """Yield the batches that follow a place.

        Raises
        ------
        UserError
            When an endless walk finds no fragment that fits its crystal.
        """
        held = self._draw(np.array(place.waiting, dtype=np.int64))
        barren = 0
        for number in self._rounds(place.round):
            taken = self._taken(number)
            held |= self._draw(taken)
            rejected = place.rejected + len(taken) - (len(held) - len(place.waiting))
            barren = 0 if held else barren + len(taken)
            if barren >= len(self.rows) and not self.one_pass:
                raise UserError(
                    "fragments that fit the crystals of the stream", "none does", "change crystal"
                )
            ready = self._ready(held, number)
            gone = {position for members in ready for position in members}
            kept = {position: held[position] for position in sorted(held.keys() - gone)}
            following = LanePlace(round=number + 1, waiting=tuple(kept), rejected=rejected)
            for given in range(place.given, len(ready)):
                after = place.model_copy(update={"given": given + 1}) if given + 1 < len(ready) else following
                examples = [held[position] for position in ready[given]]
                batch = crystal_batch(examples, self.config.measurement, self.config.seed)
                yield LaneBatch(batch, after)
            held, place = kept, following
        yield LaneBatch(None, place)

    @property
    def _per_round(self) -> int:
        """Examples that a round takes from the walk."""
        size = self.config.batch_size
        return max(size, size * self.config.reservoir // _PARTS)

    def _rounds(self, first: int) -> Iterator[int]:
        return iter(range(first, -(-len(self.rows) // self._per_round))) if self.one_pass else count(first)

    def _taken(self, number: int) -> IntArray:
        """Return what a round takes from the walk."""
        end = (number + 1) * self._per_round
        return np.arange(number * self._per_round, min(end, len(self.rows)) if self.one_pass else end)

    def _draw(self, positions: IntArray) -> dict[int, Example]:
        """Draw the examples at these positions of the walk, but for those that do not fit their crystals."""
        rows, epochs = self._walk(positions)
        molecules = read_molecules(self.source, rows, stored=self.config.crystal is None)
        drawn = {
            position: draw_example(molecule, row, epoch, self.config)
            for position, molecule, row, epoch in zip(
                positions.tolist(), molecules, rows.tolist(), epochs.tolist(), strict=True
            )
        }
        return {position: example for position, example in drawn.items() if example is not None}

    def _walk(self, positions: IntArray) -> tuple[IntArray, IntArray]:
        """Return row and epoch at positions of the walk; every epoch has an order of its own."""
        epochs, places = np.divmod(positions, len(self.rows))
        rows = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            rng = np.random.default_rng([self.config.seed, self.number, epoch, _ORDER_OF_EPOCH])
            here = epochs == epoch
            rows[here] = rng.permutation(self.rows)[places[here]]
        return rows, epochs

    def _ready(self, held: Mapping[int, Example], number: int) -> list[list[int]]:
        """Form batches of what is at hand and choose those to give out, in random order."""
        positions = np.array(list(held), dtype=np.int64)
        shapes = np.array([example.shape for example in held.values()], dtype=np.int64).reshape(-1, 3)
        buckets = shape_buckets(shapes, self.config.batch_size)
        if not self._ends_with(number):
            buckets = [members for members in buckets if len(members) == self.config.batch_size]
            overdue = number - positions // self._per_round >= _LONGEST_WAIT
            buckets.sort(key=lambda members: (not overdue[members].any(), -own_fraction(shapes[members])))
            buckets = buckets[: max(1, len(buckets) // _PARTS)]
        order = np.random.default_rng([self.config.seed, self.number, number, _ORDER_OF_ROUND])
        return [positions[buckets[i]].tolist() for i in order.permutation(len(buckets)).tolist()]

    def _ends_with(self, number: int) -> bool:
        return self.one_pass and (number + 1) * self._per_round >= len(self.rows)


_ORDER_OF_EPOCH, _ORDER_OF_ROUND = 3, 4  # no other seeds of the stream end in these
