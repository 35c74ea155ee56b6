"""Writing sets: parts go to the disk as they come, and the directory appears complete or not at all."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rephase.data.crystals.placements import Placements
from rephase.data.fragments import SPLITS, Fragments
from rephase.data.sets.atom_arrays import AtomArrays, gather, pack_atoms
from rephase.data.sets.manifest import entity_table, manifest_rows, shuffled_order, splits_of, table_bytes
from rephase.data.sets.set_record import (
    ENTITIES,
    MANIFEST,
    RECORD,
    SHARDS,
    FileFacts,
    SetOrigin,
    SetRecord,
    ShardFacts,
    printable,
    record_bytes,
)
from rephase.data.sets.shards import SHARD_FRAGMENTS, map_shard, shard_bytes
from rephase.errors import UserError
from rephase.io.atomic_files import flush_directory, write_whole

_PARTIAL = ".partial"


@dataclass(frozen=True, eq=False)
class SetPart:
    """Some fragments of a set to be written, with what the manifest says of them.

    Attributes
    ----------
    fragments
        With ids ``ENTRY_ENTITY.pd_START`` and their splits decided.
    cluster
        Sequence cluster of each, shape ``(n,)``; `rephase.data.sets.manifest.NO_CLUSTER` where there is none.
    source
        Name of the file that each came from, shape ``(n,)``.
    placements
        Fixed crystals; all parts of a set have them, or none.
    sequences
        Whole sequences of their entities by ``ENTRY_ENTITY``, as far as they are known.
    d_min
        Resolution limit of the fixed experiment on each crystal in Å, shape ``(n,)``.
    """

    fragments: Fragments
    cluster: NDArray[np.int32] | None = None
    source: NDArray[np.str_] | None = None
    placements: Placements | None = None
    sequences: Mapping[str, str] = field(default_factory=dict)
    d_min: NDArray[np.float32] | None = None


def write_set(
    path: Path,
    parts: Iterable[SetPart],
    origin: SetOrigin,
    *,
    seed: int = 0,
    shard_fragments: int = SHARD_FRAGMENTS,
    force: bool = False,
    advance: Callable[[int], None] = lambda fragments: None,
) -> SetRecord:
    """Write a set, holding one part and one shard in memory at a time.

    The order of the fragments, and so every byte, depends on their ids and the seed alone, not on how they
    were divided into parts.

    Parameters
    ----------
    path
        Directory to make. Until it is complete, what there is lies beside it in ``NAME.partial``.
    parts
        The fragments; ids are unique.
    origin
        How the set was made.
    seed
        Of the order of the fragments, which puts a random sample of the set into every shard.
    shard_fragments
        Fragments in a shard; the last one has what is left.
    force
        Replace a set of that name.
    advance
        Called with the number of fragments of each shard written.

    Raises
    ------
    UserError
        When `path` exists and may not be replaced, another process is writing it, there is no fragment, an
        id occurs twice or has another form, or a fragment cannot be stored.
    OSError
        When the disk is full.
    """
    with staging(path, force) as partial:
        return write_staged(
            path, partial, parts, origin, seed=seed, shard_fragments=shard_fragments, advance=advance
        )


def write_staged(
    path: Path,
    partial: Path,
    parts: Iterable[SetPart],
    origin: SetOrigin,
    *,
    seed: int = 0,
    shard_fragments: int = SHARD_FRAGMENTS,
    advance: Callable[[int], None] = lambda fragments: None,
) -> SetRecord:
    """Write a set as `write_set` does, in a directory that `staging` gave, which is gone afterwards."""
    for left in (partial / "spill", partial / "set"):
        shutil.rmtree(left, ignore_errors=True)
        left.mkdir()
    spill = _spill(partial / "spill", parts)
    order = shuffled_order(spill.table, seed)
    shards = _write_shards(partial / "set", spill, order, shard_fragments, advance)
    record = _write_record(partial / "set", printable(path.name), spill, order, shards, origin)
    _publish(path, partial)
    return record


@contextlib.contextmanager
def staging(path: Path, force: bool) -> Iterator[Path]:
    """Hold ``NAME.partial`` beside a set to be made, alone, while the context is open.

    What an interrupted run left in it is kept.

    Raises
    ------
    UserError
        When `path` exists and may not be replaced, no directory can be made beside it, or another process is
        writing there.
    """
    check_target(path, force)
    partial = path.with_name(path.name + _PARTIAL)
    with _made(partial).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however that ends
        except BlockingIOError:
            raise UserError(
                f"to write in {partial}", "another process is writing there", "wait for it, or end it"
            ) from None
        yield partial


def _made(partial: Path) -> Path:
    """Make a directory to write in, and return the name of its lock."""
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = error.strerror or str(error)
        raise UserError(f"a directory {partial} to write in", found, "name another place") from error
    return partial / "lock"


def check_target(path: Path, force: bool) -> None:
    """Raise a UserError where a set may not be written at `path`: only sets are ever replaced."""
    if not path.name:
        raise UserError("a name for the set", f"'{path}'", "name a new directory")
    if not path.exists():
        return
    if not (path / RECORD).is_file():
        found = f"a directory without {RECORD}" if path.is_dir() else "a file"
        raise UserError(f"{path}: a new directory, or a set to replace", found, "give another name")
    if not force:
        raise UserError(f"a new directory {path}", "it exists already", "give another name, or add --force")


@dataclass(frozen=True)
class _Spill:
    """Parts on the disk, and the rows of the manifest that belong to their fragments, in the same order."""

    table: pa.Table
    files: tuple[Path, ...]
    start: NDArray[np.int64]  # first fragment of each file and the total
    crystals: bool
    sequences: dict[str, str]

    def collect(self, rows: NDArray[np.int64]) -> AtomArrays:
        """Return fragments; files are mapped one by one, so that neither pages nor open files pile up."""
        number = np.searchsorted(self.start, rows, side="right") - 1
        used, source = np.unique(number, return_inverse=True)
        return gather((map_shard(self.files[one]) for one in used), source, rows - self.start[number])


def _spill(folder: Path, parts: Iterable[SetPart]) -> _Spill:
    """Write parts as they come."""
    tables, files = [], []
    with_crystals: set[bool] = set()
    sequences: dict[str, str] = {}
    for number, part in enumerate(part for part in parts if len(part.fragments)):
        tables.append(manifest_rows(part.fragments, part.cluster, part.source, part.d_min))
        files.append(folder / f"{number:06d}")
        files[-1].write_bytes(shard_bytes(pack_atoms(part.fragments, part.placements)))
        with_crystals.add(part.placements is not None)
        sequences.update(part.sequences)
    if not tables:
        raise UserError("at least one fragment for a set", "none", "loosen the rules, or give more sources")
    if len(with_crystals) > 1:
        raise ValueError("all parts of a set have placements, or none")
    start = np.cumsum([0, *(len(table) for table in tables)])
    return _Spill(pa.concat_tables(tables), tuple(files), start, with_crystals.pop(), sequences)


def _write_shards(
    folder: Path,
    spill: _Spill,
    order: NDArray[np.int64],
    shard_fragments: int,
    advance: Callable[[int], None],
) -> tuple[ShardFacts, ...]:
    """Write all shards with the fragments in `order`, and return what they hold."""
    (folder / SHARDS).mkdir()
    shards = []
    for number, first in enumerate(range(0, len(order), shard_fragments)):
        arrays = spill.collect(order[first : first + shard_fragments])
        facts = _write_file(folder, f"{SHARDS}/{number:05d}.safetensors", shard_bytes(arrays))
        shards.append(ShardFacts(**facts.model_dump(), fragments=len(arrays), atoms=len(arrays.xyz)))
        advance(len(arrays))
    flush_directory(folder / SHARDS)
    return tuple(shards)


def _write_record(
    folder: Path,
    name: str,
    spill: _Spill,
    order: NDArray[np.int64],
    shards: tuple[ShardFacts, ...],
    origin: SetOrigin,
) -> SetRecord:
    """Write the manifest, and the record last of all."""
    table = spill.table.take(order)
    counts = np.bincount(splits_of(table), minlength=len(SPLITS)).tolist()
    record = SetRecord(
        name=name,
        fragments=len(table),
        residues=pc.sum(pc.utf8_length(table["sequence"])).as_py(),
        atoms=sum(shard.atoms for shard in shards),
        crystals=spill.crystals,
        splits=dict(zip(SPLITS, counts, strict=True)),
        origin=origin,
        manifest=_write_file(folder, MANIFEST, table_bytes(table)),
        entities=_write_file(folder, ENTITIES, table_bytes(entity_table(spill.sequences))),
        shards=shards,
    )
    write_whole(folder / RECORD, record_bytes(record))
    flush_directory(folder)
    return record


def _write_file(folder: Path, name: str, content: bytes) -> FileFacts:
    write_whole(folder / name, content)
    return FileFacts(name=name, sha256=sha256(content).hexdigest(), bytes=len(content))


def _publish(path: Path, partial: Path) -> None:
    """Give a complete set its name; one that it replaces is gone only then."""
    replaced = partial / "replaced"
    if path.exists():
        shutil.rmtree(replaced, ignore_errors=True)  # of a run that was killed here, and got this far
        path.replace(replaced)
    (partial / "set").replace(path)
    flush_directory(path.parent)
    shutil.rmtree(partial)
