"""Shards: files of a few thousand fragments, memory-mapped when they are read."""

import json
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from rephase.data.crystals.placements import SYMBOL_LENGTH, Placements
from rephase.data.sets.atom_arrays import AtomArrays
from rephase.errors import UserError

_ATOMS: dict[str, type[np.generic]] = {
    "offset": np.int32,
    "residue_offset": np.int32,
    "residue_atoms": np.uint8,
    "xyz": np.int16,
    "atom_name": np.uint8,
}
_PLACEMENTS: dict[str, type[np.generic]] = {
    "cell": np.float32,
    "spacegroup": np.uint8,
    "rotation": np.float32,
    "centre_frac": np.float32,
}
_HEADER = struct.Struct("<Q")

SHARD_FRAGMENTS = 4096
"""Fragments in a shard unless told otherwise: 3.5 MB of 15-mers, which are summed in a few milliseconds."""


def shard_bytes(arrays: AtomArrays) -> bytes:
    """Return the content of a shard, in the safetensors format."""
    tensors: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(getattr(arrays, name), kind) for name, kind in _ATOMS.items()
    }
    if arrays.placements is not None:
        symbols = np.ascontiguousarray(arrays.placements.spacegroup, f"S{SYMBOL_LENGTH}")
        tensors |= {
            "cell": np.ascontiguousarray(arrays.placements.cell, np.float32),
            "spacegroup": symbols.view(np.uint8).reshape(-1, SYMBOL_LENGTH),
            "rotation": np.ascontiguousarray(arrays.placements.rotation, np.float32),
            "centre_frac": np.ascontiguousarray(arrays.placements.centre_frac, np.float32),
        }
    return bytes(save(tensors))


def map_shard(path: Path) -> AtomArrays:
    """Map a shard into memory; its pages are read when they are used.

    Raises
    ------
    UserError
        When the file is no shard.
    """
    with path.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        (length,) = _HEADER.unpack_from(mapped)
        start = _HEADER.size + length
        header = json.loads(mapped[_HEADER.size : start])
        atoms = {name: _view(mapped, start, header[name], kind) for name, kind in _ATOMS.items()}
        placements = _placements(mapped, start, header) if "cell" in header else None
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise UserError("a shard of fragments", f"{path}: {error}", "build or copy the set again") from error
    return AtomArrays(**atoms, placements=placements)


def _placements(mapped: mmap.mmap, start: int, header: dict[str, Any]) -> Placements:
    arrays = {name: _view(mapped, start, header[name], kind) for name, kind in _PLACEMENTS.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        raise ValueError("crystals that lack a cell, a space group or a position")
    return Placements(
        cell=arrays["cell"],
        spacegroup=arrays["spacegroup"].view(f"S{SYMBOL_LENGTH}").reshape(-1),
        rotation=arrays["rotation"],
        centre_frac=arrays["centre_frac"],
    )


def _view(mapped: mmap.mmap, start: int, facts: dict[str, Any], kind: type[np.generic]) -> NDArray[Any]:
    """Look at one tensor without copying it; `start` is the first byte behind the header."""
    begin, end = facts["data_offsets"]
    little_endian = np.dtype(kind).newbyteorder("<")
    count = (end - begin) // little_endian.itemsize
    return np.frombuffer(mapped, little_endian, count, start + begin).reshape(facts["shape"])
