"""Work on many machines, through the scheduler of a dask cluster."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from rephase.data.build.executors import AHEAD, LOST, R, Results, T
from rephase.errors import UserError

_CONNECT_SECONDS = 5
_WORKERS_SECONDS = 60
_GO_ON = "start it, and give the same command again: it goes on where it stopped"


def run_on_dask(task: Callable[[T], R], items: Sequence[T], scheduler: str) -> Results[R]:
    """Hand items to the workers of a dask scheduler, which repeats what a dead worker had.

    Parameters
    ----------
    task
        A function that the workers can import.
    items
        What they work on; files are opened by the workers, so they need the same paths there.
    scheduler
        Address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    UserError
        When dask is not installed, the scheduler cannot be reached or goes away, or it has no workers.
    """
    with closing(_connect(scheduler)) as client:
        from distributed import CancelledError
        from distributed.comm import CommClosedError

        try:
            yield from _results(client, task, items)
        except (CancelledError, CommClosedError):
            raise UserError(f"the dask scheduler at {scheduler}", "it went away", _GO_ON) from None


def _results(client: Any, task: Callable[[T], R], items: Sequence[T]) -> Results[R]:
    """Hand items out, a few per thread of the workers there are at that moment."""
    from distributed import KilledWorker, as_completed

    waiting = deque(range(len(items)))
    numbers: dict[str, int] = {}
    finished = as_completed(loop=client.loop)
    while waiting or numbers:
        while waiting and len(numbers) < AHEAD * max(1, sum(client.nthreads().values())):
            future = client.submit(task, items[waiting[0]], pure=False)
            numbers[future.key] = waiting.popleft()
            finished.add(future)
        future = next(finished)
        number = numbers.pop(future.key)
        try:
            yield number, future.result()
        except KilledWorker:
            yield number, LOST


def _connect(scheduler: str) -> Any:
    """Return a client of a scheduler that has workers."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise UserError(
            "dask for --executor dask", "it is not installed", "pip install 'rephase[dask]'"
        ) from None
    try:
        get_address_host_port(scheduler)  # a client with a wrong address prints a traceback as it goes
        client = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            "a dask scheduler, such as tcp://10.0.0.1:8786", str(error), "start one with dask scheduler"
        ) from None
    try:
        client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
    except TimeoutError:
        client.close()
        raise UserError(
            f"workers of {scheduler}", "none", f"start some with dask worker {scheduler}"
        ) from None
    return client
