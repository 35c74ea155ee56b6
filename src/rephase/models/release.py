"""From the weights of a training run to the file of a released network."""

import re
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from rephase.errors import UserError
from rephase.models.trained import SUFFIX, NetworkRecord, load_network, save_network
from rephase.models.trained_prior import load_prior, save_prior
from rephase.models.weights import is_kernel

LARGEST = 12 * 2**20
"""Bytes of a file in the package, which has to stay small enough to be installed anywhere."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKEN = "none"  # says that no network is wanted


def release_network(
    weights: str | Path, name: str, folder: Path, *, passes: int | None = None, force: bool = False
) -> Path:
    """Write a network as NAME.safetensors, in half precision, with its name in the record.

    Parameters
    ----------
    weights
        Name or path of a network.
    name
        Lower-case letters, digits and single hyphens.
    folder
        Where the file goes; made where it is missing.
    passes
        How often the network is to be given its own density; None leaves it as it is.
    force
        Whether to replace a file of that name.

    Returns
    -------
    The file.

    Raises
    ------
    UserError
        When the name is no good, the file is there, the network takes no passes, its weights do not fit half
        precision, or it would be too large.
    """
    path = folder / f"{name}{SUFFIX}"
    _check_place(path, name, force)
    trained = load_network(weights)
    record = _named(trained.record, name, passes)
    _check_weights(trained.network)
    folder.mkdir(parents=True, exist_ok=True)
    save_network(path, trained.network, record, torch.float16)
    return path


def release_prior(weights: str | Path, name: str, folder: Path, *, force: bool = False) -> Path:
    """Write a density prior as NAME.safetensors, in half precision, with its name in the record.

    Parameters and errors are those of `release_network`.
    """
    path = folder / f"{name}{SUFFIX}"
    _check_place(path, name, force)
    trained = load_prior(weights)
    _check_weights(trained.network)
    folder.mkdir(parents=True, exist_ok=True)
    save_prior(path, trained.network, trained.record.model_copy(update={"name": name}), torch.float16)
    return path


def _check_place(path: Path, name: str, force: bool) -> None:
    if not _NAME.fullmatch(name) or name == _TAKEN:
        wanted = "a name of lower-case letters, digits and hyphens, not the word none"
        raise UserError(wanted, repr(name), "give one such as dipeptide")
    if path.exists() and not force:
        raise UserError("a new file", f"{path} is there", "give another name, or --force to replace it")


def _named(record: NetworkRecord, name: str, passes: int | None) -> NetworkRecord:
    changed = {"name": name} if passes is None else {"name": name, "passes": passes}
    try:
        return NetworkRecord.model_validate(record.model_dump() | changed)
    except ValidationError as error:
        raise UserError(
            "passes that the network takes, 0 to 64", f"{passes}", "give another number"
        ) from error


def _check_weights(network: nn.Module) -> None:
    half = sum(weight.numel() for weight in network.parameters()) * 2
    if half > LARGEST:
        found = f"{half / 2**20:.1f} MiB in half precision"
        raise UserError(f"a network of at most {LARGEST / 2**20:g} MiB", found, "train a smaller one")
    for name, value in network.state_dict().items():
        if is_kernel(value) and not bool(value.half().isfinite().all()):
            largest = f"{name} reaches {float(value.abs().max()):.3g}"
            raise UserError("weights below 65504, the largest number in half precision", largest)
