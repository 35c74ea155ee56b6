"""The training of a prior in its folder: set up, begun or taken up, and brought to its end."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from rephase.errors import UserError
from rephase.logs import Log, counted
from rephase.models.prior import DensityPrior
from rephase.models.trained_prior import PriorRange, load_prior
from rephase.train.checkpoints import (
    Checkpoint,
    RunState,
    checkpoint_paths,
    read_checkpoint,
    write_checkpoint,
)
from rephase.train.loop import CHECKPOINTS, WEIGHTS
from rephase.train.network_state import network_tensors, restore_network
from rephase.train.prior.crystal_source import CrystalSource, crystal_source
from rephase.train.prior.pool import Pool, TrajectorySource
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.prior_trainer import PriorTrainer
from rephase.train.prior.prior_validation import PriorTest, judge_prior, prior_tests
from rephase.train.prior.trajectory import TrajectoryRecord
from rephase.train.ranks import Ranks
from rephase.train.run import begun_folder, check_folder, device_of
from rephase.train.steps import take_steps
from rephase.train.tracking import Trackers

_OF_VALIDATION = 99
"""Seed of the crystals of every validation, so that runs can be compared."""

_SAMPLE = 64
"""Crystals drawn to see between what limits their solvent contents lie."""


class PriorRunState(RunState):
    """Where the training of a prior stands.

    Attributes
    ----------
    set_digest
        Hash of the set of fragments.
    pool
        What is not a tensor of each place of the pool.
    """

    set_digest: str
    pool: dict[int, TrajectoryRecord]


def train_prior_in_folder(
    config: PriorTrainConfig, folder: Path, log: Log, ranks: Ranks, *, resume: bool
) -> Path:
    """Begin the training of a prior, or take it up at its last checkpoint, and bring it to its end.

    Parameters
    ----------
    config
        Settings.
    folder
        Of the run; made where it is missing. It gets ``config.yaml``, ``log.jsonl``, checkpoints and weights.
    log
        Shows what happens.
    ranks
        The processes; the first alone writes.
    resume
        Whether to go on where the run in the folder stopped, if there is one.

    Returns
    -------
    The best weights.

    Raises
    ------
    UserError
        When a set or structures are missing, the device is not there, or the folder holds a run that is not
        to be resumed, or one of other settings.
    """
    check_folder(config, folder, resume)
    device = device_of(config.machine, ranks)
    if config.crystals_per_step % ranks.count:
        found = f"{config.crystals_per_step} for {ranks.count} processes"
        raise UserError("crystals_per_step: as many for every process", found, "give a multiple")
    crystals = crystal_source(config.set, config.structures, "train", config.crystals, config.seed)
    trainer = PriorTrainer(config, _network_at_the_start(config).to(device), _range(crystals), ranks)
    weights = sum(weight.numel() for weight in trainer.network.parameters())
    per_step = counted(config.crystals_per_step, "crystal")
    log.say(f"{weights} weights on {device}; {trainer.steps} steps of {per_step}")
    tests = _tests(config, ranks)
    with Pool(TrajectorySource(crystals, config), ranks, device) as pool:
        saved = checkpoint_paths(folder / CHECKPOINTS)
        if saved:
            restore_prior(trainer, pool, read_checkpoint(saved[-1], PriorRunState))
            log.say(f"going on at step {trainer.step} of {trainer.steps}")
        ranks.gather(None)  # all have read before the first one writes
        pool.order()
        with begun_folder(config, folder, ranks, trainer.step) as trackers:
            _train(trainer, pool, tests, folder, trackers, log)
    return folder / WEIGHTS


def restore_prior(trainer: PriorTrainer, pool: Pool, checkpoint: Checkpoint[PriorRunState]) -> None:
    """Bring trainer and pool to where they were.

    Raises
    ------
    UserError
        When the checkpoint is of another network or another set.
    """
    state, tensors = checkpoint.state, checkpoint.tensors
    digest = pool.source.crystals.fragments.digest
    if state.set_digest != digest:
        raise UserError(
            "the set of this run", "one with other fragments", "give the same, or begin another run"
        )
    restore_network(trainer.network, trainer.average, trainer.optimiser, tensors)
    pool.restore(state.pool, tensors.get("pool", {}))
    trainer.step, trainer.examples = state.step, state.examples
    trainer.best, trainer.skipped = state.best, state.skipped


def _train(
    trainer: PriorTrainer,
    pool: Pool,
    tests: Sequence[PriorTest],
    folder: Path,
    trackers: Trackers,
    log: Log,
) -> None:
    judged = trainer.config.validation.crystals > 0
    take_steps(
        trainer,
        step=lambda: trainer.take_step(pool),
        validate=(lambda: _validate(trainer, tests, folder, trackers, log)) if judged else None,
        save=lambda: _save(trainer, pool, folder),
        trackers=trackers,
        log=log,
    )
    if trainer.best is None and trainer.ranks.first:  # nothing was there to judge them by
        trainer.save_weights(folder / WEIGHTS)


def _validate(
    trainer: PriorTrainer, tests: Sequence[PriorTest], folder: Path, trackers: Trackers, log: Log
) -> None:
    """Judge the prior by the phases that it reaches, and keep its weights if they are the best so far."""
    config = trainer.config
    figures = judge_prior(
        trainer.best_network, tests, config.validation.passes, config.machine, trainer.ranks
    )
    better = figures["val/score"] > (-math.inf if trainer.best is None else trainer.best)
    if better:
        trainer.best = figures["val/score"]
        if trainer.ranks.first:
            trainer.save_weights(folder / WEIGHTS)
    trackers.add(trainer.step, figures)
    reached = ", ".join(
        f"{level} starts {figures[f'val/{level}_first']:.3f} and {figures[f'val/{level}_last']:.3f}"
        for level in ("hard", "easy")
    )
    log.say(
        f"step {trainer.step}: mean cos Δφ after 1 and {config.validation.passes} passes from {reached}"
        f"{'; the best so far' if better else ''}"
    )


def _save(trainer: PriorTrainer, pool: Pool, folder: Path) -> None:
    shares = trainer.ranks.gather((pool.records(), pool.tensors()))
    if not trainer.ranks.first:
        return
    tensors = network_tensors(trainer.network, trainer.average, trainer.optimiser)
    tensors["pool"] = {name: tensor for _, own in shares for name, tensor in own.items()}
    records = {place: record for own, _ in shares for place, record in own.items()}
    state = PriorRunState(
        step=trainer.step,
        examples=trainer.examples,
        best=trainer.best,
        skipped=trainer.skipped,
        set_digest=pool.source.crystals.fragments.digest,
        pool=dict(sorted(records.items())),
    )
    write_checkpoint(folder / CHECKPOINTS, Checkpoint(state, tensors), trainer.config.checkpoints.keep)


def _network_at_the_start(config: PriorTrainConfig) -> DensityPrior:
    torch.manual_seed(config.seed)
    network = DensityPrior(config.model)
    if config.start is not None:
        before = load_prior(config.start)
        if before.record.network != config.model:
            found = f"{before.record.network} in {config.start}"
            raise UserError(f"weights of {config.model}", found, "change start or model")
        network.load_state_dict(before.network.state_dict())
    return network


def _tests(config: PriorTrainConfig, ranks: Ranks) -> list[PriorTest]:
    wanted = config.validation
    if wanted.crystals == 0:
        return []
    crystals = config.crystals.model_copy(update={"most_points": wanted.most_points})
    source = crystal_source(config.set, config.structures, "val", crystals, _OF_VALIDATION)
    return prior_tests(source, wanted.crystals, ranks)


def _range(source: CrystalSource) -> PriorRange:
    """Note between what limits the crystals of a training lie, as far as a sample of them tells."""
    contents = [source.draw(number).solvent for number in range(_SAMPLE)]
    return PriorRange(d_min=source.config.d_min, solvent=(min(contents), max(contents)))
