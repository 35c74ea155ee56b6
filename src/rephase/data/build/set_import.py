"""A compressed file of fragments becomes a set."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import SPLITS, Fragments, load_fragments
from rephase.data.selection import select
from rephase.data.sets.atom_arrays import repeats_a_name
from rephase.data.sets.leak_check import entity_sequences
from rephase.data.sets.set_record import SetOrigin, SetRecord
from rephase.data.sets.set_writer import SetPart, check_target, write_set
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.homologues import chosen_method
from rephase.data.structures.splits import HOMOLOGUE, leaks
from rephase.errors import UserError

_DEFAULT_RULES = BuildConfig()
_PART = 16384  # fragments; their copies need some 60 MB


def import_fragments(
    file: Path,
    path: Path,
    *,
    config: BuildConfig = _DEFAULT_RULES,
    force: bool = False,
    advance: Callable[[int], None] = lambda fragments: None,
) -> SetRecord:
    """Write the fragments of a file, with the splits they have, as a set.

    Left out and counted are fragments whose residues cannot be told apart, because their atoms do not begin
    with N, windows that the file holds again under another form of their id, and fragments of training whose
    sequences are similar to held-out ones.

    Parameters
    ----------
    file
        Such as fragments15.npz, for `load_fragments`.
    path
        Directory of the set to make.
    config
        Whose `clusters` say what similar means, and whose `seed` orders the fragments.
    force
        Replace a set of that name.
    advance
        Called with the number of fragments of each shard written.

    Raises
    ------
    UserError
        When the file cannot be read, similar sequences cannot be found, or the set cannot be written.
    OSError
        When the disk is full.
    """
    check_target(path, force)
    fragments = load_fragments(file)
    if not len(fragments):
        raise UserError("fragments", f"none in {file}", "give another file")
    in_order = _in_order(fragments)
    first = in_order & _first_of_its_window(fragments.ids, in_order)
    similar = first & _similar_to_held_out(fragments, config)
    left_out = {
        "atoms of a residue out of order": int((~in_order).sum()),
        "the same window again": int((in_order & ~first).sum()),
        HOMOLOGUE: int(similar.sum()),
    }
    origin = SetOrigin(
        command="rephase data import",
        config={"seed": config.seed, "clusters": config.clusters.model_dump(mode="json")},
        sources=1,
        rejected={"fragments": {rule: number for rule, number in left_out.items() if number}},
        notes={"similar sequences found by": chosen_method(config.clusters)},
    )
    parts = _parts(fragments, np.flatnonzero(first & ~similar), file.name)
    return write_set(path, parts, origin, seed=config.seed, force=force, advance=advance)


def _parts(fragments: Fragments, rows: NDArray[np.int64], source: str) -> Iterator[SetPart]:
    for first in range(0, len(rows), _PART):
        some = rows[first : first + _PART]
        yield SetPart(select(fragments, some), source=np.full(len(some), source))


def _in_order(fragments: Fragments) -> NDArray[np.bool_]:
    """Tell which fragments begin with N and have a residue of different atoms for each letter."""
    residues = fragments.residue[fragments.offset[1:] - 1] + 1
    begins = fragments.atom_name[fragments.offset[:-1]] == "N"
    sound = begins & (residues == np.strings.str_len(fragments.sequence))
    before = np.cumsum(residues, dtype=np.int32) - residues  # residues of the fragments before
    owner = np.repeat(before, np.diff(fragments.offset)) + fragments.residue
    mixed = np.flatnonzero(repeats_a_name(fragments.atom_name, owner))
    sound[np.searchsorted(fragments.offset, mixed, side="right") - 1] = False
    return np.asarray(sound)


def _first_of_its_window(ids: NDArray[np.str_], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which usable fragments come first, in the order of their ids, of those that name one window."""
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(ids[rows], kind="stable")]
    windows = np.array([str(parse_fragment_id(one)) for one in ids[rows].tolist()], np.str_)
    first = np.zeros(len(ids), np.bool_)
    first[rows[np.unique(windows, return_index=True)[1]]] = True
    return first


def _similar_to_held_out(fragments: Fragments, config: BuildConfig) -> NDArray[np.bool_]:
    """Tell which fragments of training are of entities that are similar to held-out ones."""
    trained = fragments.split == SPLITS.index("train")
    here, there = (
        entity_sequences(fragments.ids[rows].tolist(), fragments.sequence[rows].tolist())
        for rows in (trained, ~trained)
    )
    similar = {leak.trained for leak in leaks(here, there, config)}
    of_similar = [parse_fragment_id(one).chain in similar for one in fragments.ids.tolist()]
    return np.asarray(trained & np.array(of_similar, np.bool_))
