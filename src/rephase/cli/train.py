"""`rephase train`: train a network."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rephase.errors import UserError


def train(
    config: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path("run"),
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    resume: Annotated[bool, Parameter(negative="")] = False,
    find_lr: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a network that turns Patterson maps into densities, or a density prior.

    The folder of the run gets the settings (config.yaml), the figures of every few steps (log.jsonl), the
    checkpoints, and the weights that did best on the examples for validation (weights.safetensors). A run
    that was stopped, by whatever means, goes on with --resume as if it had not been. For several GPUs or
    machines, start it with torchrun: the result is the same.

    For example:

    - `rephase data peptides --n 2000 --set val=0.1 -o peptides`, then `rephase train configs/train/tiny.yaml`
    - `rephase train configs/train/tiny.yaml --set set=other --set optimiser.rate=1e-3 -o other-run`
    - `rephase train configs/train/tiny.yaml --find-lr`
    - `rephase train configs/train/prior.yaml --set structures=../structures -o prior`, then
      `rephase train configs/train/peptide-prior.yaml --set structures=../structures -o peptide-prior`
    - `torchrun --nproc-per-node 4 --no-python rephase train configs/train/dipeptide.yaml -o run --resume`

    Parameters
    ----------
    config
        Settings in YAML: the set, the network, the examples, the loss, the optimiser and its schedule. With
        kind: density-prior they are those of a prior.
    output
        Folder of the run.
    set_
        KEY=VALUE changes one setting, as in optimiser.rate=1e-3. Repeat it for more.
    resume
        Go on with the run in the folder; begin it where there is none.
    find_lr
        Do not train: try learning rates on a few hundred steps, and draw the loss against them.
    """
    if find_lr and resume:
        raise UserError("--find-lr or --resume", "both", "leave one out")

    from rich.console import Console

    from rephase.logs import Log
    from rephase.train.learning_rate_finder import find_learning_rate
    from rephase.train.prior.prior_config import PriorTrainConfig
    from rephase.train.prior.prior_run import train_prior_in_folder
    from rephase.train.ranks import joined_ranks
    from rephase.train.run import kind_of_device, train_in_folder
    from rephase.train.training_kinds import read_training

    settings = read_training(config, set_)
    if find_lr and isinstance(settings, PriorTrainConfig):
        raise UserError("settings of a network from Patterson maps", "a density prior", "leave --find-lr out")
    with joined_ranks(kind_of_device(settings.machine)) as ranks:
        console = Console(highlight=False, quiet=not ranks.first)
        with Log(console=console) as log:
            if isinstance(settings, PriorTrainConfig):
                weights = train_prior_in_folder(settings, output, log, ranks, resume=resume)
                log.say(f"\nthe weights are {weights}")
            elif find_lr:
                found = find_learning_rate(settings, output, log, ranks)
                log.say(f"\nnext: {_with_rate(config, set_, found)}")
            else:
                weights = train_in_folder(settings, output, log, ranks, resume=resume)
                log.say(f"\nthe weights are {weights}")


def _with_rate(config: Path, changes: tuple[str, ...], rate: float) -> str:
    """Write the command that trains with the same settings and this learning rate."""
    kept = [one for one in changes if not one.startswith("optimiser.rate=")]
    words = [word for one in (*kept, f"optimiser.rate={rate:.1e}") for word in ("--set", one)]
    return shlex.join(["rephase", "train", str(config), *words])
