"""A training run of seconds, and one process of it that dies where it is told to.

As a script: CONFIG RUN LIFE trains in the folder RUN, and is killed, as by ``kill -9``, in the middle of the
LIFE-th thing that it does: a step, or writing a file of a checkpoint, of which half is then on the disk.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from stream_process import random_fragments

from rephase.cli.main import run
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.io.config import dump_config
from rephase.train import checkpoints
from rephase.train.train_config import TrainConfig
from rephase.train.trainer import Trainer

SETTINGS: dict[str, Any] = {
    "model": {"kind": "unet", "outer": 2, "inner": 3, "blocks": 1, "recycling": True},
    "passes": (0, 1),
    "stream": {
        "batch_size": 4,
        "reservoir": 4,
        "lanes": 2,
        "d_min": (2.5, 2.5),
        "crystal": {"cell": {"kind": "cubic", "edge": 16.0}},
    },
    "optimiser": {"rate": 1e-2, "weight_decay": 1e-2},
    "epochs": 1.0,
    "epoch_examples": 96,
    "batches_per_step": 2,
    "average": 0.9,
    "validation": {"examples": 12, "every": 4},
    "checkpoints": {"every": 5},
    "tracking": {"every": 1},
    "machine": {"device": "cpu"},
}
"""Twelve steps, checkpoints after 5, 10 and 12, validations after 4, 8 and 12."""


def small_set(folder: Path) -> Path:
    """Write fragments as a set with several shards."""
    path = folder / "set"
    write_set(path, [SetPart(random_fragments())], SetOrigin(command="test"), shard_fragments=12)
    return path


def settings(folder: Path, **changed: Any) -> TrainConfig:
    """Settings of a short run on the set in a folder."""
    return TrainConfig.model_validate({"set": folder / "set", **SETTINGS, **changed})


def written_config(folder: Path, name: str = "train.yaml", **changed: Any) -> Path:
    """Write these settings as YAML."""
    path = folder / name
    path.write_text(dump_config(settings(folder, **changed)), encoding="utf-8")
    return path


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that a run leaves behind, but for times."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("examples_per_second", None)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items()} | {"log.jsonl": lines}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_life(things: int) -> None:
    """Let this process die in the middle of so many steps and written files, counted together."""
    left = [things]
    write_whole, take_step = checkpoints.write_whole, Trainer.take_step

    def write_or_die(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            path.write_bytes(content[: len(content) // 2])
            _die()
        write_whole(path, content)

    def step_or_die(trainer: Trainer, *arguments: Any) -> Any:
        left[0] -= 1
        figures = take_step(trainer, *arguments)
        if left[0] == 0:
            _die()
        return figures

    checkpoints.write_whole = write_or_die
    Trainer.take_step = step_or_die  # type: ignore[method-assign]


if __name__ == "__main__":
    _limit_life(int(sys.argv[3]))
    sys.exit(run(["train", sys.argv[1], "-o", sys.argv[2], "--resume"]))
