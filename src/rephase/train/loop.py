"""A training run on a stream of batches: its steps, validations and checkpoints."""

import math
from collections.abc import Sequence
from pathlib import Path

from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.stream_state import merge_states
from rephase.logs import Log
from rephase.train.checkpoints import Checkpoint, StreamRunState, write_checkpoint
from rephase.train.network_state import network_tensors, restore_network
from rephase.train.steps import take_steps
from rephase.train.tracking import Trackers
from rephase.train.trainer import Trainer
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
    batches = iter(stream)
    take_steps(
        trainer,
        step=lambda: trainer.take_step(batches, trainer.rate()),
        validate=(lambda: _validate(trainer, dev, folder, trackers, log)) if dev else None,
        save=lambda: _save(trainer, stream, folder),
        trackers=trackers,
        log=log,
    )
    if trainer.best is None and trainer.ranks.first:  # nothing was there to judge them by
        trainer.save_weights(folder / WEIGHTS)


def restore(trainer: Trainer, stream: BatchStream, checkpoint: Checkpoint[StreamRunState]) -> None:
    """Bring trainer and stream to where they were.

    Raises
    ------
    UserError
        When the checkpoint is of another network or another stream.
    """
    tensors, state = checkpoint.tensors, checkpoint.state
    restore_network(trainer.network, trainer.average, trainer.optimiser, tensors)
    stream.resume(state.stream)
    trainer.step, trainer.examples = state.step, state.examples
    trainer.best, trainer.skipped = state.best, state.skipped


def _save(trainer: Trainer, stream: BatchStream, folder: Path) -> None:
    states = trainer.ranks.gather(stream.state())
    if not trainer.ranks.first:
        return
    tensors = network_tensors(trainer.network, trainer.average, trainer.optimiser)
    state = StreamRunState(
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
