"""A training run in its folder: set up, begun or taken up, and brought to its end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from rephase.data.fragments import SPLITS
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.io.config import dump_config, read_config
from rephase.logs import Log
from rephase.models.build import build_model
from rephase.models.network import DensityNetwork
from rephase.models.trained import load_network
from rephase.train.checkpoints import StreamRunState, checkpoint_paths, read_checkpoint
from rephase.train.loop import CHECKPOINTS, WEIGHTS, restore, train
from rephase.train.ranks import Ranks
from rephase.train.run_config import Machine, RunConfig
from rephase.train.tracking import LOG, Trackers, trackers_of
from rephase.train.train_config import TrainConfig
from rephase.train.trainer import Trainer
from rephase.train.training_range import training_range
from rephase.train.validation import dev_batches

CONFIG = "config.yaml"


@dataclass(frozen=True, eq=False)
class Run:
    """All that a run consists of.

    Attributes
    ----------
    trainer
        The network and how it is trained.
    stream
        The examples.
    dev
        Those to judge the network by.
    """

    trainer: Trainer
    stream: BatchStream
    dev: Sequence[CrystalBatch]


def train_in_folder(config: TrainConfig, folder: Path, log: Log, ranks: Ranks, *, resume: bool) -> Path:
    """Begin a run, or take it up at its last checkpoint, and bring it to its end.

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
        When a set is missing, the device is not there, or the folder holds a run that is not to be resumed,
        or one of other settings.
    """
    check_folder(config, folder, resume)
    run = set_up(config, ranks)
    trainer = run.trainer
    found = checkpoint_paths(folder / CHECKPOINTS)
    if found:
        restore(trainer, run.stream, read_checkpoint(found[-1], StreamRunState))
        log.say(f"going on at step {trainer.step} of {trainer.steps}")
    ranks.gather(None)  # all have read before the first one writes
    weights = sum(weight.numel() for weight in trainer.network.parameters())
    log.say(
        f"{weights} weights on {next(trainer.network.parameters()).device}; {trainer.steps} steps of "
        f"{config.batches_per_step} × {config.stream.batch_size} examples"
    )
    with begun_folder(config, folder, ranks, trainer.step) as trackers:
        train(trainer, run.stream, run.dev, folder, trackers, log)
    return folder / WEIGHTS


def set_up(config: TrainConfig, ranks: Ranks) -> Run:
    """Open the set and make the network, its optimiser and the streams.

    Raises
    ------
    UserError
        When the set is missing or does not fit the settings, or the device is not there.
    """
    device = device_of(config.machine, ranks)
    if config.batches_per_step % ranks.count:
        found = f"{config.batches_per_step} for {ranks.count} processes"
        raise UserError("batches_per_step: as many for every process", found, "give a multiple")
    source = FragmentSet.open(config.set)
    stream = BatchStream(
        source, config.stream, rank=ranks.rank, ranks=ranks.count, workers=config.machine.workers
    )
    of_split = int((source.split == SPLITS.index(config.stream.split)).sum())
    epoch_examples = config.epoch_examples or of_split
    per_step = config.batches_per_step * config.stream.batch_size
    network = _network_at_the_start(config).to(device)
    if config.machine.channels_last:
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    steps = math.ceil(config.epochs * epoch_examples / per_step)
    trainer = Trainer(config, network, training_range(source, config.stream), steps, epoch_examples, ranks)
    if config.machine.compile and device.type == "cuda":
        network.compile()
    return Run(trainer, stream, dev_batches(config))


def _network_at_the_start(config: TrainConfig) -> DensityNetwork:
    torch.manual_seed(config.seed)
    network = build_model(config.model)
    if config.start is not None:
        before = load_network(config.start)
        if before.record.network != config.model:
            found = f"{before.record.network} in {config.start}"
            raise UserError(f"weights of {config.model}", found, "change start or model")
        network.load_state_dict(before.network.state_dict())
    return network


def device_of(machine: Machine, ranks: Ranks) -> torch.device:
    """Return the device of this process.

    Raises
    ------
    UserError
        When CUDA is asked for but absent, or there are fewer GPUs than processes.
    """
    kind = kind_of_device(machine)
    if kind == "cpu":
        return torch.device("cpu")
    if ranks.local >= torch.cuda.device_count():
        found = f"{torch.cuda.device_count()} on this machine"
        raise UserError(f"a GPU for process {ranks.local}", found, "start fewer processes")
    return torch.device("cuda", ranks.local)


def kind_of_device(machine: Machine) -> str:
    """Return ``cuda`` or ``cpu``.

    Raises
    ------
    UserError
        When CUDA is asked for but absent.
    """
    there = torch.cuda.is_available()
    if machine.device == "cuda" and not there:
        do = "set machine.device=cpu, or see rephase doctor for what torch finds"
        raise UserError("a CUDA device", "torch finds none", do)
    return "cuda" if there and machine.device != "cpu" else "cpu"


def check_folder(config: RunConfig, folder: Path, resume: bool) -> None:
    """Raise a UserError where the folder holds a run that this one is not."""
    if folder.exists() and not folder.is_dir():
        raise UserError("a folder for the run", f"{folder} is a file", "give another name")
    files = [name for name in (CONFIG, LOG, CHECKPOINTS, WEIGHTS) if (folder / name).exists()]
    if not files:
        return
    if CONFIG not in files or not resume:
        do = "add --resume to go on with it, or give another name" if CONFIG in files else "give another name"
        raise UserError("a folder without a run", f"{folder / files[0]}", do)
    names = config.differences(read_config(type(config), folder / CONFIG))
    if names:
        found = f"other settings of {', '.join(names)}"
        raise UserError(f"the settings of the run in {folder}", found, "give the same, or another folder")


def begun_folder(config: RunConfig, folder: Path, ranks: Ranks, step: int) -> Trackers:
    """Write the settings of a run into its folder, and open its trackers; the first process alone does.

    Parameters
    ----------
    config
        Settings.
    folder
        Of the run; made where it is missing.
    ranks
        The processes.
    step
        Step from which the run goes on.
    """
    if not ranks.first:
        return Trackers()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CONFIG, dump_config(config).encode())  # first: without it, it is no folder of a run
    return trackers_of(config.tracking, folder, step, config.model_dump(mode="json"))
