"""The command line: help, suggestions, and one exit status for each kind of error."""

import errno
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from rephase import __version__
from rephase.cli.main import COMMANDS, app, run
from rephase.errors import UserError
from rephase.logs import Log

REPHASE = Path(sys.executable).with_name("rephase")
Command = Callable[[], None]
Register = Callable[[Command], None]


@pytest.fixture
def command() -> Iterator[Register]:
    """Add a command named `probe` for the length of one test."""
    yield lambda function: app.command(function, name="probe")
    del app["probe"]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)


def test_help_takes_less_than_half_a_second() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)  # no clock: other tests run, too
        subprocess.run([REPHASE, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__ == version("rephase")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: rephase {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tokens", "suggestion"),
    [
        (["solv", "x.mtz"], "solve"),
        (["solve", "x.mtz", "-o", "y", "--sequense", "z"], "--sequence"),
        (["doctor", "--jsno"], "--json"),
        (["solve", "x.mtz", "-o", "y", "--device", "cdua"], "cuda"),
        (["solve", "x.mtz"], "--output"),
        (["solve", "x.mtz", "-o", "y", "--d-min", "fine"], "--d-min"),
    ],
)
def test_misspelt_word_is_answered_with_the_right_one(
    tokens: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tokens) == 2
    told = capsys.readouterr()
    assert suggestion in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--d-min", "0"),
        ("--d-min", "-1.5"),
        ("--d-min", "nan"),
        ("--time-limit", "0"),
        ("--time-limit", "inf"),
        ("--threads", "0"),
        ("--seed", "-1"),
    ],
)
def test_number_out_of_range_is_refused_before_any_work(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["solve", "absent.mtz", "-o", str(tmp_path / "out"), f"{option}={value}"]) == 2
    told = capsys.readouterr().err
    assert option in told
    assert re.search(r"^found: +" + re.escape(value), told, re.MULTILINE)
    assert not (tmp_path / "out").exists()


def test_user_error_prints_wanted_found_do(command: Register, capsys: pytest.CaptureFixture[str]) -> None:
    def probe() -> None:
        raise UserError(wanted="amplitudes", found="phases only", do="give the data file")

    command(probe)
    assert run(["probe"]) == 2
    told = capsys.readouterr().err
    assert [line.split(":")[0] for line in told.splitlines()] == ["rephase", "wanted", "found", "do"]
    assert "Traceback" not in told


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_file_system_trouble_is_the_users_to_put_right(
    number: int, command: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        raise OSError(number, "no room", "map.ccp4")

    command(probe)
    assert run(["probe"]) == 2
    assert "map.ccp4" in capsys.readouterr().err


def test_fault_of_the_program_names_the_run_log(
    command: Register, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "solve.log"

    def probe() -> None:
        with Log(path):
            raise RuntimeError("negative envelope")

    command(probe)
    assert run(["probe"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(path) in told
    assert "RuntimeError: negative envelope" in path.read_text()


def test_fault_outside_a_run_leaves_its_traceback_in_a_file(
    command: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        raise RuntimeError("no log yet")

    command(probe)
    assert run(["probe"]) == 1
    path = Path(capsys.readouterr().err.split()[-1])
    assert "RuntimeError: no log yet" in path.read_text()
    path.unlink()


def test_ctrl_c_exits_130_and_says_where_the_work_is(
    command: Register, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        with Log(tmp_path / "solve.log"):
            raise KeyboardInterrupt

    command(probe)
    assert run(["probe"]) == 130
    assert str(tmp_path) in capsys.readouterr().err


def test_closed_pipe_ends_quietly() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{REPHASE} doctor --json | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_doctor_finds_this_installation_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is True
    assert told["versions"]["torch"] == version("torch")
    assert told["versions"]["rephase"] == __version__
    assert all(test["passed"] and test["value"] <= test["limit"] for test in told["self-test"])
