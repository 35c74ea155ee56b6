"""Reading sets: any fragments, in any order, from memory-mapped shards whose sums are verified."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from rephase.data.crystals.placements import Placements
from rephase.data.fragments import SPLITS, Fragments, Split
from rephase.data.sets.atom_arrays import (
    AtomArrays,
    gather,
    unpack_atoms,
)
from rephase.data.sets.manifest import ENTITY_SCHEMA, SCHEMA, read_table, splits_of, texts
from rephase.data.sets.set_record import (
    ENTITIES,
    MANIFEST,
    SHARDS,
    FileFacts,
    SetRecord,
    ShardFacts,
    read_record,
)
from rephase.data.sets.shards import map_shard
from rephase.errors import UserError
from rephase.io.checksums import sha256_of

_AGAIN = "build or copy the set again"


@dataclass(frozen=True, eq=False)
class FragmentSet:
    """A set on disk, opened for reading by `open`; fragment i is row i of the manifest.

    Attributes
    ----------
    path
        Its directory.
    record
        What set.json says.
    manifest
        One row for each fragment; the columns are in `rephase.data.sets.manifest.SCHEMA`.
    split
        Index into `SPLITS` of each fragment, shape ``(n,)``.
    atoms
        Atoms of each fragment, shape ``(n,)``.
    shard_start
        First fragment of each shard and the total, shape ``(shards + 1,)``.
    """

    path: Path
    record: SetRecord
    manifest: pa.Table
    split: NDArray[np.uint8]
    atoms: NDArray[np.int32]
    shard_start: NDArray[np.int64]
    _mapped: dict[int, AtomArrays] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path | str) -> "FragmentSet":
        """Open a set: its record and manifest are read and verified, its shards are only looked for.

        Raises
        ------
        UserError
            When a file is missing, is there but not recorded, or has another size, or the manifest is
            altered.
        """
        path = Path(path)
        record = read_record(path)
        for problem in file_problems(path, record):
            raise problem
        verify_file(path, record.manifest)
        manifest = read_table(path / MANIFEST, SCHEMA)
        shard_start = np.cumsum([0, *(shard.fragments for shard in record.shards)])
        if not manifest.num_rows == record.fragments == shard_start[-1]:
            raise UserError(
                f"{record.fragments} fragments in the set {path}",
                f"{manifest.num_rows} in {MANIFEST}, {shard_start[-1]} in the shards",
                _AGAIN,
            )
        atoms = manifest["atoms"].to_numpy()
        return cls(path, record, manifest, splits_of(manifest), atoms, shard_start)

    def __len__(self) -> int:
        return self.record.fragments

    def __reduce__(self) -> tuple[Any, ...]:  # a worker process opens the set itself
        return FragmentSet.open, (self.path,)

    def read(self, indices: ArrayLike) -> Fragments:
        """Return fragments in the order of `indices`, shape ``(k,)``.

        Raises
        ------
        IndexError
            When an index is negative or too large.
        UserError
            When a shard is not as it was written; each is verified at its first use.
        """
        wanted = self._checked(indices)
        arrays = self._arrays(wanted)
        rows = self.manifest.select(["id", "sequence", "resolution"]).take(wanted)
        return unpack_atoms(
            arrays,
            ids=np.array(texts(rows, "id"), np.str_),
            sequence=np.array(texts(rows, "sequence"), np.str_),
            resolution=rows["resolution"].to_numpy(),
            split=self.split[wanted],
        )

    def placements(self, indices: ArrayLike) -> Placements:
        """Return the fixed crystals of fragments; see `has_crystals`.

        Raises
        ------
        IndexError, UserError
            As `read` does.
        ValueError
            When the set has no crystals.
        """
        placements = self._arrays(self._checked(indices)).placements
        if placements is None:
            raise ValueError(f"the set {self.path} has no crystals")
        return placements

    @property
    def has_crystals(self) -> bool:
        """Whether every fragment has a fixed crystal."""
        return self.record.crystals

    @property
    def d_min(self) -> NDArray[np.float32]:
        """Resolution limits of the fixed experiments in Å, NaN where there is none, shape ``(n,)``."""
        return np.asarray(self.manifest["d_min"].to_numpy(), dtype=np.float32)

    @property
    def digest(self) -> str:
        """SHA-256 of the sums of all files: of everything in the set."""
        files = [self.record.manifest, self.record.entities, *self.record.shards]
        return sha256("".join(facts.sha256 for facts in files).encode()).hexdigest()

    @property
    def shard_rows(self) -> tuple[range, ...]:
        """Indices of the fragments of each shard."""
        edges = self.shard_start.tolist()
        return tuple(range(first, end) for first, end in pairwise(edges))

    def indices_in(self, split: Split) -> NDArray[np.int64]:
        """Return the indices of the fragments of a split, ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def indices_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Find fragments by their ids.

        Raises
        ------
        UserError
            When the set has none of that id; the nearest ids are told.
        """
        found = pc.index_in(pa.array(ids, pa.string()), self.manifest["id"].combine_chunks())
        if found.null_count:
            unknown = ids[found.to_pylist().index(None)]
            near = get_close_matches(unknown, texts(self.manifest, "id"), n=3)
            raise UserError(
                f"ids of the set {self.path}", unknown, f"did you mean {', '.join(near)}?" if near else ""
            )
        return np.asarray(found.to_numpy().astype(np.int64))

    def entity_sequences(self) -> dict[str, str]:
        """Return the whole sequences of entities by ``ENTRY_ENTITY``, as far as they were known.

        Raises
        ------
        UserError
            When entities.parquet is not as it was written.
        """
        verify_file(self.path, self.record.entities)
        table = read_table(self.path / ENTITIES, ENTITY_SCHEMA)
        return dict(zip(texts(table, "entity"), texts(table, "sequence"), strict=True))

    def shard(self, number: int) -> AtomArrays:
        """Return a shard, mapped into memory; its sum is verified the first time."""
        if number not in self._mapped:
            facts = self.record.shards[number]
            verify_file(self.path, facts)
            self._mapped[number] = _fitting(map_shard(self.path / facts.name), self.path, facts)
        return self._mapped[number]

    def _checked(self, indices: ArrayLike) -> NDArray[np.int64]:
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"indices from 0 to {len(self) - 1}, not {wanted.min()} to {wanted.max()}")
        return wanted

    def _arrays(self, wanted: NDArray[np.int64]) -> AtomArrays:
        number = np.searchsorted(self.shard_start, wanted, side="right") - 1
        used, source = np.unique(number, return_inverse=True)
        shards = [self.shard(one) for one in used.tolist()] or [self.shard(0)]
        return gather(shards, source, wanted - self.shard_start[number])


def verify_file(path: Path, facts: FileFacts) -> None:
    """Raise a UserError that names a file of the set at `path` where its content is not the recorded one."""
    if sha256_of(path / facts.name) != facts.sha256:
        raise UserError(f"{path / facts.name} as it was written", "its SHA-256 sum is another", _AGAIN)


def file_problems(path: Path, record: SetRecord) -> Iterator[UserError]:
    """Yield what is wrong with the presence and the sizes of the files of the set at `path`."""
    expected: list[FileFacts] = [record.manifest, record.entities, *record.shards]
    for facts in expected:
        file = path / facts.name
        if not file.is_file():
            yield UserError(f"{file}, which the set consists of", "no such file", _AGAIN)
        elif file.stat().st_size != facts.bytes:
            yield UserError(f"{facts.bytes} bytes in {file}", f"{file.stat().st_size}", _AGAIN)
    names = {path / facts.name for facts in record.shards}
    extra = sorted(file.name for file in (path / SHARDS).glob("*") if file not in names)
    if extra:
        yield UserError(
            f"only the recorded shards in {path / SHARDS}", f"also {', '.join(extra[:3])}", "remove it"
        )


def _fitting(arrays: AtomArrays, path: Path, facts: ShardFacts) -> AtomArrays:
    """Check that the offsets of a shard lead nowhere outside, and that all crystals are there."""
    residues = len(arrays.residue_atoms)
    sound = (
        len(arrays) == facts.fragments == len(arrays.residue_offset) - 1
        and len(arrays.xyz) == len(arrays.atom_name) == arrays.offset[-1] == facts.atoms
        and residues == arrays.residue_offset[-1]
        and int(arrays.residue_atoms.sum(dtype=np.int64)) == facts.atoms
        and all(one[0] == 0 and np.all(np.diff(one) > 0) for one in (arrays.offset, arrays.residue_offset))
        and (arrays.placements is None or len(arrays.placements) == facts.fragments)
    )
    if not sound:
        raise UserError(f"{facts.fragments} fragments in {path / facts.name}", "other counts", _AGAIN)
    return arrays
