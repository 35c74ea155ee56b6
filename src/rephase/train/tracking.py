"""The record of a run: a line of JSON for every step that is logged, and TensorBoard and W&B where wanted."""

import json
import math
import uuid
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pydantic import Field

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.io.config import Config

LOG = "log.jsonl"


class Tracking(Config):
    """Where figures go besides ``log.jsonl``.

    Attributes
    ----------
    every
        Steps between two lines.
    tensorboard
        Write events for TensorBoard into the run's folder.
    wandb
        Project at Weights & Biases; None sends nothing.
    """

    every: int = Field(default=10, ge=1)
    tensorboard: bool = False
    wandb: str | None = None


class Tracker(Protocol):
    """Something that takes figures."""

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Take the figures of a step."""

    def close(self) -> None:
        """Write what is left."""


class JsonLines:
    """A file with one JSON object for each entry.

    Parameters
    ----------
    path
        The file; entries behind `step`, of a run that stopped and is taken up again, are dropped.
    step
        Step from which the run goes on.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept = [line for line in _lines(path) if _step_of(line) <= step]
        write_whole(path, "".join(f"{line}\n" for line in kept).encode())
        self._file = path.open("a", encoding="utf-8")

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Write a line; a figure that is not finite becomes null, which JSON has no other word for."""
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        print(json.dumps({"step": step, **finite}), file=self._file, flush=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Events for TensorBoard in a folder; those behind `step` are hidden."""

    def __init__(self, folder: Path, step: int) -> None:
        module = _extra("torch.utils.tensorboard", "tensorboard", "tracking.tensorboard")
        self._writer = module.SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Write scalars."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class WandB:
    """A run at Weights & Biases, which goes on there when it does here."""

    def __init__(self, folder: Path, project: str, settings: Mapping[str, Any]) -> None:
        module = _extra("wandb", "wandb", "tracking.wandb")
        name = folder.resolve().name
        self._run = module.init(
            project=project, id=_identity(folder), name=name, dir=str(folder), config=settings, resume="allow"
        )

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Send figures."""
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


class Trackers:
    """All trackers of a run, as a context that closes them.

    Parameters
    ----------
    trackers
        Any number; none in processes that only help.
    """

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def __enter__(self) -> "Trackers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for tracker in self._trackers:
            tracker.close()

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Give figures to all."""
        for tracker in self._trackers:
            tracker.add(step, figures)


def trackers_of(config: Tracking, folder: Path, step: int, settings: Mapping[str, Any]) -> Trackers:
    """Open the trackers that are wanted.

    Parameters
    ----------
    config
        Which.
    folder
        Of the run.
    step
        Step from which the run goes on.
    settings
        All settings of the run, to be shown beside the figures.

    Raises
    ------
    UserError
        When a package is missing.
    """
    trackers: list[Tracker] = []
    if config.tensorboard:
        trackers.append(TensorBoard(folder / "tensorboard", step))
    if config.wandb is not None:
        trackers.append(WandB(folder, config.wandb, settings))
    return Trackers(JsonLines(folder / LOG, step), *trackers)


def _extra(module: str, package: str, setting: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        do = f"type pip install {package}, or leave {setting} out"
        raise UserError(f"the package {package}, for {setting}", "it is not installed", do) from None


def _identity(folder: Path) -> str:
    """Return what tells the run in a folder from all others; made up when it begins, and kept beside it."""
    path = folder / "wandb-id"
    if not path.exists():
        write_whole(path, uuid.uuid4().hex.encode())
    return path.read_text(encoding="utf-8")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _step_of(line: str) -> float:
    """Step of a line; infinite where the line was cut short by the end of its process."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return math.inf
