"""Sharing work among processes: every item is done, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from executor_tasks import die_once, fail, square

from rephase.data.build.executors import LOST, run_in_processes, run_serially


def test_results_come_with_their_numbers() -> None:
    expected = [(number, number * number) for number in range(20)]
    assert list(run_serially(square, range(20))) == expected
    assert sorted(run_in_processes(square, range(20), 2)) == expected
    assert list(run_in_processes(square, [], 2)) == []


def test_an_error_of_the_work_itself_is_raised() -> None:
    with pytest.raises(ValueError, match="cannot do 7"):
        list(run_in_processes(fail, [7], 1))


def test_what_a_killed_process_had_is_done_again(tmp_path: Path) -> None:
    items = [tmp_path / f"{number}.{'once' if number == 3 else 'well'}" for number in range(8)]
    done = sorted(run_in_processes(die_once, items, 2))
    assert done == [(number, str(number)) for number in range(8)]


def test_only_the_item_that_kills_is_lost(tmp_path: Path) -> None:
    items = [tmp_path / f"{number}.{'always' if number == 3 else 'well'}" for number in range(8)]
    done = dict(run_in_processes(die_once, items, 2))
    assert done.pop(3) is LOST
    assert done == {number: str(number) for number in range(8) if number != 3}


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from executor_tasks import tell_process_and_wait\n"
        "from rephase.data.build.executors import run_in_processes\n"
        "if __name__ == '__main__':\n"
        f"    list(run_in_processes(tell_process_and_wait, [Path({str(tmp_path / 'pid')!r})], 1))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen([sys.executable, script], env=environment)
    try:
        worker = int(_text_soon(tmp_path / "pid"))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    for _ in range(100):
        if _has_ended(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker went on without its parent")


def _has_ended(process: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()  # dead, though nobody has asked
    except (FileNotFoundError, ProcessLookupError):
        return True


def _text_soon(file: Path) -> str:
    for _ in range(200):
        if file.exists() and file.read_text():
            return file.read_text()
        time.sleep(0.05)
    raise TimeoutError(file)
