"""The pool of a training: crystals at hand, each with the states that the prior has led it to.

A prior is used again and again on what it made of the phases itself. So every prediction that it learns from
is kept, and is where the same crystal goes on when its turn comes again. Place p of a pool of n holds the
crystals p, p + n, p + 2n … one after the other, whatever the other places do, so that the pool is the same
for any number of processes that share it.
"""

import concurrent.futures as cf
import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from safetensors.torch import load, save
from torch import Tensor

from rephase.errors import UserError
from rephase.train.prior.crystal_source import CrystalSource
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.starts import begun_trajectory
from rephase.train.prior.trajectory import (
    Trajectory,
    TrajectoryRecord,
    trajectory_from,
    trajectory_record,
    trajectory_tensors,
)
from rephase.train.ranks import Ranks


@dataclass(frozen=True)
class Order:
    """A trajectory that is to be drawn.

    Attributes
    ----------
    number
        Of the crystal.
    step
        Step of the training at which it was ordered: random starts get more frequent in the course of a run.
    """

    number: int
    step: int


@dataclass(frozen=True, eq=False)
class TrajectorySource:
    """Draws trajectories.

    Attributes
    ----------
    crystals
        Draws crystals.
    config
        Settings.
    """

    crystals: CrystalSource
    config: PriorTrainConfig

    def begin(self, order: Order) -> Trajectory:
        """Draw a crystal and where it begins."""
        config = self.config
        return begun_trajectory(
            self.crystals.crystal(order.number),
            order.number,
            config.starts,
            seed=config.seed,
            step=order.step,
            part=order.step / config.steps,
        )


@dataclass(eq=False)
class Pool:
    """The places of one process.

    Attributes
    ----------
    source
        Draws trajectories.
    ranks
        The processes; place p belongs to process p modulo their number.
    device
        Where trajectories lie.
    """

    source: TrajectorySource
    ranks: Ranks
    device: torch.device
    _places: dict[int, Trajectory] = field(default_factory=dict)
    _ahead: "_DrawnAhead" = field(init=False)

    def __post_init__(self) -> None:
        self._ahead = _DrawnAhead(self.source, self.source.config.machine.workers)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.close()

    def order(self) -> None:
        """Let other processes begin to draw what every place needs next; once, and after `restore`."""
        for place in range(self.ranks.rank, self.source.config.pool, self.ranks.count):
            here = self._places.get(place)
            self._ahead.order(Order(place, 0) if here is None else self._following(here))

    def turn(self, step: int) -> Iterator[tuple[int, Trajectory]]:
        """Yield the places of this process whose turn it is at a step, and what is there.

        Raises
        ------
        UserError
            When a crystal cannot be drawn.
        """
        config = self.source.config
        first = step * config.crystals_per_step % config.pool
        for place in range(first + self.ranks.rank, first + config.crystals_per_step, self.ranks.count):
            trajectory = self._places.get(place)
            if trajectory is None or trajectory.passes_left == 0:
                trajectory = self._next(place, trajectory, step)
            yield place, trajectory

    def keep(self, place: int, trajectory: Trajectory) -> None:
        """Put a trajectory where it goes on from at its next turn."""
        self._places[place] = trajectory

    def drop(self, place: int) -> None:
        """Let the next turn of a place have another crystal."""
        self._places[place] = replace(self._places[place], passes_left=0)

    def records(self) -> dict[int, TrajectoryRecord]:
        """Return what is not a tensor of this process's places."""
        return {place: trajectory_record(one) for place, one in self._places.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors of this process's places, by names such as ``12.truth``."""
        return {
            f"{place}.{name}": tensor
            for place, one in self._places.items()
            for name, tensor in trajectory_tensors(one).items()
        }

    def restore(self, records: Mapping[int, TrajectoryRecord], tensors: Mapping[str, Tensor]) -> None:
        """Take the places up that belong to this process, from those of all.

        Raises
        ------
        UserError
            When a tensor is missing.
        """
        mine = {place: one for place, one in records.items() if place % self.ranks.count == self.ranks.rank}
        by_place = _by_place(tensors)
        try:
            places = {place: trajectory_from(one, by_place[place]) for place, one in mine.items()}
        except KeyError as error:
            raise UserError("the pool of this run", f"no {error.args[0]}", "begin another run") from None
        self._places = {place: trajectory.to(self.device) for place, trajectory in places.items()}

    def _next(self, place: int, before: Trajectory | None, step: int) -> Trajectory:
        order = Order(place, 0) if before is None else self._following(before)
        begun = replace(self._ahead.take(order), begun=step).to(self.device)
        self._ahead.order(self._following(begun))
        return begun

    def _following(self, trajectory: Trajectory) -> Order:
        """Order what comes after a trajectory as soon as this begins, long before it is needed."""
        return Order(trajectory.number + self.source.config.pool, trajectory.begun)


class _DrawnAhead:
    """Trajectories that other processes draw before they are needed, or this one when they are."""

    def __init__(self, source: TrajectorySource, workers: int) -> None:
        self._source, self._ordered = source, dict[int, cf.Future[_Delivery]]()
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads or CUDA may hang
        self._pool = (
            cf.ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(source,))
            if workers
            else None
        )

    def order(self, order: Order) -> None:
        if self._pool is not None:
            self._ordered[order.number] = self._pool.submit(_draw, order)

    def take(self, order: Order) -> Trajectory:
        if self._pool is None:
            return self._source.begin(order)
        delivery = self._ordered.pop(order.number).result()
        if delivery.error is not None:
            raise UserError(*delivery.error)
        return trajectory_from(TrajectoryRecord.model_validate_json(delivery.record), load(delivery.tensors))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Delivery:
    """A trajectory as bytes, which need no file descriptors as tensors do; or the error that stopped it."""

    record: str = ""
    tensors: bytes = b""
    error: tuple[str, str, str] | None = None


_worker_source: TrajectorySource | None = None


def _begin_worker(source: TrajectorySource) -> None:
    global _worker_source
    _worker_source = source
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent


def _draw(order: Order) -> _Delivery:
    if _worker_source is None:
        raise RuntimeError("a worker without a source")
    try:
        trajectory = _worker_source.begin(order)
    except UserError as error:  # an exception with three arguments does not survive the way back
        return _Delivery(error=(error.wanted, error.found, error.do))
    return _Delivery(trajectory_record(trajectory).model_dump_json(), save(trajectory_tensors(trajectory)))


def _by_place(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Sort tensors named as in ``12.truth``."""
    sorted_: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        place, _, name = key.partition(".")
        sorted_.setdefault(int(place), {})[name] = tensor
    return sorted_
