"""The pieces of `rephase doctor`, and what it does when something is wrong."""

import math
from pathlib import Path

import pytest

from rephase.cli import selftest
from rephase.cli.doctor import doctor
from rephase.cli.machine import cores, hardware, programs, version_of, versions


def test_versions_list_every_dependency_and_no_extra() -> None:
    found = versions()
    assert {"python", "rephase", "torch", "gemmi", "numpy"} <= found.keys()
    assert "pytest" not in found
    assert all(found.values())


def test_absent_distribution_has_no_version() -> None:
    assert version_of("no-such-distribution-at-all") is None


def test_program_on_the_search_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not any(programs().values())
    program = tmp_path / "shelxe"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert programs()["SHELXE"] == str(program)


def test_hardware_is_described() -> None:
    told = hardware()
    assert told["cores"].startswith(f"{cores()} ")
    assert "GiB" in told["memory"]


def test_check_above_its_limit_fails() -> None:
    assert selftest.check("error", lambda: 0.5, 1.0).passed
    assert not selftest.check("error", lambda: 2.0, 1.0).passed
    assert not selftest.check("error", lambda: math.nan, 1.0).passed


def test_check_that_breaks_is_reported_and_fails() -> None:
    def broken() -> float:
        raise RuntimeError("no FFT here")

    result = selftest.check("FFT", broken, 1.0)
    assert not result.passed
    assert result.trouble == "RuntimeError: no FFT here"


def test_doctor_fails_when_a_check_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "CHECKS", (("impossible accuracy", selftest.fft_round_trip_error, 0.0),))
    assert doctor() == 1
    told = capsys.readouterr().out
    assert "FAILED impossible accuracy" in told
    assert "all is well" not in told


def test_doctor_fails_when_a_package_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rephase.cli.machine.versions", lambda: {"torch": None})
    assert doctor() == 1
    assert "not found" in capsys.readouterr().out
