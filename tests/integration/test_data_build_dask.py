"""Building on a dask cluster of two workers, one of which is killed: the same bytes."""

import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structure_examples import write_entries

from rephase.cli.main import run
from rephase.data.build import set_build
from rephase.data.build.dask_executor import run_on_dask
from rephase.data.build.executors import run_serially
from rephase.data.structures.build_config import BuildConfig
from rephase.io.config import read_config
from rephase.logs import Log

distributed = pytest.importorskip("distributed", reason="dask is an extra: pip install 'rephase[dask]'")
CONFIG = read_config(BuildConfig, None, ["clusters.method=none"])


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as two_workers:
        yield two_workers


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_a_killed_worker_of_dask_changes_no_byte(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = write_entries(tmp_path / "entries", 12)
    monkeypatch.setattr(set_build, "FILES_PER_BATCH", 2)

    def dask_with_an_accident(task: Callable[..., Any], items: list[Any]) -> Iterator[Any]:
        for number, result in enumerate(run_on_dask(task, items, cluster.scheduler_address)):
            if number == 0:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            yield result

    with Log() as log:
        set_build.build_set([entries], tmp_path / "serial" / "set", CONFIG, run_serially, log)
        set_build.build_set([entries], tmp_path / "dask" / "set", CONFIG, dask_with_an_accident, log)
    assert contents(tmp_path / "dask" / "set") == contents(tmp_path / "serial" / "set")


def test_the_command_builds_on_a_scheduler(tmp_path: Path, cluster: Any) -> None:
    entries = write_entries(tmp_path / "entries", 2)
    options = ["--clusters", "none", "--executor", "dask", "--scheduler", cluster.scheduler_address]
    assert run(["data", "build", str(entries), "-o", str(tmp_path / "set"), *options]) == 0


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:{closed}"])
def test_a_scheduler_that_is_not_there_is_told_within_seconds(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = write_entries(tmp_path / "entries", 1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = listener.getsockname()[1]
    options = ["--executor", "dask", "--scheduler", address.format(closed=closed)]
    start = time.perf_counter()
    assert run(["data", "build", str(entries), "-o", str(tmp_path / "set"), *options]) == 2
    gc.collect()  # a client left behind would write its traceback now
    assert time.perf_counter() - start < 8.0
    error = capsys.readouterr().err
    assert "dask scheduler" in error
    assert "Traceback" not in error
