"""Where work is done: in this process, or in others of this machine; `dask_executor` uses other machines.

Each way takes a function and items, and yields the number of an item with its result as soon as it is there.
What dies on the way is tried again; an item that no process survives is given back as `LOST`.
"""

import concurrent.futures as cf
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from enum import Enum
from multiprocessing.connection import wait
from typing import Literal, TypeAlias, TypeVar

from rephase.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Items handed out per worker, so that none waits for the next."""


class Missing(Enum):
    """What stands in place of a result."""

    LOST = "the process that worked on it died, each time"


LOST: Literal[Missing.LOST] = Missing.LOST
Results: TypeAlias = Iterator[tuple[int, R | Literal[Missing.LOST]]]
_STARTS = 3


def run_serially(task: Callable[[T], R], items: Sequence[T]) -> Results[R]:
    """Do everything in this process, one item after the other."""
    for number, item in enumerate(items):
        yield number, task(item)


def run_in_processes(task: Callable[[T], R], items: Sequence[T], jobs: int) -> Results[R]:
    """Share the items among `jobs` new processes.

    When one of them dies, which item was to blame cannot be known: whatever was handed out is done again by
    fresh processes, and what was there at two deaths is done again alone.

    Parameters
    ----------
    task
        A function that can be imported: the processes start afresh.
    items
        What is to be done.
    jobs
        Number of processes.

    Raises
    ------
    UserError
        When processes cannot be started.
    """
    deaths = [0] * len(items)
    waiting = deque(range(len(items)))
    while waiting:
        unfinished = yield from _run_pool(task, items, waiting, jobs)
        for number in unfinished:
            deaths[number] += 1
            if deaths[number] < 2:
                waiting.append(number)
            elif (yield from _run_pool(task, items, deque([number]), 1)):
                yield number, LOST


def _run_pool(
    task: Callable[[T], R], items: Sequence[T], waiting: deque[int], jobs: int
) -> Generator[tuple[int, R], None, list[int]]:
    """Work `waiting` off until it is empty or a process dies; return the items then handed out."""
    running: dict[cf.Future[R], int] = {}
    with _started_pool(jobs) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * jobs:
                    running[pool.submit(task, items[waiting[0]])] = waiting[0]
                    waiting.popleft()
                done, _ = cf.wait(running, return_when=cf.FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    yield running.pop(future), result
        except BrokenProcessPool:
            return sorted(running.values())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return []


def _started_pool(jobs: int) -> cf.ProcessPoolExecutor:
    """Return processes of which one has proved that it can start."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    for _ in range(_STARTS):
        pool = cf.ProcessPoolExecutor(jobs, mp_context=context, initializer=_belong_to_parent)
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool:
            pool.shutdown()
        else:
            return pool
    raise UserError(
        "processes to share the work with",
        "they end as they start",
        "call this below if __name__ == '__main__', or work without (--executor serial)",
    )


def _belong_to_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it is gone, also when it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
