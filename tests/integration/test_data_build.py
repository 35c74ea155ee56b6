"""Building a set: the same bytes whatever the order, the sharing and the accidents."""

import gzip
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structure_examples import pdb_text, write_entries

from rephase.cli.main import run
from rephase.data.build import set_build
from rephase.data.build.executors import LOST, run_in_processes, run_serially
from rephase.data.build.task import Batch
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.structures.build_config import BuildConfig
from rephase.io.config import read_config
from rephase.logs import Log

ENTRIES = 20
REPHASE = Path(sys.executable).with_name("rephase")
OPTIONS = ["--clusters", "none", "--executor", "serial"]
CONFIG = read_config(BuildConfig, None, ["clusters.method=none"])

# Runs the command given, and dies as by kill -9 just before a file or directory gets its name.
MORTAL = """
import os, signal, sys
from pathlib import Path
from rephase.cli.main import run
left, rename = int(sys.argv[1]), Path.replace
def mortal(self, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.replace = mortal
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entries(tmp_path_factory.mktemp("entries"), ENTRIES)


@pytest.fixture(scope="module")
def undisturbed(entries: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of a set that was built in one go."""
    path = tmp_path_factory.mktemp("undisturbed") / "set"
    assert run(["data", "build", str(entries), "-o", str(path), *OPTIONS]) == 0
    return contents(path)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_a_set_holds_what_the_rules_leave(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in undisturbed.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(content)
    opened = FragmentSet.open(tmp_path / "set")
    rows = opened.manifest.to_pylist()
    assert len(opened) == 5 * ENTRIES  # windows of 15 every 10 of 60 residues
    assert sorted(row["start"] for row in rows if row["entry"] == "1A00") == [1, 11, 21, 31, 41]
    assert len({row["source"] for row in rows}) == len({row["cluster"] for row in rows}) == ENTRIES
    of_entry = {(row["entry"], row["split"]) for row in rows}
    assert len(of_entry) == ENTRIES, "an entry is in one split"
    assert {split for _, split in of_entry} == {"train", "test"}
    read = opened.read(range(len(opened)))
    carbonyl = read.xyz_cart[read.atom_name == "C"] - read.xyz_cart[read.atom_name == "CA"]
    np.testing.assert_allclose(np.linalg.norm(carbonyl, axis=1), 1.52, atol=0.02)


@pytest.mark.parametrize("renames", range(1, 7))
def test_a_killed_build_goes_on_to_the_same_bytes(
    renames: int, entries: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    command = ["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]
    killed = subprocess.run(
        [sys.executable, "-c", MORTAL, str(renames), *command], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "set").exists()
    assert run(command) == 0
    assert contents(tmp_path / "set") == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def killing_one(
    runner: Callable[..., Iterator[Any]], kill: Callable[[], None]
) -> Callable[..., Iterator[Any]]:
    """A way to share work, of which a worker is killed after the first result."""

    def run_and_kill(task: Callable[..., Any], items: list[Any]) -> Iterator[Any]:
        for number, result in enumerate(runner(task, items)):
            if number == 0:
                kill()
            yield result

    return run_and_kill


def kill_a_child() -> None:
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)


@pytest.mark.parametrize("runner", [run_serially, partial(run_in_processes, jobs=2)], ids=["serial", "two"])
def test_sharing_the_work_changes_no_byte(
    runner: Any, entries: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_build, "FILES_PER_BATCH", 3)
    with Log() as log:
        set_build.build_set([entries], tmp_path / "set", CONFIG, runner, log)
    assert contents(tmp_path / "set") == undisturbed


def test_a_killed_worker_changes_no_byte(
    entries: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_build, "FILES_PER_BATCH", 2)
    runner = killing_one(partial(run_in_processes, jobs=2), kill_a_child)
    with Log() as log:
        set_build.build_set([entries], tmp_path / "set", CONFIG, runner, log)
    assert contents(tmp_path / "set") == undisturbed


def test_the_order_and_the_place_of_the_files_change_no_byte(
    entries: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    names = sorted((file.name for file in entries.iterdir()), reverse=True)
    (tmp_path / "elsewhere").mkdir()
    for name in names:
        (tmp_path / "elsewhere" / name).write_bytes((entries / name).read_bytes())
    (tmp_path / "list.txt").write_text("# reversed\n" + "".join(f"elsewhere/{name}\n" for name in names))
    assert run(["data", "build", str(tmp_path / "list.txt"), "-o", str(tmp_path / "set"), *OPTIONS]) == 0
    assert contents(tmp_path / "set") == undisturbed


def test_a_full_disk_is_told_and_the_build_goes_on_later(
    entries: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    command = ["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    full = subprocess.run(
        [REPHASE, *command], capture_output=True, text=True, preexec_fn=little_space, check=False
    )
    assert full.returncode == 2
    assert "space on the disk" in full.stderr
    assert "goes on where it stopped" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (tmp_path / "set").exists()
    assert run(command) == 0
    assert contents(tmp_path / "set") == undisturbed


def test_a_damaged_batch_is_done_again(entries: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    command = ["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]
    subprocess.run([sys.executable, "-c", MORTAL, "3", *command], capture_output=True, check=False)
    for part in (tmp_path / "set.partial" / "parts").glob("*.npz"):
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
    assert run(command) == 0
    assert contents(tmp_path / "set") == undisturbed


def test_a_second_build_touches_nothing(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]
    assert run(command) == 0
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "set").rglob("*")}
    assert run(command) == 0
    assert "already built" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "set").rglob("*")} == before


def test_other_settings_do_not_replace_a_set_without_force(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]
    assert run(command) == 0
    before = contents(tmp_path / "set")
    other = [*command, "--set", "windows.length=2"]
    assert run(other) == 2
    assert "--force" in capsys.readouterr().err
    assert contents(tmp_path / "set") == before
    assert run([*other, "--force"]) == 0
    assert len(FragmentSet.open(tmp_path / "set").read([0]).sequence[0]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_broken_and_repeated_files_are_reported_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_entries(tmp_path / "in", 4)
    (good / "a_copy.pdb").write_bytes((good / "001.pdb").read_bytes())
    (good / "empty.pdb").touch()
    (good / "text.cif").write_text("Dear colleague,\n")
    (good / "truncated.pdb.gz").write_bytes(gzip.compress(pdb_text("9ZZZ", "A" * 50).encode())[:-20])
    (good / "notes.txt").write_text("not looked at")
    assert run(["data", "build", str(good), "-o", str(tmp_path / "set"), *OPTIONS]) == 0
    record = FragmentSet.open(tmp_path / "set").record
    reasons = {left.name: left.reason for left in record.origin.skipped}
    assert set(reasons) == {"a_copy.pdb", "empty.pdb", "text.cif", "truncated.pdb.gz"}
    assert "001.pdb" in reasons["a_copy.pdb"]
    assert record.fragments == 20
    assert str(tmp_path) not in record.model_dump_json()
    told = capsys.readouterr().out
    assert all(re.search(rf"skipped {name}: .+", told) for name in reasons)


def test_crystals_are_stored_and_do_not_depend_on_other_files(entries: Path, tmp_path: Path) -> None:
    few = sorted(entries.iterdir())[:2]
    options = [*OPTIONS, "--set", "crystals.cell.kind=growing"]
    for name, files in (("one", few[:1]), ("two", few)):
        assert run(["data", "build", *map(str, files), "-o", str(tmp_path / name), *options]) == 0
    one, two = FragmentSet.open(tmp_path / "one"), FragmentSet.open(tmp_path / "two")
    ids = one.manifest["id"].to_pylist()
    assert two.has_crystals
    for name in ("cell", "rotation", "centre_frac"):
        alone, together = (getattr(s.placements(s.indices_of(ids)), name) for s in (one, two))
        np.testing.assert_array_equal(alone, together)
    assert len(np.unique(one.placements(range(len(one))).cell, axis=0)) == len(one)


def test_a_table_of_splits_is_binding(entries: Path, tmp_path: Path) -> None:
    table = tmp_path / "splits.tsv"
    table.write_text("id\tsplit\n1a00\tval\n2a01\ttest\n")
    assert (
        run(["data", "build", str(entries), "-o", str(tmp_path / "set"), "--split", str(table), *OPTIONS])
        == 0
    )
    rows = FragmentSet.open(tmp_path / "set").manifest.to_pylist()
    assert {row["entry"] for row in rows if row["split"] == "val"} == {"1A00"}
    assert {row["entry"] for row in rows if row["split"] == "test"} == {"2A01"}
    notes = FragmentSet.open(tmp_path / "set").record.origin.notes
    assert notes["entries that the table of splits lacks"] == f"{ENTRIES - 2}, trained on"


def test_a_table_of_other_entries_does_not_put_everything_into_training(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "splits.csv"
    table.write_text("id,entry,split\n0,1a00,val\n1,2a01,test\n")
    words = ["data", "build", str(entries), "-o", str(tmp_path / "set"), "--split", str(table), *OPTIONS]
    assert run(words) == 2
    assert "column id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "no file nowhere"),
        ([], "requires an argument"),
        (["IN", "--split", "nowhere.tsv"], "nowhere.tsv"),
        (["IN", "--executor", "dask"], "--scheduler"),
        (["IN", "--scheduler", "tcp://127.0.0.1:1"], "--executor dask"),
        (["IN", "--jobs", "0"], "--jobs"),
        (["IN", "--set", "windows.lenght=3"], "length"),
        (["IN", "--set", "entries.resolution=1.0"], "20 of the entries by resolution"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_is_wrong_is_told(
    arguments: list[str], told: str, entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(entries) if word == "IN" else word for word in arguments]
    assert run(["data", "build", *words, "-o", str(tmp_path / "set")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert not (tmp_path / "set").exists()


def test_a_file_that_kills_its_process_is_reported_and_the_rest_is_built(
    entries: Path, tmp_path: Path
) -> None:
    def deadly(task: Callable[..., Any], batches: list[Batch]) -> Iterator[Any]:
        for number, batch in enumerate(batches):
            kills = any(source.name == "004.pdb" for source in batch.sources)
            yield number, (LOST if kills else task(batch))

    with Log() as log:
        record = set_build.build_set([entries], tmp_path / "set", CONFIG, deadly, log)
    assert [(left.name, left.reason) for left in record.origin.skipped] == [("004.pdb", LOST.value)]
    assert record.fragments == 5 * (ENTRIES - 1)


def test_who_interrupts_a_build_learns_that_it_goes_on(
    entries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(path: Path, results: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(set_build, "write_part", interrupt)
    assert run(["data", "build", str(entries), "-o", str(tmp_path / "set"), *OPTIONS]) == 130
    assert "goes on" in capsys.readouterr().out
