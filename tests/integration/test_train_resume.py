"""A run that is killed at any moment, or shared among processes, ends with the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from train_process import outcome, small_set, written_config

from rephase.cli.main import run

SCRIPT = Path(__file__).with_name("train_process.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
FOREVER = "1000000"


def process(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    small_set(folder)
    return written_config(folder)


@pytest.fixture(scope="module")
def uninterrupted(config: Path) -> Path:
    folder = config.with_name("uninterrupted")
    assert run(["train", str(config), "-o", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_never_was(
    config: Path, uninterrupted: Path
) -> None:
    folder = config.with_name("killed")
    lives = (
        3,  # in a step before the first checkpoint: nothing is kept
        7,  # while the second file of the first checkpoint is written: nothing is kept yet
        11,  # in a step between the first checkpoint and the second
        8,  # in the second checkpoint, after a validation that wrote weights
    )
    for life in lives:
        killed = process(SCRIPT, config, folder, str(life))
        assert killed.returncode == -9, killed.stderr
    last = process(SCRIPT, config, folder, FOREVER)
    assert last.returncode == 0, last.stderr
    assert "going on at step" in last.stdout
    assert outcome(folder) == outcome(uninterrupted)


def test_two_processes_give_the_bytes_of_one(config: Path, uninterrupted: Path) -> None:
    folder = config.with_name("two")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    both = process(*launcher, SCRIPT, config, folder, FOREVER)
    assert both.returncode == 0, both.stderr
    assert outcome(folder) == outcome(uninterrupted)
    assert both.stdout.count("the weights are") == 1


@pytest.mark.slow
def test_a_judge_of_the_hand_that_was_killed_goes_on_with_two_processes_to_the_same_bytes(
    config: Path,
) -> None:
    judged = {
        "model": {"kind": "unet-fast", "width": 8, "blocks": 1, "maps": 1, "recycling": True, "hand": True},
        "loss": {"square": 0.0, "correlation": 1.0, "hand": "either", "judge": 1.0},
    }
    written = written_config(config.parent, "judged.yaml", **judged)
    whole, shared = config.with_name("judged"), config.with_name("judged-two")
    assert run(["train", str(written), "-o", str(whole)]) == 0
    assert process(SCRIPT, written, shared, "11").returncode == -9
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    both = process(*launcher, SCRIPT, written, shared, FOREVER)
    assert both.returncode == 0, both.stderr
    assert "going on at step" in both.stdout
    assert outcome(shared) == outcome(whole)
