"""Finished batches of a build on the disk, so that an interrupted build goes on where it stopped."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from rephase import __version__
from rephase.data.build.task import Batch, FileFacts, FileResult
from rephase.data.crystals.placements import Placements
from rephase.data.sets.atom_arrays import AtomArrays, join_arrays
from rephase.io.atomic_files import write_whole
from rephase.io.config import dump_config

_FACTS = TypeAdapter(tuple[FileFacts, ...])


@dataclass(frozen=True, eq=False)
class BatchPart:
    """What the files of one batch gave.

    Attributes
    ----------
    files
        Facts of each file, in the order of the batch.
    ids, sequence, resolution
        Of all their fragments, shape ``(n,)``.
    arrays
        Their atoms; None where there is no fragment.
    """

    files: tuple[FileFacts, ...]
    ids: NDArray[np.str_]
    sequence: NDArray[np.str_]
    resolution: NDArray[np.float32]
    arrays: AtomArrays | None


def part_name(batch: Batch) -> str:
    """Return a file name that is a sum of the program's version, the settings and the sources."""
    sources = [[source.name, source.sha256] for source in batch.sources]
    text = json.dumps([__version__, dump_config(batch.config), sources])
    return f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.npz"


def write_part(path: Path, results: Sequence[FileResult]) -> None:
    """Write the results of a batch in one step.

    Raises
    ------
    OSError
        When the disk is full.
    """
    full = [result for result in results if result.arrays is not None]
    tensors: dict[str, NDArray[Any]] = {
        "facts": np.frombuffer(_FACTS.dump_json(tuple(result.facts for result in results)), np.uint8)
    }
    if full:
        for name in ("ids", "sequence", "resolution"):
            tensors[name] = np.concatenate([getattr(result, name) for result in full])
        tensors |= _as_dictionary(join_arrays([one.arrays for one in full if one.arrays is not None]))
    buffer = io.BytesIO()
    np.savez(buffer, **tensors)  # type: ignore[arg-type]  # the stubs take them for allow_pickle
    write_whole(path, buffer.getvalue())


def read_part(path: Path) -> BatchPart | None:
    """Read a batch; None where the file is missing or damaged, so that the batch is done again."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
        files = _FACTS.validate_json(tensors["facts"].tobytes())
        empty = "ids" not in tensors
        return BatchPart(
            files,
            np.empty(0, "U1") if empty else tensors["ids"],
            np.empty(0, "U1") if empty else tensors["sequence"],
            np.empty(0, np.float32) if empty else tensors["resolution"],
            None if empty else _from_dictionary(tensors),
        )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _as_dictionary(arrays: AtomArrays) -> dict[str, NDArray[Any]]:
    tensors = {field.name: getattr(arrays, field.name) for field in fields(arrays)}
    placements = tensors.pop("placements")
    if placements is not None:
        tensors |= {field.name: getattr(placements, field.name) for field in fields(placements)}
    return tensors


def _from_dictionary(tensors: dict[str, NDArray[Any]]) -> AtomArrays:
    placements = None
    if "cell" in tensors:
        placements = Placements(**{field.name: tensors[field.name] for field in fields(Placements)})
    names = {field.name for field in fields(AtomArrays)} - {"placements"}
    return AtomArrays(**{name: tensors[name] for name in names}, placements=placements)
