"""A run can be killed before any change that it makes on the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from train_process import SETTINGS, outcome, small_set, written_config

SCRIPT = Path(__file__).with_name("train_deaths.py")


@pytest.mark.slow
def test_a_run_that_died_before_any_of_its_changes_on_the_disk_ends_like_one_that_did_not(
    tmp_path: Path,
) -> None:
    small_set(tmp_path)
    config = written_config(
        tmp_path,
        stream={**SETTINGS["stream"], "batch_size": 2, "reservoir": 1},
        epoch_examples=12,  # three steps
        validation={"examples": 2, "every": 2},
        checkpoints={"every": 1, "keep": 1},
    )
    command = [sys.executable, str(SCRIPT), str(config), str(tmp_path / "runs")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    changes = int(done.stdout.split()[-1])
    assert changes > 30  # settings, log, weights, three checkpoints of four files, and renaming each
    expected = outcome(tmp_path / "runs" / "whole")
    for number in range(1, changes + 1):
        found = outcome(tmp_path / "runs" / str(number))
        assert {name: found.get(name) for name in expected} == expected, f"killed before change {number}"
        # a run that dies when only the checkpoint before the last is still to be deleted, leaves it
        assert all(name.startswith("checkpoints/step-00000002/") for name in found.keys() - expected.keys())
