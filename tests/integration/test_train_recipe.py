"""runs/train_unet.sh: the commands that it runs, with programs that only say how they were called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

STUBS = {
    "python": 'echo "$GPUS"',
    "rephase": 'echo rephase "$@"',
    "torchrun": 'echo torchrun "$@"',
}


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """A checkout with the recipe, and the programs that it calls."""
    (tmp_path / "bin").mkdir()
    for name, does in STUBS.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    (tmp_path / "checkout" / "runs").mkdir(parents=True)
    shutil.copy(repository / "runs" / "train_unet.sh", tmp_path / "checkout" / "runs")
    return tmp_path / "checkout"


def recipe(checkout: Path, *words: str, gpus: int = 0, cwd: Path | None = None) -> list[str]:
    """Return the commands that the recipe runs for a machine with so many GPUs."""
    environment = {**os.environ, "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"}
    environment["GPUS"] = str(max(gpus, 1))  # what torch is asked for
    command = [str(checkout / "runs" / "train_unet.sh"), *words]
    done = subprocess.run(command, env=environment, cwd=cwd or checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_random_peptides_are_made_where_no_data_are_given_and_options_are_handed_on(checkout: Path) -> None:
    made, trained = recipe(checkout, "dialanine", "--set", "epochs=4")
    assert made.startswith("rephase data peptides --n 400000")
    assert made.endswith("-o runs/peptides")
    expected = "rephase train configs/train/dialanine.yaml --set set=runs/peptides -o runs/dialanine --resume"
    assert trained == f"{expected} --set epochs=4"


def test_a_file_of_fragments_is_imported_once(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "f15.npz").touch()
    imported, trained = recipe(checkout, "dipeptide", "f15.npz", cwd=tmp_path)  # a path from where one stands
    assert imported == f"rephase data import {tmp_path / 'f15.npz'} -o runs/f15"
    assert "--set set=runs/f15 " in trained
    (checkout / "runs" / "f15").mkdir()
    (checkout / "runs" / "f15" / "set.json").touch()
    assert recipe(checkout, "dipeptide", "f15.npz", cwd=tmp_path) == [trained]


@pytest.mark.parametrize(("gpus", "processes"), [(0, 1), (1, 1), (2, 2), (3, 2), (7, 4), (16, 8)])
def test_a_run_uses_as_many_gpus_as_divide_its_lanes(checkout: Path, gpus: int, processes: int) -> None:
    (command,) = recipe(checkout, "dipeptide", "set", gpus=gpus)
    several = f"torchrun --standalone --nproc-per-node {processes} --no-python rephase train "
    assert command.startswith(several if processes > 1 else "rephase train ")
    assert (f"--set batches_per_step={processes}" in command) == (processes > 1)


@pytest.mark.parametrize("gpus", [1, 2, 8])
def test_a_run_goes_on_with_the_batches_that_it_began_with(checkout: Path, gpus: int) -> None:
    (checkout / "runs" / "dipeptide").mkdir()
    (checkout / "runs" / "dipeptide" / "config.yaml").write_text("seed: 0\nbatches_per_step: 4\nclip: 1.0\n")
    (command,) = recipe(checkout, "dipeptide", "set", gpus=gpus)
    assert command.endswith("--resume --set batches_per_step=4")
    assert command.startswith("torchrun --standalone --nproc-per-node 4 " if gpus >= 4 else "rephase train ")
