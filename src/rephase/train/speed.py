"""Examples per second."""

import contextlib
import time
from collections.abc import Iterator


class Speed:
    """A clock that starts when this is made.

    Parameters
    ----------
    examples
        Seen so far.
    """

    def __init__(self, examples: int) -> None:
        self._examples, self._start = examples, time.perf_counter()

    def of(self, examples: int) -> float:
        """Return examples per second since the start, from how many have been seen by now."""
        return (examples - self._examples) / max(time.perf_counter() - self._start, 1e-9)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the clock while the context is open."""
        before = time.perf_counter()
        yield
        self._start += time.perf_counter() - before
