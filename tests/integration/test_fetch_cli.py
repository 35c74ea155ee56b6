"""`rephase data fetch` as it is typed: exit status, table, and what survives a full disk and kill -9."""

import gzip
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_server import Server, body, failing_server, slowly, status

from rephase.cli.main import run

NOISE = "".join(random.Random(2).choices("ACDEFGHIKLMNPQRSTVWY", k=200_000))
FILE = gzip.compress(f"data_1ABC\n_entity.id {NOISE}\n".encode(), mtime=0)
REPHASE = Path(sys.executable).with_name("rephase")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    with failing_server() as running:
        yield running


@pytest.fixture
def fetch_command(server: Server, tmp_path: Path) -> Callable[..., int]:
    """Run the command with the server as its source."""
    return lambda *words: run(["data", "fetch", *words, *options(server, tmp_path / "out")])


def options(server: Server, output: Path) -> list[str]:
    return ["-o", str(output), "--source", f"{server.url}/{{id}}", "--rate", "1000"]


def test_structures_are_fetched_and_the_next_step_named(
    server: Server, fetch_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    server.at("/1abc", body(FILE))
    server.at("/2abc", body(FILE))
    assert fetch_command("1ABC", "2abc") == 0
    assert "2 fetched" in capsys.readouterr().out
    assert fetch_command("1abc", "2abc") == 0
    told = capsys.readouterr().out
    assert "2 kept" in told
    assert "next: rephase data build" in told


def test_what_is_lacking_is_listed_and_the_exit_status_is_2(
    server: Server, fetch_command: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.at("/1abc", body(FILE))
    server.at("/3abc", status(403))
    assert fetch_command("1abc", "2abc", "3abc") == 2
    told = capsys.readouterr()
    lines = [line.split() for line in told.out.splitlines()]
    assert ["2abc", "missing"] in [line[:2] for line in lines]
    assert ["3abc", "failed"] in [line[:2] for line in lines]
    assert "1 of them" in told.err
    assert "Traceback" not in told.err
    assert (tmp_path / "out" / "1abc.cif.gz").is_file()


@pytest.mark.parametrize("words", [["--rate", "0"], ["--rate", "nan"], ["--jobs", "0"], ["--jobs", "99"]])
def test_options_out_of_range_are_refused_before_anything_is_asked(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["data", "fetch", "1abc", *options(server, tmp_path)[:4], *words]) == 2
    assert words[0] in capsys.readouterr().err
    assert server.requests == []


def test_full_disk_is_told_and_the_part_continued(server: Server, tmp_path: Path) -> None:
    """The limit on file sizes stands for the end of the disk: writing fails in the middle of the file."""
    server.at("/1abc", body(FILE))
    limit = len(FILE) // 2
    full = subprocess.run(
        [REPHASE, "data", "fetch", "1abc", *options(server, tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert full.returncode == 2
    assert "free some space" in full.stderr
    assert "Traceback" not in full.stderr
    assert 0 < (tmp_path / "1abc.cif.gz.part").stat().st_size <= limit
    assert_continued(server, tmp_path)


@pytest.mark.parametrize(("sent", "returncode"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_process_leaves_what_can_be_continued(
    server: Server, tmp_path: Path, sent: signal.Signals, returncode: int
) -> None:
    server.at("/1abc", slowly(FILE, 5000, 0.2), body(FILE))
    part = tmp_path / "1abc.cif.gz.part"
    process = subprocess.Popen(
        [REPHASE, "data", "fetch", "1abc", *options(server, tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30.0
    while not (part.is_file() and part.stat().st_size > 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(sent)
    process.communicate(timeout=5.0)
    assert process.returncode == returncode
    assert_continued(server, tmp_path)


def assert_continued(server: Server, output: Path) -> None:
    """The same command fetches only the rest, and nothing but the file and its sum is left."""
    there = (output / "1abc.cif.gz.part").stat().st_size
    again = subprocess.run(
        [REPHASE, "data", "fetch", "1abc", *options(server, output)], capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert server.requests[-1].headers.get("Range", "bytes=0-") == f"bytes={there}-"
    assert (output / "1abc.cif.gz").read_bytes() == FILE
    assert sorted(path.name for path in output.iterdir()) == ["1abc.cif.gz", "SHA256SUMS"]
