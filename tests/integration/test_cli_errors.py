"""Mistakes on the command line of `rephase solve`: a clear message, exit 2, and nothing written over."""

import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from rephase.cli.main import run

REPHASE = Path(sys.executable).with_name("rephase")
CELL = (16.0, 17.0, 18.0, 90.0, 90.0, 90.0)
RNG = np.random.default_rng(3)


def write_mtz(
    path: Path,
    *,
    types: str = "FQ",
    labels: tuple[str, ...] = ("F", "SIGF"),
    values: Callable[[int], np.ndarray] = lambda n: RNG.gamma(2.0, 50.0, n),
    sigma: float = 2.0,
    spacegroup: str = "P 21 21 21",
    cell: tuple[float, ...] = CELL,
    d_min: float = 2.0,
    keep: int | None = None,
) -> Path:
    """Write measured data of nothing in particular: every second column holds σ."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(spacegroup)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("native")
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*(cell if cell[0] else CELL)), mtz.spacegroup, d_min)[:keep]
    columns = []
    for index, (kind, label) in enumerate(zip(types, labels, strict=True)):
        mtz.add_column(label, kind)
        columns.append(np.full(len(hkl), sigma) if index % 2 else values(len(hkl)))
    mtz.set_data(np.column_stack([hkl, *columns]).astype(np.float32))
    mtz.write_to_file(str(path))
    return path


def write_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def cut(path: Path, length: int) -> Path:
    path.write_bytes(path.read_bytes()[:length])
    return path


def without_symmetry(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b"SYMINF ", b"NOTHING").replace(b"SYMM ", b"NONE "))
    return path


DATA: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no such file": (lambda d: d / "absent.mtz", "does not exist"),
    "a directory": (lambda d: d, "not a file"),
    "an empty file": (lambda d: write_text(d / "a.mtz", ""), "empty"),
    "not an MTZ": (lambda d: write_text(d / "a.mtz", "dear diary\n"), "a.mtz"),
    "coordinates": (lambda d: write_text(d / "a.pdb", "ATOM      1  N   ALA A   1\n"), "PDB"),
    "a truncated MTZ": (lambda d: cut(write_mtz(d / "a.mtz"), 3000), "a.mtz"),
    "phases only": (lambda d: write_mtz(d / "a.mtz", types="PW", labels=("PHI", "FOM")), "PHI"),
    "several candidates": (
        lambda d: write_mtz(d / "a.mtz", types="FQFQ", labels=("FA", "SIGFA", "FB", "SIGFB")),
        "--observations FA,SIGFA",
    ),
    "all-zero F": (lambda d: write_mtz(d / "a.mtz", values=np.zeros), "zero"),
    "negative F": (lambda d: write_mtz(d / "a.mtz", values=lambda n: np.full(n, -5.0)), "0 usable"),
    "NaN": (lambda d: write_mtz(d / "a.mtz", values=lambda n: np.full(n, np.nan)), "missing|no value|empty"),
    "Inf": (
        lambda d: write_mtz(d / "a.mtz", values=lambda n: np.full(n, np.inf)),
        "usable|infinite|no value|empty",
    ),
    "σ = 0": (lambda d: write_mtz(d / "a.mtz", sigma=0.0), "σ"),
    "no cell": (lambda d: write_mtz(d / "a.mtz", cell=(0, 0, 0, 90, 90, 90)), "cell"),
    "no space group": (lambda d: without_symmetry(write_mtz(d / "a.mtz")), "space group"),
    "a centrosymmetric group": (lambda d: write_mtz(d / "a.mtz", spacegroup="P 1 2/m 1"), "--in-p1"),
    "a cell the group forbids": (lambda d: write_mtz(d / "a.mtz", spacegroup="P 41 21 2"), "--in-p1"),
    "50 reflections": (lambda d: write_mtz(d / "a.mtz", keep=50), "50"),
    "data to 5 Å": (lambda d: write_mtz(d / "a.mtz", d_min=5.0, cell=(40, 40, 40, 90, 90, 90)), "4 Å"),
}


def refused(tokens: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused, and return what it told the user."""
    assert run(tokens) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert re.search(r"^wanted: .+\nfound: .+", told, re.MULTILINE)
    return told


