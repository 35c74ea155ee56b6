"""What a folder of a training run tells of it afterwards: its settings, its length and how good it got."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rephase.errors import UserError
from rephase.io.config import read_config
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.run import CONFIG
from rephase.train.run_config import RunConfig
from rephase.train.tracking import LOG
from rephase.train.train_config import TrainConfig

C = TypeVar("C", bound=RunConfig)


@dataclass(frozen=True, eq=False)
class RunFacts(Generic[C]):
    """A run.

    Attributes
    ----------
    config
        Its settings.
    steps, examples
        Steps done, and examples seen in them; of a prior, states.
    hours
        Wall time of the steps, without validations and checkpoints.
    best
        Best score in a validation: median correlation of a network's own densities, mean cos Δφ of a prior's
        phases; None where there was none.
    """

    config: C
    steps: int
    examples: int
    hours: float
    best: float | None


def read_run(folder: Path) -> RunFacts[TrainConfig]:
    """Read settings and log of the training of a network.

    Raises
    ------
    UserError
        When the folder holds no such run, or one without a step.
    """
    return _read(folder, TrainConfig, "dev/network_median")


def read_prior_run(folder: Path) -> RunFacts[PriorTrainConfig]:
    """Read settings and log of the training of a prior; raises what `read_run` does."""
    return _read(folder, PriorTrainConfig, "val/score")


def _read(folder: Path, kind: type[C], score: str) -> RunFacts[C]:
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
    scores = [line[score] for line in lines if line.get(score) is not None]
    return RunFacts(
        config=read_config(kind, folder / CONFIG),
        steps=steps[-1]["step"],
        examples=seen,
        hours=seconds / 3600.0,
        best=max(scores, default=None),
    )


def _figures(line: str) -> dict[str, Any]:
    """Return the figures of a line of the log, none where it was cut short by the end of its process."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
