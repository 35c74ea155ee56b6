"""The loop of a training run: steps, with validations and checkpoints in between."""

from collections.abc import Callable
from typing import Protocol

from rephase.errors import UserError
from rephase.logs import Log
from rephase.train.progress import ProgressLine
from rephase.train.run_config import RunConfig
from rephase.train.speed import Speed
from rephase.train.step_figures import StepFigures
from rephase.train.tracking import Trackers


class Training(Protocol):
    """What has steps: a trainer of any network."""

    @property
    def config(self) -> RunConfig:
        """Settings."""

    @property
    def validate_every(self) -> int:
        """Steps between two validations."""

    @property
    def steps(self) -> int:
        """Of the whole run."""

    @property
    def step(self) -> int:
        """Done."""

    @property
    def examples(self) -> int:
        """Seen."""

    @property
    def skipped(self) -> int:
        """Steps in a row that were passed over."""


def take_steps(
    trainer: Training,
    *,
    step: Callable[[], StepFigures],
    validate: Callable[[], None] | None,
    save: Callable[[], None],
    trackers: Trackers,
    log: Log,
) -> None:
    """Take all steps that are left, with validations and checkpoints in between and after the last one.

    Parameters
    ----------
    trainer
        At any step.
    step
        Takes one.
    validate
        Judges the network, and keeps the best weights so far; None for nothing to judge by.
    save
        Writes a checkpoint.
    trackers
        Take the figures of the steps.
    log
        Shows them.

    Raises
    ------
    UserError
        When too many steps in a row had no finite loss and gradient.
    """
    config = trainer.config
    with ProgressLine(log.console, trainer.steps, trainer.step) as progress:
        speed = Speed(trainer.examples)
        while trainer.step < trainer.steps:
            figures = step()
            _check_finite(trainer, figures, log)
            number, last = trainer.step, trainer.step == trainer.steps
            progress.advance(f"loss {figures.loss:.4g}  {speed.of(trainer.examples):.0f} examples/s")
            if number % config.tracking.every == 0 or last:
                trackers.add(number, _logged(trainer, figures, speed.of(trainer.examples)))
                speed = Speed(trainer.examples)
            if validate is not None and (number % trainer.validate_every == 0 or last):
                with speed.stopped():
                    validate()
            if number % config.checkpoints.every == 0 or last:
                with speed.stopped():
                    save()


def _check_finite(trainer: Training, figures: StepFigures, log: Log) -> None:
    if figures.done:
        return
    what = f"loss {figures.loss}, norm of the gradient {figures.gradient}"
    log.warn(f"step {trainer.step} was passed over: {what}")
    if trainer.skipped > trainer.config.skip:
        raise UserError(
            "a finite loss and gradient",
            f"{what} at step {trainer.step}, the {trainer.skipped}th time in a row",
            "begin again with a lower optimiser.rate or clip",
        )


def _logged(trainer: Training, figures: StepFigures, speed: float) -> dict[str, float]:
    return {
        "loss": figures.loss,
        "gradient": figures.gradient,
        "rate": figures.rate,
        "examples": trainer.examples,
        "examples_per_second": speed,
    }
