"""The leak check: nothing held out, nor anything similar to it, is trained on, in the same or another set."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import SPLITS, Split
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.manifest import texts
from rephase.data.sets.set_findings import Finding
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.splits import leaks

TRAINED: tuple[Split, ...] = ("train",)
HELD_OUT: tuple[Split, ...] = ("val", "test")
_LONGEST_GAP = 50  # residues: an alignment does not cross so many unknown ones
_LEAST_KNOWN = 10  # residues in a row; pairs of proteins share shorter ones by chance
_LEAST_KINDS = 2
_EXAMPLES = 3


@dataclass(frozen=True)
class Members:
    """Who is in some splits of a set.

    Attributes
    ----------
    where
        The set.
    fragments
        Ids.
    entries
        PDB ids in capitals.
    clusters
        Numbers of sequence clusters, which mean something within one set alone.
    sequences
        Of entities by ``ENTRY_ENTITY``; where the set does not know them, as far as the fragments tell, with
        X for the residues between.
    """

    where: str
    fragments: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    clusters: frozenset[int] = frozenset()
    sequences: dict[str, str] = field(default_factory=dict)


def members(opened: FragmentSet, splits: Collection[Split]) -> Members:
    """Collect who is in some splits of a set."""
    wanted = np.flatnonzero(np.isin(opened.split, [SPLITS.index(split) for split in splits]))
    rows = opened.manifest.take(wanted)
    ids = texts(rows, "id")
    keys = {parse_fragment_id(one).chain for one in ids}
    whole = opened.entity_sequences()
    pieced = entity_sequences(ids, texts(rows, "sequence"))
    return Members(
        where=str(opened.path),
        fragments=frozenset(ids),
        entries=frozenset(entry.upper() for entry in texts(rows, "entry")),
        clusters=frozenset(rows["cluster"].drop_null().to_numpy().tolist()),
        sequences=pieced | {name: whole[name] for name in keys & whole.keys()},
    )


def entity_sequences(ids: Sequence[str], sequences: Sequence[str]) -> dict[str, str]:
    """Put the fragments of each entity together, as far as they tell its sequence; by ``ENTRY_ENTITY``.

    Entities are left out that cannot be recognised: without ten known residues in a row, or with two kinds of
    residues at most, as where everything was cut to alanine.
    """
    windows: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, sequence in zip(map(parse_fragment_id, ids), sequences, strict=True):
        windows[name.chain].append((name.start, sequence))
    joined = {chain: joined_windows(some) for chain, some in windows.items()}
    return {chain: sequence for chain, sequence in joined.items() if _recognisable(sequence)}


def _recognisable(sequence: str) -> bool:
    longest_known = max(map(len, sequence.split("X")))
    return longest_known >= _LEAST_KNOWN and len(set(sequence) - {"X"}) > _LEAST_KINDS


def joined_windows(windows: Iterable[tuple[int, str]]) -> str:
    """Put windows of a chain, each with the number of its first residue, together; X where there is none."""
    ordered = sorted(windows)
    joined, end = "", ordered[0][0] if ordered else 0
    for start, sequence in ordered:
        joined += "X" * min(max(start - end, 0), _LONGEST_GAP) + sequence[max(end - start, 0) :]
        end = max(end, start + len(sequence))
    return joined


def leaks_between(trained: Members, held_out: Members, config: BuildConfig) -> list[Finding]:
    """Find what is trained on in one set though it is held out in another, or in the same.

    Parameters
    ----------
    trained, held_out
        The sets; clusters are compared where both are of one set.
    config
        Whose `clusters` say which sequences are similar; with the method ``none`` only identical ones are.

    Raises
    ------
    UserError
        When MMseqs2 is asked for and missing, or fails.
    """
    similar = leaks(trained.sequences, held_out.sequences, config)
    same_set = trained.where == held_out.where
    shared = {
        "fragments": sorted(trained.fragments & held_out.fragments),
        "entries": sorted(trained.entries & held_out.entries),
        "clusters": [str(one) for one in sorted(trained.clusters & held_out.clusters)] if same_set else [],
        "similar sequences": [f"{one.trained} ~ {one.held_out} ({one.identity:.0%})" for one in similar],
    }
    where = trained.where if same_set else f"{trained.where} (train), {held_out.where} (val, test)"
    return [
        Finding("leaks", where, f"{len(names)} {kind} both trained on and held out: {_first_of(names)}")
        for kind, names in shared.items()
        if names
    ]


def all_leaks(sets: Sequence[FragmentSet], config: BuildConfig) -> list[Finding]:
    """Find the leaks within each set and between all of them."""
    trained = [members(opened, TRAINED) for opened in sets]
    held_out = [members(opened, HELD_OUT) for opened in sets]
    return [leak for one in trained for other in held_out for leak in leaks_between(one, other, config)]


def _first_of(names: Sequence[str]) -> str:
    return ", ".join(names[:_EXAMPLES]) + (" …" if len(names) > _EXAMPLES else "")
