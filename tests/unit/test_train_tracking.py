"""The record of a run has one line for each entry, however often the run was stopped."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rephase.errors import UserError
from rephase.train.tracking import LOG, Tracking, trackers_of


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def test_lines_behind_the_checkpoint_are_dropped_when_a_run_goes_on(tmp_path: Path) -> None:
    with trackers_of(Tracking(), tmp_path, 0, {}) as trackers:
        for step in (1, 2, 3):
            trackers.add(step, {"loss": 1.0 / step})
    with (tmp_path / LOG).open("a") as log:
        log.write('{"step": 1, "lo')  # the process died here
    with trackers_of(Tracking(), tmp_path, 2, {}) as trackers:
        trackers.add(3, {"loss": 0.25})
    assert lines(tmp_path) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}, {"step": 3, "loss": 0.25}]


def test_every_line_is_json_also_where_the_loss_is_not_finite(tmp_path: Path) -> None:
    with trackers_of(Tracking(), tmp_path, 0, {}) as trackers:
        trackers.add(1, {"loss": math.nan, "gradient": math.inf})
    assert lines(tmp_path) == [{"step": 1, "loss": None, "gradient": None}]


@pytest.mark.parametrize(
    ("settings", "package", "module"),
    [
        ({"tensorboard": True}, "tensorboard", "torch.utils.tensorboard"),
        ({"wandb": "project"}, "wandb", "wandb"),
    ],
)
def test_a_missing_extra_is_named(
    settings: dict[str, object], package: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"pip install {package}"):
        trackers_of(Tracking.model_validate(settings), tmp_path, 0, {})


def test_a_run_at_wandb_goes_on_under_its_own_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    class Run:
        def log(self, figures: dict[str, float], step: int) -> None:
            calls[-1]["logged"] = (step, figures)

        def finish(self) -> None:
            calls[-1]["finished"] = True

    def init(**arguments: Any) -> Run:
        calls.append(arguments)
        return Run()

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    for name in ("first", "first", "second"):
        (tmp_path / name).mkdir(exist_ok=True)
        with trackers_of(Tracking(wandb="project"), tmp_path / name, 0, {"seed": 3}) as trackers:
            trackers.add(1, {"loss": 0.5})
    first, again, other = (call["id"] for call in calls)
    assert first == again != other
    assert all(call["logged"] == (1, {"loss": 0.5}) and call["finished"] for call in calls)
    assert calls[0]["config"] == {"seed": 3}
