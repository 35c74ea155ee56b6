"""From the finished batches of a build to the parts of a set: which entries, clusters and splits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.build.parts import BatchPart, read_part
from rephase.data.build.task import FileFacts
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import Split
from rephase.data.sets.atom_arrays import unpack_atoms
from rephase.data.sets.set_record import SkippedFile
from rephase.data.sets.set_writer import SetPart
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.splits import Decision, decide
from rephase.errors import UserError


@dataclass(frozen=True)
class Assembly:
    """What becomes of everything that was extracted.

    Attributes
    ----------
    sources
        Files that are used: the number of the batch, and the place there.
    entities
        Split and cluster of each entity that stays, by ``ENTRY_ENTITY``.
    fragments
        Number of fragments that stay.
    rejected, skipped, notes
        As in `rephase.data.sets.set_record.SetOrigin`.
    """

    sources: frozenset[tuple[int, int]]
    entities: dict[str, Decision]
    fragments: int
    rejected: dict[str, dict[str, int]]
    skipped: tuple[SkippedFile, ...]
    notes: dict[str, str]


def assemble(
    files: Sequence[Path], config: BuildConfig, table: Mapping[str, Split] | None = None
) -> Assembly:
    """Decide what becomes of the fragments of finished batches.

    Of an entry that several files hold, the first file by name is used.

    Parameters
    ----------
    files
        One for each batch, in their order.
    config
        The rules.
    table
        Binding splits by PDB id.

    Raises
    ------
    UserError
        When the sequences cannot be clustered, or the table names no entry that is used.
    """
    facts = {
        (number, place): one
        for number, file in enumerate(files)
        for place, one in enumerate(_required(file).files)
    }
    used, skipped = _first_of_each_entry(facts)
    outside = [] if table is None else _entries_outside(table, [facts[source].entry for source in used])
    entities = [entity for source in used for entity in facts[source].entities]
    decisions = decide(entities, config, table)
    rejected = _sum_rejected(facts[source].rejected for source in used)
    if decisions.rejected:
        rejected["entities"] = decisions.rejected
    return Assembly(
        sources=frozenset(used),
        entities=decisions.kept,
        fragments=sum(entity.fragments for entity in entities if entity.key in decisions.kept),
        rejected=rejected,
        skipped=tuple(skipped),
        notes={
            "entries": str(len({entity.entry for entity in entities if entity.key in decisions.kept})),
            "entities": str(len(decisions.kept)),
            "clusters": str(decisions.clusters),
            "similar sequences found by": decisions.method,
            **({"entries that the table of splits lacks": f"{len(outside)}, trained on"} if outside else {}),
        },
    )


def set_parts(files: Sequence[Path], assembly: Assembly) -> Iterator[SetPart]:
    """Yield the fragments that stay, batch after batch."""
    for number, file in enumerate(files):
        part = _required(file)
        if part.arrays is None:
            continue
        used = [(number, place) in assembly.sources for place in range(len(part.files))]
        counts = [one.fragments for one in part.files]
        keys = [parse_fragment_id(one).chain for one in part.ids.tolist()]
        stays = np.repeat(used, counts) & np.array([key in assembly.entities for key in keys])
        rows = np.flatnonzero(stays)
        if len(rows):
            sources = np.repeat([one.name for one in part.files], counts)[rows]
            yield _set_part(part, rows, [assembly.entities[keys[row]] for row in rows.tolist()], sources)


def _set_part(
    part: BatchPart, rows: NDArray[np.int64], decisions: Sequence[Decision], source: NDArray[np.str_]
) -> SetPart:
    if part.arrays is None:
        raise ValueError("a batch without fragments")
    arrays = part.arrays.take(rows)
    fragments = unpack_atoms(
        arrays,
        ids=part.ids[rows],
        sequence=part.sequence[rows],
        resolution=part.resolution[rows],
        split=np.array([one.split for one in decisions], np.uint8),
    )
    cluster = np.array([one.cluster for one in decisions], np.int32)
    sequences = {entity.key: entity.sequence for one in part.files for entity in one.entities}
    staying = {parse_fragment_id(one).chain for one in fragments.ids.tolist()}
    return SetPart(
        fragments,
        cluster,
        source,
        arrays.placements,
        sequences={key: sequence for key, sequence in sequences.items() if key in staying},
    )


def _required(file: Path) -> BatchPart:
    part = read_part(file)
    if part is None:
        raise UserError(f"{file}, written a moment ago", "it is damaged", "give the same command again")
    return part


def _first_of_each_entry(
    facts: Mapping[tuple[int, int], FileFacts],
) -> tuple[list[tuple[int, int]], list[SkippedFile]]:
    """Tell the files to use from those that are broken or repeat an entry."""
    used: dict[str, tuple[int, int]] = {}
    skipped = []
    for source, one in facts.items():
        reason = one.reason
        if not reason and used.setdefault(one.entry, source) != source:
            reason = f"the entry {one.entry} is also in {facts[used[one.entry]].name}, which is used"
        if reason:
            skipped.append(SkippedFile(name=one.name, reason=reason))
    return list(used.values()), skipped


def _entries_outside(table: Mapping[str, Split], entries: Sequence[str]) -> list[str]:
    """Return the entries that a table of splits does not name; it names one at least, or holds other ids."""
    outside = [entry for entry in entries if entry not in table]
    if entries and len(outside) == len(entries):
        raise UserError(
            "a table with the splits of these entries",
            f"{len(table)} others in it, and not {outside[0]}",
            "give the table of these structures, with PDB ids in its column id",
        )
    return outside


def _sum_rejected(counts: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Add up what was left out, by kind and rule; the most frequent rules first."""
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kinds in counts:
        for kind, rules in kinds.items():
            total[kind].update(rules)
    return {
        kind: dict(sorted(rules.items(), key=lambda rule: (-rule[1], rule[0])))
        for kind, rules in total.items()
        if rules
    }
