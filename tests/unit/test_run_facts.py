"""What the log of a training run tells afterwards."""

import json
from pathlib import Path

import pytest

from rephase.errors import UserError
from rephase.io.config import dump_config
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.run_facts import read_prior_run, read_run
from rephase.train.train_config import TrainConfig

CONFIG = TrainConfig.model_validate({"set": "p15", "model": {"kind": "unet-fast"}})


def run_folder(path: Path, *lines: dict[str, object]) -> Path:
    (path / "config.yaml").write_text(dump_config(CONFIG))
    (path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_time_is_that_of_all_steps_at_the_speed_of_each(tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path,
        {"step": 10, "loss": 0.5, "examples": 3600, "examples_per_second": 1.0},
        {"step": 20, "loss": None, "examples": 10800, "examples_per_second": 4.0},
        {"step": 20, "dev/network_median": 0.5},
        {"step": 25, "dev/network_median": None},
        {"step": 30, "loss": 0.4, "examples": 18000, "examples_per_second": 4.0},
        {"step": 30, "dev/network_median": 0.4},
    )
    found = read_run(folder)
    assert (found.steps, found.examples, found.best) == (30, 18000, 0.5)
    assert found.hours == pytest.approx(2.0)
    assert found.config == CONFIG


def test_the_run_of_a_prior_is_told_by_the_score_of_priors(tmp_path: Path) -> None:
    step = {"step": 10, "loss": 0.5, "examples": 3600, "examples_per_second": 1.0}
    folder = run_folder(tmp_path, step, {"step": 10, "val/score": 0.6})
    crystals = {"proteins": 0.0, "pieces": 0.0}
    config = PriorTrainConfig.model_validate({"kind": "density-prior", "set": "p15", "crystals": crystals})
    (folder / "config.yaml").write_text(dump_config(config))
    found = read_prior_run(folder)
    assert (found.config, found.best, found.hours) == (config, 0.6, pytest.approx(1.0))
    with pytest.raises(UserError, match="kind"):
        read_run(folder)


def test_a_run_may_go_without_validation(tmp_path: Path) -> None:
    line = {"step": 10, "loss": 0.5, "examples": 320, "examples_per_second": 10.0}
    assert read_run(run_folder(tmp_path, line)).best is None
