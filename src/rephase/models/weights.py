"""Networks in files: weights and settings in one safetensors file."""

from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.io.config import Config
from rephase.models.build import build_model
from rephase.models.config import ModelConfig
from rephase.models.network import DensityNetwork

HEADER = "rephase"
"""Key of the only entry of the metadata: safetensors writes several in random order."""


class _Header(Config):
    """What a file says of its weights.

    Attributes
    ----------
    format
        Another number where older programs could not read the file.
    network
        What the network is built from.
    """

    format: Literal[1] = 1
    network: ModelConfig


def save_model(path: Path, network: DensityNetwork, config: ModelConfig) -> None:
    """Write weights and settings in one step, in place of any file of that name.

    Parameters
    ----------
    path
        File to write.
    network
        On any device.
    config
        What it was built from.

    Raises
    ------
    OSError
        When the disk is full or forbids it; the file before, if any, is then untouched.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_whole(path, save(tensors, {HEADER: _Header(network=config).model_dump_json()}))


def load_model(path: Path, device: torch.device | str = "cpu") -> tuple[DensityNetwork, ModelConfig]:
    """Read a network from a file and put it into evaluation mode.

    Parameters
    ----------
    path
        Written by `save_model`.
    device
        Where the network goes.

    Raises
    ------
    UserError
        When the file is missing, damaged, of another program, or its weights do not fit its settings.
    """
    metadata, tensors = _read(path)
    config = _header(metadata, path).network
    network = build_model(config)
    _check(tensors, network.state_dict(), path)
    network.load_state_dict(tensors)
    return network.to(device).eval(), config


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise UserError("a file of weights", f"no file {path}", "check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError("weights as safetensors", f"{path}: {error}", "get the file again") from error


def _header(metadata: dict[str, str], path: Path) -> _Header:
    if HEADER not in metadata:
        found = f"{path} of another program"
        raise UserError("weights that rephase train wrote", found, "give another file")
    try:
        return _Header.model_validate_json(metadata[HEADER])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        found = f"{path}, {where}: {first['msg']}" if where else f"{path}: {first['msg']}"
        raise UserError("settings of a network", found, "update rephase, or get the file again") from error


def _check(tensors: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Raise a UserError that names the first weight that is missing, superfluous, misshapen or not finite."""
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            found = f"{path} without {name}"
        elif name not in wanted:
            found = f"{path} with {name}, which the network has not"
        elif tensors[name].shape != wanted[name].shape:
            found = f"{path}: {name} of shape {tuple(tensors[name].shape)}"
        elif not bool(tensors[name].isfinite().all()):
            found = f"{path}: {name} is not finite"
        else:
            continue
        raise UserError("weights that fit the settings in their file", found, "get the file again")
