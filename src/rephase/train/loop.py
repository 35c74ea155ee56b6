"""The loop of a training run: steps, with validations and checkpoints in between."""

import math
from collections.abc import Sequence
from pathlib import Path

from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.stream_state import merge_states
from rephase.errors import UserError
from rephase.logs import Log
from rephase.train.checkpoints import Checkpoint, RunState, write_checkpoint
from rephase.train.optimisers import optimiser_tensors, restore_optimiser
from rephase.train.progress import ProgressLine
from rephase.train.speed import Speed
from rephase.train.tracking import Trackers
from rephase.train.trainer import StepFigures, Trainer
from rephase.train.validation import judge, summary

CHECKPOINTS = "checkpoints"
WEIGHTS = "weights.safetensors"


def train(
    trainer: Trainer,
    stream: BatchStream,
    dev: Sequence[CrystalBatch],
    folder: Path,
    trackers: Trackers,
    log: Log,
) -> None:
    """Train to the last step.

    Parameters
    ----------
    trainer
        The network, at any step.
    stream
        The examples, at the same step.
    dev
        Examples to judge the network by; may be empty.
    folder
        Of the run; it gets checkpoints, and the best weights so far.
    trackers
        Take the figures.
    log
        Shows them.

    Raises
    ------
    UserError
        When too many steps in a row had no finite loss and gradient.
    OSError
        When the disk is full; the checkpoints before are untouched.
    """
    config, batches = trainer.config, iter(stream)
    with ProgressLine(log.console, trainer.steps, trainer.step) as progress:
        speed = Speed(trainer.examples)
        while trainer.step < trainer.steps:
            figures = trainer.take_step(batches, trainer.rate())
            _check_finite(trainer, figures, log)
            step, last = trainer.step, trainer.step == trainer.steps
            progress.advance(f"loss {figures.loss:.4g}  {speed.of(trainer.examples):.0f} examples/s")
            if step % config.tracking.every == 0 or last:
                trackers.add(step, _logged(trainer, figures, speed.of(trainer.examples)))
                speed = Speed(trainer.examples)
            if dev and (step % config.validation.every == 0 or last):
                with speed.stopped():
                    _validate(trainer, dev, folder, trackers, log)
            if step % config.checkpoints.every == 0 or last:
                with speed.stopped():
                    _save(trainer, stream, folder)
    if trainer.best is None and trainer.ranks.first:  # nothing was there to judge them by
        trainer.save_weights(folder / WEIGHTS)


def restore(trainer: Trainer, stream: BatchStream, checkpoint: Checkpoint) -> None:
    """Bring trainer and stream to where they were.

    Raises
    ------
    UserError
        When the checkpoint is of another network or another stream.
    """
    tensors, state = checkpoint.tensors, checkpoint.state
    try:
        trainer.network.load_state_dict(dict(tensors["network"]))
        if trainer.average is not None:
            trainer.average.load_state_dict(dict(tensors["average"]))
        restore_optimiser(trainer.optimiser, trainer.network, tensors["optimiser"])
    except (KeyError, RuntimeError) as error:
        found = str(error).strip().splitlines()[0]
        raise UserError("a checkpoint of this network", found, "begin another run") from None
    stream.resume(state.stream)
    trainer.step, trainer.examples = state.step, state.examples
    trainer.best, trainer.skipped = state.best, state.skipped


def _save(trainer: Trainer, stream: BatchStream, folder: Path) -> None:
    states = trainer.ranks.gather(stream.state())
    if not trainer.ranks.first:
        return
    tensors = {"network": trainer.network.state_dict()}
    tensors["optimiser"] = optimiser_tensors(trainer.optimiser, trainer.network)
    if trainer.average is not None:
        tensors["average"] = trainer.average.state_dict()
    state = RunState(
        step=trainer.step,
        examples=trainer.examples,
        stream=merge_states(states),
        best=trainer.best,
        skipped=trainer.skipped,
    )
    write_checkpoint(folder / CHECKPOINTS, Checkpoint(state, tensors), trainer.config.checkpoints.keep)


def _validate(
    trainer: Trainer, dev: Sequence[CrystalBatch], folder: Path, trackers: Trackers, log: Log
) -> None:
    """Judge the network by its own density, and keep its weights if they are the best so far."""
    figures = summary(judge(trainer.best_network, dev, trainer.config, trainer.ranks))
    score = figures["dev/network_median"]
    better = score > (-math.inf if trainer.best is None else trainer.best)
    if better:
        trainer.best = score
        if trainer.ranks.first:
            trainer.save_weights(folder / WEIGHTS)
    trackers.add(trainer.step, figures)
    log.say(
        f"step {trainer.step}: median Pearson {score:.4f} by the network, "
        f"{figures['dev/amplitudes_median']:.4f} with amplitudes back{'; the best so far' if better else ''}"
    )


def _check_finite(trainer: Trainer, figures: StepFigures, log: Log) -> None:
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


def _logged(trainer: Trainer, figures: StepFigures, speed: float) -> dict[str, float]:
    return {
        "loss": figures.loss,
        "gradient": figures.gradient,
        "rate": figures.rate,
        "examples": trainer.examples,
        "examples_per_second": speed,
    }
