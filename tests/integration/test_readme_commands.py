"""The README's commands work as they are printed there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from structure_examples import write_entries

BIN = Path(sys.executable).parent
README = Path(__file__).resolve().parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def commands() -> list[list[str]]:
    """Every line of the shell blocks, split into words."""
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def rehearsed(repository: Path, target: str) -> list[list[str]]:
    """What `make TARGET` would run once it has installed the package."""
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=repository,
        env=outside,
        capture_output=True,
        text=True,
        check=True,
    )
    return [shlex.split(line) for line in done.stdout.splitlines() if line.startswith(".venv/bin/")]


def run(words: list[str], folder: Path) -> str:
    done = subprocess.run(
        [BIN / words[0], *words[1:]], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_shell_line_is_a_command_these_tests_know() -> None:
    assert {words[0] for words in commands()} == {"make", "rephase"}


def test_make_solve_runs_the_readme_commands(repository: Path) -> None:
    made = [words for words in rehearsed(repository, "solve") if words[0].endswith("/rephase")]
    printed = [words for words in commands() if words[0] == "rephase"]
    assert len(made) == 2
    for words in made:
        assert words[-1] == "--force"  # so that it can be run again
        assert ["rephase", *words[1:-1]] in printed


def test_make_test_runs_all_tests(repository: Path) -> None:
    side_by_side = ["-n", "auto", "--dist", "loadfile"]
    assert rehearsed(repository, "test")[-1] == [".venv/bin/python", "-m", "pytest", *side_by_side]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder in which every `rephase` line of the README was run in turn, and what each printed.

    The line about a file of one's own runs on the example; structures are written here, not downloaded.
    """
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(README.parent / "configs", folder / "configs")
    write_entries(folder / "structures", 3)
    lines = [words for words in commands() if words[0] == "rephase"]
    elsewhere = [words for words in lines if "data.mtz" in words or "fetch" in words]
    assert len(elsewhere) == 2
    told = {shlex.join(words): run(words, folder) for words in lines if words not in elsewhere}
    return folder, told


@pytest.mark.slow
def test_commands_end_well_and_the_example_is_solved(tried: tuple[Path, dict[str, str]]) -> None:
    _, told = tried
    verdict = next(text for line, text in told.items() if line.startswith("rephase solve"))
    assert "solved" in verdict.lower()
    assert "not solved" not in verdict.lower()
    assert "report.html" in verdict


@pytest.mark.slow
def test_promised_files_are_there(tried: tuple[Path, dict[str, str]]) -> None:
    folder, _ = tried
    table = re.findall(r"^\| (`[^|]+`) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    names = {name for row in table for name in re.findall(r"`([\w.]+\.\w+)`", row)}
    assert {"report.html", "phased.mtz", "map.ccp4", "results.json", "solve.log"} <= names
    assert names <= {path.name for path in (folder / "solved").iterdir()}


@pytest.mark.slow
def test_sets_are_made_shown_and_found_sound(tried: tuple[Path, dict[str, str]]) -> None:
    folder, told = tried
    assert (folder / "peptides.png").stat().st_size > 0
    (build,) = [text for line, text in told.items() if line.startswith("rephase data build")]
    (check,) = [text for line, text in told.items() if line.startswith("rephase data check")]
    assert "train" in build
    assert "all is well" in check


@pytest.mark.slow
def test_python_lines_work(tried: tuple[Path, dict[str, str]]) -> None:
    folder, _ = tried
    (script,) = blocks("python")
    (folder / "readme.py").write_text(script, encoding="utf-8")
    assert "solved" in run(["python", "readme.py"], folder)


@pytest.mark.slow
def test_line_for_own_data_works(tried: tuple[Path, dict[str, str]]) -> None:
    folder, _ = tried
    (own,) = [words for words in commands() if "data.mtz" in words]
    (folder / "data.mtz").write_bytes((folder / "example" / "example.mtz").read_bytes())
    (folder / "protein.fasta").write_bytes((folder / "example" / "example.fasta").read_bytes())
    assert "report.html" in run([*own[:-1], "own"], folder)
