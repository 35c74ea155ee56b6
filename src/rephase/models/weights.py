"""Weights in files: the tensors of a network and a text about them, in one safetensors file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole

HEADER = "rephase"
"""Key of the only entry of the metadata: safetensors writes several in random order."""


def write_weights(path: Path, tensors: Mapping[str, Tensor], header: str, dtype: torch.dtype) -> None:
    """Write weights in one step, in place of any file of that name.

    Parameters
    ----------
    path
        File to write.
    tensors
        By name, on any device.
    header
        Text about them.
    dtype
        Of matrices and kernels in the file; vectors stay as they are.

    Raises
    ------
    OSError
        When the disk is full or forbids it; the file before, if any, is then untouched.
    """
    stored = {
        name: value.detach().to("cpu", dtype if is_kernel(value) else value.dtype).contiguous()
        for name, value in tensors.items()
    }
    write_whole(path, save(stored, {HEADER: header}))


def is_kernel(value: Tensor) -> bool:
    """Tell matrices and kernels from vectors, which are few, and some of which are variances near zero."""
    return value.ndim > 1 and value.is_floating_point()


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read weights as they are in the file, and the text about them.

    Raises
    ------
    UserError
        When the file is missing, damaged, or of another program.
    """
    if not path.is_file():
        raise UserError("a file of weights", f"no file {path}", "check the path")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError("weights as safetensors", f"{path}: {error}", "get the file again") from error
    if HEADER not in metadata:
        found = f"{path} of another program"
        raise UserError("weights that rephase train wrote", found, "give another file")
    return tensors, metadata[HEADER]


def check_weights(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
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
