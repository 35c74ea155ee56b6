"""Density priors on disk, with what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from rephase.data.stream.stream_config import Positives
from rephase.io.config import Config
from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.trained import (
    PRIORS,
    TOLERANCE,
    read_record,
    released_folder,
    released_names,
    weights_path,
)
from rephase.models.weights import check_weights, read_weights, write_weights
from rephase.models.weights_kind import check_kind, kind_of_header


class PriorRange(Config):
    """The crystals that a prior has seen.

    Attributes
    ----------
    d_min
        Range of the resolution limit, Å.
    solvent
        Range of the solvent content, a fraction.
    """

    d_min: Positives
    solvent: tuple[float, float]


class PriorRecord(Config):
    """What a file says of the weights of a prior.

    Attributes
    ----------
    kind
        Tells it from the files of other networks.
    format
        Another number where older programs could not read the file.
    name
        Of a released prior; None for one that has none.
    network
        What it is built from.
    trained
        The crystals it has seen.
    examples
        Predictions, one of each state of a crystal, that the run which made it has learnt from; not those of
        the weights that this run began with.
    """

    kind: Literal["density-prior"] = "density-prior"
    format: Literal[1] = 1
    name: str | None = None
    network: DensityPriorConfig
    trained: PriorRange
    examples: int = Field(ge=0)


@dataclass(frozen=True, eq=False)
class TrainedPrior:
    """A prior that is ready to predict.

    Attributes
    ----------
    network
        In evaluation mode.
    record
        What is known of it.
    """

    network: DensityPrior
    record: PriorRecord


def save_prior(
    path: Path, network: DensityPrior, record: PriorRecord, dtype: torch.dtype = torch.float32
) -> None:
    """Write a prior in one step, in place of any file of that name.

    Parameters
    ----------
    path
        File to write.
    network
        On any device.
    record
        What is known of it.
    dtype
        Of matrices and kernels in the file: float16 halves it. They are float32 again when they are read.

    Raises
    ------
    OSError
        When the disk is full or forbids it; the file before, if any, is then untouched.
    """
    write_weights(path, network.state_dict(), record.model_dump_json(), dtype)


def load_prior(name_or_path: str | Path, device: torch.device | str = "cpu") -> TrainedPrior:
    """Read a prior by its name or from a file.

    Parameters
    ----------
    name_or_path
        A released name, or the path of a file that `save_prior` wrote.
    device
        Where it goes.

    Raises
    ------
    UserError
        When there is no such name or file, it is damaged, of another kind or a later version, or the weights
        do not fit its settings.
    """
    path = weights_path(name_or_path, released_priors())
    tensors, header = read_weights(path)
    check_kind(header, "prior", path)
    record = read_record(PriorRecord, header, path)
    network = DensityPrior(record.network)
    check_weights(tensors, network.state_dict(), path)
    network.load_state_dict(tensors)
    return TrainedPrior(network.to(device).eval(), record)


def released_priors() -> Path:
    """Return where the files of the released priors lie."""
    return released_folder() / PRIORS


def is_prior(name_or_path: str | Path) -> bool:
    """Tell whether a name or a file is that of a prior.

    Raises
    ------
    UserError
        When the file is none of weights.
    """
    if isinstance(name_or_path, str) and name_or_path in released_names():
        return False
    if isinstance(name_or_path, str) and name_or_path in released_names(released_priors()):
        return True
    path = Path(name_or_path)
    return path.is_file() and kind_of_header(read_weights(path)[1]) == "prior"


def solvent_text(trained: PriorRange) -> str:
    """Write the range of the solvent content, such as ``30 to 93 %``."""
    low, high = trained.solvent
    return f"{100.0 * low:.0f} to {100.0 * high:.0f} %"


def outside_prior_range(record: PriorRecord, d_min: float) -> Sequence[str]:
    """Say in what data differ by more than 2 % from all that a prior was trained on, a sentence each."""
    low, high = record.trained.d_min
    if low * (1.0 - TOLERANCE) <= d_min <= high * (1.0 + TOLERANCE):
        return []
    return [f"resolution limit {d_min:.2f} Å, trained on {low:.2f} to {high:.2f} Å"]
