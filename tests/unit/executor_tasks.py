"""Work for the tests of executors: functions that other processes can import."""

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise ValueError(f"cannot do {number}")


def die_once(marker: Path) -> str:
    """Kill this process, unless that was done before."""
    if marker.suffix == ".once" and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if marker.suffix == ".always":
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.stem


def tell_process_and_wait(marker: Path) -> None:
    marker.write_text(str(os.getpid()))
    time.sleep(60)
