"""Trained networks: weights, settings, and the crystals they were trained on, in one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeVar

import torch
from pydantic import Field, ValidationError, model_validator

from rephase.data.stream.map_batches import MapOptions
from rephase.data.stream.stream_config import Angles, Positives, RateGrid, SpacingGrid
from rephase.errors import UserError
from rephase.io.config import Config
from rephase.models.build import build_model
from rephase.models.config import ModelConfig
from rephase.models.network import DensityNetwork
from rephase.models.weights import check_weights, read_weights, write_weights
from rephase.models.weights_kind import check_kind, other_kind

Record = TypeVar("Record", bound=Config)

SUFFIX = ".safetensors"
PRIORS = "priors"
"""Folder of the released priors, in that of the released networks."""

TOLERANCE = 0.02
"""How far beyond the ends of a range a crystal is still inside it: crystals of one form differ by as much."""


class TrainedRange(Config):
    """The crystals that a network has seen.

    Attributes
    ----------
    residues
        Fewest and most of a molecule; None where it is not known.
    alanine
        Whether all were cut at Cβ.
    edges
        Shortest and longest edge of the primitive cell, Å.
    angles
        Smallest and largest angle of the cell, degrees.
    d_min
        Range of the resolution limit, Å.
    """

    residues: tuple[int, int] | None = None
    alanine: bool = False
    edges: Positives
    angles: Angles
    d_min: Positives


class NetworkRecord(Config):
    """What a file says of its weights.

    Attributes
    ----------
    format
        Another number where older programs could not read the file.
    name
        Of a released network; None for one that has none.
    network
        What it is built from.
    maps
        What it is given, and the density it has learnt.
    grid
        The sampling of these maps.
    passes
        How often it is to be given its own density.
    trained
        The crystals it has seen.
    examples
        How many of them; those of its last run, where it was begun with the weights of another.
    """

    format: Literal[1] = 1
    name: str | None = None
    network: ModelConfig
    maps: MapOptions = MapOptions()
    grid: RateGrid | SpacingGrid = Field(default=RateGrid(), discriminator="kind")
    passes: int = Field(default=0, ge=0, le=64)
    trained: TrainedRange
    examples: int = Field(ge=0)

    @model_validator(mode="after")
    def _network_takes_passes(self) -> "NetworkRecord":
        if self.passes > 0 and not self.network.recycling:
            raise ValueError("passes: above 0 they go with recycling")
        return self


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that is ready to predict.

    Attributes
    ----------
    network
        In evaluation mode.
    record
        What is known of it.
    """

    network: DensityNetwork
    record: NetworkRecord


def save_network(
    path: Path, network: DensityNetwork, record: NetworkRecord, dtype: torch.dtype = torch.float32
) -> None:
    """Write a network in one step, in place of any file of that name.

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


def load_network(name_or_path: str | Path, device: torch.device | str = "cpu") -> TrainedNetwork:
    """Read a network by its name or from a file.

    Parameters
    ----------
    name_or_path
        One of `released_names`, or the path of a file that `save_network` wrote. A name goes before a file
        of that name: write ``./name`` for the file.
    device
        Where the network goes.

    Raises
    ------
    UserError
        When there is no such name or file, or the file is damaged, of another program or a later version, or
        its weights do not fit its settings.
    """
    path = weights_path(name_or_path, released_folder())
    tensors, header = read_weights(path)
    check_kind(header, "network", path)
    record = read_record(NetworkRecord, header, path)
    network = build_model(record.network)
    check_weights(tensors, network.state_dict(), path)
    network.load_state_dict(tensors)
    return TrainedNetwork(network.to(device).eval(), record)


def released_names(folder: Path | None = None) -> list[str]:
    """List the names of the networks that come with the program, or of the files in another folder."""
    return sorted(path.stem for path in (folder or released_folder()).glob(f"*{SUFFIX}"))


def released_folder() -> Path:
    """Return where the files of the released networks lie."""
    return Path(str(files("rephase"))) / "weights"


def outside_range(record: NetworkRecord, cell: Sequence[float], d_min: float) -> list[str]:
    """Say in what a crystal differs from all those that a network was trained on.

    Parameters
    ----------
    record
        Of the network.
    cell
        Primitive, Å and degrees, shape ``(6,)``.
    d_min
        Å.

    Returns
    -------
    A sentence for each kind of number that is more than 2 % outside, none if the crystal is inside.
    """
    trained = record.trained
    edges = _outside("cell edge", cell[:3], trained.edges, " Å")
    angles = _outside("cell angle", cell[3:], trained.angles, "°")
    return [*edges, *angles, *_outside("resolution limit", [d_min], trained.d_min, " Å")]


def span_text(limits: tuple[float, float]) -> str:
    """Write a range, such as ``10.00 to 20.00``, or its only value."""
    return " to ".join(dict.fromkeys(f"{limit:.2f}" for limit in limits))


def molecule_text(trained: TrainedRange) -> str:
    """Describe the molecules that a network has seen, such as ``2 residues, all cut at Cβ``."""
    if trained.residues is None:
        return "not recorded"
    fewest, most = trained.residues
    length = str(fewest) if fewest == most else f"{fewest} to {most}"
    return f"{length} residue{'' if most == 1 else 's'}{', all cut at Cβ' if trained.alanine else ''}"


def _outside(what: str, values: Sequence[float], limits: tuple[float, float], unit: str) -> list[str]:
    """Describe the values outside limits in one sentence, if there are any."""
    low, high = limits[0] * (1.0 - TOLERANCE), limits[1] * (1.0 + TOLERANCE)
    outside = [f"{value:.2f}" for value in values if not low <= value <= high]
    if not outside:
        return []
    plural = "s" if len(outside) > 1 else ""
    return [f"{what}{plural} {', '.join(outside)}{unit}, trained on {span_text(limits)}{unit}"]


def weights_path(name_or_path: str | Path, folder: Path) -> Path:
    """Find the file of a name released in a folder, or of a path.

    Raises
    ------
    UserError
        When it looks like a name and there is none such, or it is one of weights of the other kind.
    """
    names, text = released_names(folder), str(name_or_path)
    if isinstance(name_or_path, str) and text in names:
        return folder / f"{text}{SUFFIX}"
    path = Path(name_or_path)
    if isinstance(name_or_path, Path) or path.exists() or path.name != text or path.suffix:
        return path
    _check_other_names(text, folder)
    close = get_close_matches(text, names, n=1, cutoff=0.5)
    do = f"did you mean {close[0]}?" if close else "check the name, or give the path of a file"
    listed = ", ".join(names) if names else "none come with this version"
    raise UserError(f"the name of a network ({listed}) or a file of weights", text, do)


def _check_other_names(name: str, folder: Path) -> None:
    """Raise a UserError for a name that the other kind of weights has."""
    networks = released_folder()
    if folder == networks and name in released_names(networks / PRIORS):
        raise other_kind(name, "prior")
    if folder != networks and name in released_names(networks):
        raise other_kind(name, "network")


def read_record(kind: type[Record], header: str, path: Path) -> Record:
    """Read what a file says of its weights.

    Raises
    ------
    UserError
        When it is of another kind or a later version.
    """
    try:
        return kind.model_validate_json(header)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        found = f"{path}, {where}: {first['msg']}" if where else f"{path}: {first['msg']}"
        raise UserError("settings of a network", found, "update rephase, or get the file again") from error
