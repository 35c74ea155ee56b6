"""Checkpoints: everything a run needs to go on as if it had never stopped, there whole or not at all.

A checkpoint is a directory ``step-00001000`` with the tensors of the network, of its average and of the
optimiser as safetensors, and ``state.json`` with the rest and the hashes of these files. It is written under
another name and renamed when all of it is on the disk; only then are older ones deleted.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rephase.data.stream.stream_state import StreamState
from rephase.errors import UserError
from rephase.io.atomic_files import TEMPORARY, flush_directory, write_whole
from rephase.io.config import Config

STATE = "state.json"
_NAME = re.compile(r"step-(\d{8,})")
_AGAIN = "delete it to go on from an older checkpoint, or begin another run"

Tensors = Mapping[str, Tensor]


class RunState(Config):
    """Where a run stands, but for its tensors.

    Attributes
    ----------
    version
        Of this format.
    step
        Steps done.
    examples
        Crystals, or states of them, that were predicted from.
    best
        Best score in a validation so far, None before the first.
    skipped
        Steps in a row up to this one that were passed over, because their loss or gradient was not finite.
    sha256
        Hash of every file of tensors, by its name.
    """

    version: Literal[1] = 1
    step: int = Field(ge=0)
    examples: int = Field(ge=0)
    best: float | None = None
    skipped: int = Field(default=0, ge=0)
    sha256: dict[str, str] = Field(default_factory=dict)


class StreamRunState(RunState):
    """Where a run on a stream of batches stands.

    Attributes
    ----------
    stream
        Where the stream stands.
    """

    stream: StreamState


S = TypeVar("S", bound=RunState)


@dataclass(frozen=True, eq=False)
class Checkpoint(Generic[S]):
    """A run at one moment.

    Attributes
    ----------
    state
        Where it stands.
    tensors
        By the file's stem, such as ``network``, ``average`` and ``optimiser``: tensors by name.
    """

    state: S
    tensors: Mapping[str, Tensors]


def write_checkpoint(folder: Path, checkpoint: Checkpoint[S], keep: int = 2) -> Path:
    """Write a checkpoint and delete the oldest.

    Parameters
    ----------
    folder
        Directory of the checkpoints of a run; made where it is missing.
    checkpoint
        What to write; the hashes are filled in.
    keep
        How many stay, with this one.

    Raises
    ------
    OSError
        When the disk is full or forbids it; the checkpoints before are then untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{checkpoint.state.step:08d}"
    temporary = path.with_name(path.name + TEMPORARY)
    for left_over in folder.glob(f"step-*{TEMPORARY}"):
        shutil.rmtree(left_over)
    try:
        temporary.mkdir()
        sums = {}
        for stem, tensors in checkpoint.tensors.items():
            content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
            write_whole(temporary / f"{stem}.safetensors", content)
            sums[f"{stem}.safetensors"] = hashlib.sha256(content).hexdigest()
        state = checkpoint.state.model_copy(update={"sha256": sums})
        write_whole(temporary / STATE, state.model_dump_json(indent=1).encode())
        flush_directory(temporary)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    if path.exists():  # left by a run that was taken up at an earlier checkpoint
        shutil.rmtree(path)
    temporary.rename(path)
    flush_directory(folder)
    for old in checkpoint_paths(folder)[:-keep]:
        shutil.rmtree(old)
    return path


def checkpoint_paths(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, which may be missing, from the first step to the last."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def read_checkpoint(path: Path, kind: type[S]) -> Checkpoint[S]:
    """Read a checkpoint and verify its files.

    Parameters
    ----------
    path
        From `checkpoint_paths`.
    kind
        What its state is.

    Raises
    ------
    UserError
        When a file is missing, altered or of another format.
    """
    wanted = f"the checkpoint {path} as it was written"
    try:
        state = kind.model_validate_json((path / STATE).read_bytes())
        contents = {name: (path / name).read_bytes() for name in state.sha256}
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != state.sha256[name]:
                raise UserError(wanted, f"{name} is altered", _AGAIN)
        tensors = {Path(name).stem: load(content) for name, content in contents.items()}
    except FileNotFoundError as error:
        raise UserError(wanted, f"{Path(error.filename).name} is missing", _AGAIN) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(wanted, f"{STATE}: {name}: {first['msg']}", _AGAIN) from None
    except SafetensorError as error:
        raise UserError(wanted, f"no tensors: {error}", _AGAIN) from None
    return Checkpoint(state, tensors)
