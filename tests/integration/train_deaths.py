"""A training run that dies before each change that it makes on the disk, and is taken up.

As a script: CONFIG FOLDER trains in FOLDER/whole without interruption. Then, for every number n, it trains in
FOLDER/n, is killed as by ``kill -9`` just before the n-th change on the disk, and is resumed. It prints the
number of changes. The runs that die are forks of this process, so that torch is imported once.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from rephase.cli.main import run

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}
_MODES_TO_WRITE = os.O_WRONLY | os.O_RDWR


def _is_change(event: str, arguments: tuple[object, ...], folder: Path) -> bool:
    """Whether an audited event makes, alters, renames or removes something in a folder."""
    opened = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & _MODES_TO_WRITE)
    return (opened or event in _CHANGES) and str(folder) in str(arguments[0])


def _call_before_changes(folder: Path, call: Callable[[], None]) -> None:
    """Call something before every change in a folder, from now to the end of this process."""

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if _is_change(event, arguments, folder):
            call()

    sys.addaudithook(listen)


def _die_before(number: int) -> Callable[[], None]:
    """Return what ends this process when it is called for the `number`-th time."""
    calls = [0]

    def count_or_die() -> None:
        calls[0] += 1
        if calls[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return count_or_die


def _train(config: str, folder: Path, before_change: Callable[[], None]) -> int:
    """Train in a process of its own, and return its exit status, −9 when it was killed."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            _call_before_changes(folder, before_change)
            status = run(["train", config, "-o", str(folder), "--resume"])
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(config: str, folder: Path) -> None:
    """Train once without interruption, and once for each change."""
    torch.set_num_threads(1)
    _expect(0, run(["train", config, "-o", str(folder / "whole")]), "the whole run")
    number = 1
    while _train(config, folder / str(number), _die_before(number)) == -signal.SIGKILL:
        resumed = _train(config, folder / str(number), lambda: None)
        _expect(0, resumed, f"the run that died before change {number}")
        number += 1
    print(f"changes {number - 1}")


def _expect(wanted: int, status: int, what: str) -> None:
    if status != wanted:
        sys.exit(f"{what} ended with {status}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
