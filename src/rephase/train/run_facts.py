"""What a folder of a training run tells of it afterwards: its settings, its length and how good it got."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rephase.errors import UserError
from rephase.io.config import read_config
from rephase.train.run import CONFIG
from rephase.train.tracking import LOG
from rephase.train.train_config import TrainConfig


@dataclass(frozen=True, eq=False)
class RunFacts:
    """A run.

    Attributes
    ----------
    config
        Its settings.
    steps, examples
        Steps done, and examples seen in them.
    hours
        Wall time of the steps, without validations and checkpoints.
    median
        Best median correlation of the network's own densities in a validation; None where there was none.
    """

    config: TrainConfig
    steps: int
    examples: int
    hours: float
    median: float | None


def read_run(folder: Path) -> RunFacts:
    """Read settings and log of a run.

    Raises
    ------
    UserError
        When the folder holds no run, or one without a step.
    """
    for name in (CONFIG, LOG):
        if not (folder / name).is_file():
            raise UserError("the folder of a training run", f"{folder} without {name}", "check the path")
    lines = [_figures(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "examples_per_second" in line]
    if not steps:
        raise UserError("a training run with some steps", f"none in {folder / LOG}", "let it run for longer")
    seconds, seen = 0.0, 0
    for line in steps:
        seconds += (line["examples"] - seen) / line["examples_per_second"]
        seen = line["examples"]
    medians = [line["dev/network_median"] for line in lines if line.get("dev/network_median") is not None]
    return RunFacts(
        config=read_config(TrainConfig, folder / CONFIG),
        steps=steps[-1]["step"],
        examples=seen,
        hours=seconds / 3600.0,
        median=max(medians, default=None),
    )


def _figures(line: str) -> dict[str, Any]:
    """Return the figures of a line of the log, none where it was cut short by the end of its process."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
