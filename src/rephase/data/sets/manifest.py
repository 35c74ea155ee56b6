"""The tables of a set: the manifest, a row for each fragment in the order of the shards, and the entities."""

import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import SPLITS, Fragments
from rephase.errors import UserError

NO_CLUSTER = -1
_COLUMNS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.string()),
    pa.field("entry", pa.string()),
    pa.field("entity", pa.string()),
    pa.field("start", pa.int32()),  # number of the first residue in its entity
    pa.field("sequence", pa.string()),
    pa.field("split", pa.string()),
    pa.field("resolution", pa.float32()),  # Å, of the entry
    pa.field("cluster", pa.int32()),  # of the entity's sequence, null where none was made
    pa.field("source", pa.string()),  # the file that the fragment came from
    pa.field("atoms", pa.int32()),
    pa.field("d_min", pa.float32()),  # Å, of its fixed experiment, null where there is none
]
SCHEMA = pa.schema(_COLUMNS)
_ENTITY_COLUMNS: "list[pa.Field[Any]]" = [pa.field("entity", pa.string()), pa.field("sequence", pa.string())]
ENTITY_SCHEMA = pa.schema(_ENTITY_COLUMNS)


def manifest_rows(
    fragments: Fragments,
    cluster: NDArray[np.int32] | None = None,
    source: NDArray[np.str_] | None = None,
    d_min: NDArray[np.float32] | None = None,
) -> pa.Table:
    """Describe fragments, one row each.

    Parameters
    ----------
    fragments
        Whose ids are ``ENTRY_ENTITY.pd_START`` or ``ENTRY_ENTITY_START``, and whose splits are decided.
    cluster
        Sequence clusters, shape ``(n,)``, `NO_CLUSTER` where there is none.
    source
        Names of the files they came from, shape ``(n,)``.
    d_min
        Resolution limits of their fixed experiments in Å, shape ``(n,)``.

    Raises
    ------
    UserError
        When an id has another form.
    ValueError
        When a fragment has no split.
    """
    names = [parse_fragment_id(one) for one in fragments.ids.tolist()]
    of_split = dict(enumerate(SPLITS))
    if not set(np.unique(fragments.split).tolist()) <= set(of_split):
        raise ValueError("every fragment of a set belongs to a split")
    numbers = np.full(len(fragments), NO_CLUSTER, np.int32) if cluster is None else cluster
    return pa.table(
        {
            "id": fragments.ids.tolist(),
            "entry": [name.entry for name in names],
            "entity": [name.entity for name in names],
            "start": [name.start for name in names],
            "sequence": fragments.sequence.tolist(),
            "split": [of_split[number] for number in fragments.split.tolist()],
            "resolution": fragments.resolution,
            "cluster": pa.array(numbers, pa.int32(), mask=numbers == NO_CLUSTER),
            "source": [""] * len(fragments) if source is None else source.tolist(),
            "atoms": np.diff(fragments.offset).astype(np.int32),
            "d_min": pa.nulls(len(fragments), pa.float32()) if d_min is None else pa.array(d_min),
        },
        schema=SCHEMA,
    )


def shuffled_order(table: pa.Table, seed: int) -> NDArray[np.int64]:
    """Order rows by a keyed hash of their ids, which no order of files or parts can change.

    Raises
    ------
    UserError
        When an id occurs twice.
    """
    ids = texts(table, "id")
    if pc.count_distinct(table["id"]).as_py() < len(ids):
        twice = min(one for one, times in Counter(ids).items() if times > 1)
        raise UserError("every fragment once", f"{twice} occurs more than once", "give every file once")
    key = seed.to_bytes(32, "little")
    digests = (hashlib.blake2b(one.encode(), digest_size=8, key=key).digest() for one in ids)
    hashes = np.frombuffer(b"".join(digests), ">u8")
    return np.lexsort((np.array(ids), hashes)) if len(np.unique(hashes)) < len(ids) else np.argsort(hashes)


def table_bytes(table: pa.Table) -> bytes:
    """Return the content of the parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def entity_table(sequences: Mapping[str, str]) -> pa.Table:
    """Return whole sequences of entities, one row each, sorted by ``ENTRY_ENTITY``."""
    names = sorted(sequences)
    return pa.table({"entity": names, "sequence": [sequences[name] for name in names]}, schema=ENTITY_SCHEMA)


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a parquet file of a set.

    Raises
    ------
    UserError
        When it is missing, damaged, or has other columns than `schema`.
    """
    wanted = "a table of a set"
    try:
        with path.open("rb") as handle:  # pyarrow takes no path that is no UTF-8
            table = pq.read_table(handle)
    except (OSError, pa.ArrowException) as error:
        raise UserError(wanted, f"{path}: {error}", "build or copy the set again") from error
    if table.schema != schema:
        raise UserError(wanted, f"{path} with other columns", "build the set again with this version")
    return table


def texts(table: pa.Table, column: str) -> list[str]:
    """Return a column of text, which has no gaps."""
    return [str(value) for value in table[column].to_pylist()]


def splits_of(table: pa.Table) -> NDArray[np.uint8]:
    """Return each row's index into `SPLITS`, shape ``(n,)``.

    Raises
    ------
    UserError
        When a row has another split.
    """
    found = pc.index_in(table["split"], pa.array(SPLITS))
    if found.null_count:
        raise UserError(
            f"the splits {', '.join(SPLITS)}", f"{found.null_count} others", "build the set again"
        )
    return np.asarray(found.to_numpy().astype(np.uint8))
