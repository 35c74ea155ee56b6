"""The stream of batches: the same for a seed on any number of workers and processes, and resumable anywhere.

A stream consists of lanes that take turns: batch i comes from lane i modulo their number. Process r of W
takes the turns i ≡ r modulo W, so it reads only the shards of its own lanes; its workers share these lanes in
the same way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from rephase.data.fragments import SPLITS
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.fragment_source import FragmentSource
from rephase.data.stream.lanes import IntArray, Lane, LaneBatch
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_state import LanePlace, StreamState
from rephase.errors import UserError


class BatchStream:
    """Batches of crystals drawn from a set of fragments; iterate over it.

    Keep one iterator: every new one draws again what was waiting in the lanes, about a minute's work of one
    core with the default settings.

    Parameters
    ----------
    source
        The set.
    config
        Settings.
    rank, ranks
        Number of this process, and of all. With torchrun: ``RANK`` and ``WORLD_SIZE``.
    workers
        Processes that draw crystals ahead; fewer are started where lanes do not divide among them. 0 draws
        them in this process.
    one_pass
        End after every fragment was used once, with a few smaller batches. Otherwise the stream is endless.

    Raises
    ------
    UserError
        When the set has no fragments of the split or no crystals, or lanes do not divide among processes.
    """

    def __init__(
        self,
        source: FragmentSource,
        config: StreamConfig,
        *,
        rank: int = 0,
        ranks: int = 1,
        workers: int = 0,
        one_pass: bool = False,
    ) -> None:
        if not 0 <= rank < ranks:
            raise ValueError(f"rank {rank} of {ranks}")
        rows = _rows_of_lanes(source, config)
        if config.crystal is None and not source.has_crystals:
            raise UserError("a set with crystals", "fragments alone", "give the stream a recipe in crystal")
        if config.d_min is None and np.isnan(source.d_min[np.concatenate(rows)]).any():
            raise UserError("a set with resolution limits", "fragments without", "give the stream a d_min")
        if len(rows) % ranks:
            found = f"{len(rows)} lanes for {ranks} processes"
            raise UserError("as many lanes for every process", found, f"set lanes to a multiple of {ranks}")
        self._source, self._config, self._one_pass = source, config, one_pass
        self._rank, self._ranks, self._lane_count = rank, ranks, len(rows)
        self._lanes = [
            Lane(number, rows[number], source, config, one_pass) for number in range(rank, len(rows), ranks)
        ]
        self._workers = max((n for n in range(1, workers + 1) if len(self._lanes) % n == 0), default=0)
        self._places = {lane.number: LanePlace() for lane in self._lanes}
        self._turn = 0

    def __iter__(self) -> Iterator[CrystalBatch]:
        """Yield batches from where the stream stands, which is behind the last batch that was yielded."""
        for delivery in self._deliveries():
            if delivery.error is not None:
                raise UserError(*delivery.error)
            self._turn = delivery.turn + 1
            if delivery.lane_batch is not None:
                self._places[delivery.lane] = delivery.lane_batch.after
                if delivery.lane_batch.batch is not None:
                    yield delivery.lane_batch.batch

    @property
    def rejected(self) -> int:
        """Fragments that did not fit the crystals drawn for them, in the rounds that the lanes completed."""
        return sum(place.rejected for place in self._places.values())

    def state(self) -> StreamState:
        """Return where this process stands; `rephase.data.stream.stream_state.merge_states` joins several."""
        return StreamState(
            set_digest=self._source.digest,
            config=self._config,
            one_pass=self._one_pass,
            lane_count=self._lane_count,
            turn=self._turn * self._ranks,
            lanes=dict(self._places),
        )

    def resume(self, state: StreamState) -> None:
        """Go to a place, which an iteration that is under way does not notice.

        Raises
        ------
        UserError
            If the state is of another stream, lacks lanes, or was saved between the turns of the processes.
        """
        differences = self.state().differences(state)
        if differences:
            raise UserError("the state of this stream", f"another: {', '.join(differences)} differ")
        missing = sorted(set(self._places) - set(state.lanes))
        if missing:
            raise UserError(
                "the state of all lanes", f"lane {missing[0]} is missing", "merge all ranks' states"
            )
        if state.turn % self._ranks:
            found = f"{state.turn} turns, for {self._ranks} processes"
            raise UserError("as many turns for every process", found, "resume on fewer processes")
        self._places = {number: state.lanes[number] for number in self._places}
        self._turn = state.turn // self._ranks

    def _deliveries(self) -> Iterator["_Delivery"]:
        turns = _Turns(self._lanes, dict(self._places), self._turn)
        if self._workers == 0:
            return iter(turns)
        loader: DataLoader[_Delivery] = DataLoader(
            turns,
            batch_size=None,
            num_workers=self._workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # a seed for its workers would come from the training's numbers
            multiprocessing_context="spawn",  # a fork of a process with threads or CUDA may hang
        )
        return iter(loader)


@dataclass(frozen=True, eq=False)
class _Delivery:
    """What a turn yields: a batch, nothing where the lane has ended, or the error that stopped it."""

    turn: int
    lane: int
    lane_batch: LaneBatch | None = None
    error: tuple[str, str, str] | None = None

    def pin_memory(self) -> "_Delivery":
        if self.lane_batch is None or self.lane_batch.batch is None:
            return self
        pinned = replace(self.lane_batch, batch=self.lane_batch.batch.pin_memory())
        return replace(self, lane_batch=pinned)


class _Turns(IterableDataset["_Delivery"]):
    """The turns of a process; in a worker, every n-th of them."""

    def __init__(self, lanes: list[Lane], places: Mapping[int, LanePlace], first: int) -> None:
        self._lanes, self._places, self._first = lanes, places, first

    def __iter__(self) -> Iterator[_Delivery]:
        worker = get_worker_info()
        start, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        turn = self._first + start
        try:
            running = self._lanes_from(turn, step)
            while running:
                lane = self._lanes[turn % len(self._lanes)].number
                lane_batch = next(running[lane], None) if lane in running else None
                if lane_batch is None:
                    running.pop(lane, None)
                yield _Delivery(turn, lane, lane_batch)
                turn += step
        except UserError as error:  # torch cannot carry it out of a worker
            yield _Delivery(turn, -1, error=(error.wanted, error.found, error.do))

    def _lanes_from(self, turn: int, step: int) -> dict[int, Iterator[LaneBatch]]:
        """Start the lanes whose turns are every `step` after this one."""
        turns = range(turn, turn + len(self._lanes), step)
        lanes = [self._lanes[n % len(self._lanes)] for n in turns]
        return {lane.number: lane.batches(self._places[lane.number]) for lane in lanes}


def _rows_of_lanes(source: FragmentSource, config: StreamConfig) -> list[IntArray]:
    """Deal the shards to the lanes; return the rows of the split that each lane has, ascending."""
    wanted = source.split == SPLITS.index(config.split)
    if not wanted.any():
        raise UserError(f"fragments of the split {config.split}", "none", "choose another split or set")
    shards = [rows.start + np.flatnonzero(wanted[rows.start : rows.stop]) for rows in source.shard_rows]
    counts = (config.lanes,) if config.lanes else _POWERS_OF_TWO
    for lanes in counts:
        rows = [np.concatenate(shards[number::lanes] or [_NO_ROWS]) for number in range(lanes)]
        if all(len(of_lane) for of_lane in rows):
            return rows
    found = f"{lanes} lanes for {len(shards)} shards with {int(wanted.sum())} fragments"
    raise UserError("fragments for every lane", found, "set lanes to a smaller number, or leave it out")


_NO_ROWS: IntArray = np.zeros(0, dtype=np.int64)
_POWERS_OF_TWO = (8, 4, 2, 1)
