"""rephase train for a density prior: taken up, shared among processes or not, it ends with the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prior_process import SETTINGS, small_data, written_settings
from train_process import outcome

from rephase.cli.main import EXIT_USER, run
from rephase.models.trained_prior import load_prior
from rephase.train.checkpoints import checkpoint_paths, read_checkpoint
from rephase.train.prior.prior_run import PriorRunState

SCRIPT = Path(__file__).with_name("prior_process.py")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prior")
    small_data(folder)
    return written_settings(folder)


@pytest.fixture(scope="module")
def uninterrupted(config: Path) -> Path:
    folder = config.with_name("uninterrupted")
    assert run(["train", str(config), "-o", str(folder)]) == 0
    return folder


def test_a_run_leaves_the_best_prior_its_figures_and_its_pool(uninterrupted: Path) -> None:
    lines = outcome(uninterrupted)["log.jsonl"]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    scores = [line["val/score"] for line in lines if "val/score" in line]
    assert len(scores) == 3
    trained = load_prior(uninterrupted / "weights.safetensors")
    assert trained.record.trained.d_min == (2.4, 2.6)
    low, high = trained.record.trained.solvent
    assert 0.0 <= low < high <= 1.0
    state = read_checkpoint(checkpoint_paths(uninterrupted / "checkpoints")[-1], PriorRunState).state
    assert state.best == max(scores)
    assert sorted(place.number % 4 for place in state.pool.values()) == [0, 1, 2, 3]
    assert max(place.number for place in state.pool.values()) >= 4  # crystals were replaced


def test_three_steps_and_three_after_them_are_six_steps(config: Path, uninterrupted: Path) -> None:
    folder = config.with_name("resumed")
    shutil.copytree(uninterrupted, folder)
    shutil.rmtree(folder / "checkpoints/step-00000006")
    (folder / "weights.safetensors").unlink()
    assert run(["train", str(config), "-o", str(folder), "--resume"]) == 0
    found, expected = outcome(folder), outcome(uninterrupted)
    best = expected.pop("weights.safetensors"), found.pop("weights.safetensors", None)
    assert found == expected
    assert best[1] in (best[0], None)  # None: the best came before the step it was taken up at


@pytest.mark.slow
def test_two_processes_that_others_draw_for_give_the_bytes_of_one(config: Path, uninterrupted: Path) -> None:
    folder = config.with_name("two")
    shared = written_settings(config.parent, "shared.yaml", machine={"device": "cpu", "workers": 1})
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    command = [sys.executable, *launcher, str(SCRIPT), str(shared), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found, expected = outcome(folder), outcome(uninterrupted)
    for one in (found, expected):
        del one["config.yaml"]  # the machine differs
    assert found == expected
    assert done.stdout.count("the weights are") == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["structures=nowhere"], "manifest.tsv"),
        (["set=nowhere"], "nowhere"),
        (["kind=density-piror"], "density-prior"),
        (["pool=3"], "pool"),
        (["crystals.proteins=2"], "crystals.proteins"),
        (["crystals.protein=0.5"], "did you mean proteins?"),
        (["start=nothing"], "nothing"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(
    changed: list[str], message: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for one in changed for word in ("--set", one)]
    assert run(["train", str(config), "-o", str(tmp_path / "run"), *words]) == EXIT_USER
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_another_run_in_the_folder_is_left_alone(
    config: Path, uninterrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = outcome(uninterrupted)
    assert run(["train", str(config), "-o", str(uninterrupted)]) == EXIT_USER
    assert "--resume" in capsys.readouterr().err
    words = ["--resume", "--set", "seed=1"]
    assert run(["train", str(config), "-o", str(uninterrupted), *words]) == EXIT_USER
    assert "seed" in capsys.readouterr().err
    assert outcome(uninterrupted) == before


def test_learning_rates_are_not_looked_for(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(config), "--find-lr"]) == EXIT_USER
    assert "density prior" in capsys.readouterr().err


def test_a_prior_begins_with_the_weights_of_another_of_its_shape(
    config: Path, uninterrupted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", f"start={uninterrupted / 'weights.safetensors'}", "--set", "model.width=16"]
    assert run(["train", str(config), "-o", str(tmp_path / "run"), *words]) == EXIT_USER
    assert "width=8" in capsys.readouterr().err
    assert SETTINGS["model"]["width"] == 8