@pytest.mark.parametrize("mistake", DATA)
def test_data_that_cannot_be_phased_are_refused(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, hint = DATA[mistake]
    told = refused(["solve", str(make(tmp_path)), "-o", str(tmp_path / "out")], capsys)
    assert re.search(hint, told)
    assert not (tmp_path / "out").exists()


SEQUENCES = {
    "illegal letters": (">a\nMKV1LA*?\n", "1"),
    "no residues": (">a\n", ""),
    "more protein than fits the cell": (">a\n" + "MKVLAAGIVG" * 40 + "\n", "37627 Da"),
}


@pytest.mark.parametrize("mistake", SEQUENCES)
def test_wrong_sequence_is_refused(mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, hint = SEQUENCES[mistake]
    fasta = write_text(tmp_path / "a.fasta", text)
    data = write_mtz(tmp_path / "a.mtz")
    told = refused(["solve", str(data), "--sequence", str(fasta), "-o", str(tmp_path / "out")], capsys)
    assert hint in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--sequence", "absent.fasta"), ("--observations", "FOO,SIGFOO"), ("--d-min", "30")],
)
def test_option_that_does_not_fit_the_data_is_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mtz(tmp_path / "a.mtz")
    refused(["solve", str(data), "-o", str(tmp_path / "out"), option, value], capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_absent_cuda_device_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_mtz(tmp_path / "a.mtz")
    told = refused(["solve", str(data), "-o", str(tmp_path / "out"), "--device", "cuda"], capsys)
    assert "--device cpu" in told
    assert not (tmp_path / "out").exists()


def test_existing_directory_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    output.mkdir()
    write_text(output / "phased.mtz", "last year's work")
    told = refused(["solve", str(write_mtz(tmp_path / "a.mtz")), "-o", str(output)], capsys)
    assert "--force" in told
    assert [path.name for path in output.iterdir()] == ["phased.mtz"]
    assert (output / "phased.mtz").read_text() == "last year's work"


def test_output_that_is_a_file_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = write_text(tmp_path / "out", "notes")
    data = write_mtz(tmp_path / "a.mtz")
    refused(["solve", str(data), "-o", str(output), "--force"], capsys)
    assert output.read_text() == "notes"


def test_refused_input_leaves_earlier_results_even_with_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    write_text(output / "phased.mtz", "last year's work")
    refused(["solve", str(tmp_path / "absent.mtz"), "-o", str(output), "--force"], capsys)
    assert (output / "phased.mtz").read_text() == "last year's work"


def test_full_disk_is_told_without_a_traceback(tmp_path: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    data = write_mtz(tmp_path / "a.mtz")
    command = [REPHASE, "solve", data, "-o", tmp_path / "out", "--time-limit", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=small_disk)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "wanted:" in done.stderr


def default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_names_it(tmp_path: Path) -> None:
    data = write_mtz(tmp_path / "a.mtz", d_min=1.2)
    output = tmp_path / "out"
    command = [REPHASE, "solve", data, "-o", output, "--time-limit", "120"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a shell that runs the tests in the background ignores SIGINT, and its children would inherit that
    with subprocess.Popen(command, **pipes, preexec_fn=default_interrupt) as process:
        log = output / "solve.log"
        while process.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.2)
        time.sleep(5.0)  # into the phasing
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert str(output) in told
    assert log.exists()


@pytest.mark.slow
def test_time_limit_ends_the_run_with_a_verdict(tmp_path: Path) -> None:
    data = write_mtz(tmp_path / "a.mtz", d_min=1.5)
    start = time.monotonic()
    command = [REPHASE, "solve", data, "-o", tmp_path / "out", "--time-limit", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 60
    assert "not solved" in done.stdout  # the amplitudes are random: nothing can be right
    assert (tmp_path / "out" / "report.html").exists()
