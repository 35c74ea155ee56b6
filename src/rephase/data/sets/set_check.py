"""Checks of a set: every file as it was written, and record, manifest and shards telling the same."""

from collections.abc import Iterator
from pathlib import Path

import gemmi
import numpy as np
import pyarrow.compute as pc

from rephase.data.crystals.placements import Placements
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import SPLITS
from rephase.data.peptides.residue_topology import RESIDUES
from rephase.data.sets.atom_arrays import ATOM_NAMES, AtomArrays, repeats_a_name
from rephase.data.sets.fragment_set import FragmentSet, file_problems
from rephase.data.sets.manifest import texts
from rephase.data.sets.set_findings import Finding
from rephase.data.sets.set_record import read_record
from rephase.errors import UserError

_UNIT = 1e-5  # how far the length of a quaternion in float32 may be from 1


TESTS = ("files", "record", "ids", "shards")
"""What `check_set` looks at: each is a `Finding.test`."""


def check_set(path: Path) -> list[Finding]:
    """Check one set, reading all of it.

    Parameters
    ----------
    path
        Its directory.

    Returns
    -------
    Everything that is wrong, in the order of `TESTS`; a missing file ends the checks.
    """
    try:
        problems = [_short(problem) for problem in file_problems(path, read_record(path))]
        if problems:
            return [Finding("files", str(path), problem) for problem in problems]
        opened = FragmentSet.open(path)
    except UserError as error:
        return [Finding("files", str(path), _short(error))]
    found: dict[str, list[str]] = {
        "files": [],
        "record": [*_record_problems(opened), *_sequence_problems(opened)],
        "ids": list(_id_problems(opened)),
        "shards": [],
    }
    try:
        opened.entity_sequences()
    except UserError as error:
        found["files"].append(_short(error))
    for number, facts in enumerate(opened.record.shards):
        try:
            problems = list(_shard_problems(opened, opened.shard_rows[number], opened.shard(number)))
        except UserError as error:
            found["files"].append(_short(error))
        else:
            found["shards"] += [f"{facts.name}: {what}" for what in problems]
    return [Finding(test, str(path), what) for test, problems in found.items() for what in problems]


def _short(error: UserError) -> str:
    return f"wanted {error.wanted}; found {error.found}"


def _record_problems(opened: FragmentSet) -> Iterator[str]:
    """Compare the counts of the record with the manifest."""
    record = opened.record
    counts = {split: len(opened.indices_in(split)) for split in SPLITS}
    if counts != record.splits:
        yield f"splits of {record.splits} in the record, {counts} in the manifest"
    for name, stated, counted in (
        ("atoms", record.atoms, int(opened.atoms.sum(dtype=np.int64))),
        ("atoms in shards", record.atoms, sum(shard.atoms for shard in record.shards)),
        ("residues", record.residues, pc.sum(pc.utf8_length(opened.manifest["sequence"])).as_py()),
    ):
        if stated != counted:
            yield f"{stated} {name} in the record, {counted} in the set"


def _sequence_problems(opened: FragmentSet) -> Iterator[str]:
    """Look for sequences of anything but the twenty amino acids."""
    foreign = pc.match_substring_regex(opened.manifest["sequence"], f"[^{RESIDUES}]")
    count = int(foreign.to_numpy().sum())
    if count:
        yield f"{count} sequences with letters that are no amino acid"


def _id_problems(opened: FragmentSet) -> Iterator[str]:
    """Look for ids that occur twice or do not name the entry, entity and start of their rows."""
    ids = texts(opened.manifest, "id")
    if len(set(ids)) < len(ids):
        yield f"{len(ids) - len(set(ids))} ids occur more than once"
    columns = (opened.manifest[name].to_pylist() for name in ("entry", "entity", "start"))
    for one, *stated in zip(ids, *columns, strict=True):
        try:
            parsed = parse_fragment_id(one)
        except UserError:
            yield f"{one} is no id of a fragment"
        else:
            if [parsed.entry, parsed.entity, parsed.start] != stated:
                yield f"{one} stands for {stated}"


def _shard_problems(opened: FragmentSet, rows: range, arrays: AtomArrays) -> Iterator[str]:
    """Compare a shard with its rows of the manifest, and look at its numbers."""
    if np.any(np.diff(arrays.offset) != opened.atoms[rows.start : rows.stop]):
        yield "other numbers of atoms than in the manifest"
    length = pc.utf8_length(opened.manifest["sequence"].slice(rows.start, len(rows))).to_numpy()
    if np.any(np.diff(arrays.residue_offset) != length):
        yield "other numbers of residues than letters in the sequences"
    if np.any(arrays.residue_atoms == 0):
        yield "residues without atoms"
    residue = np.repeat(np.arange(len(arrays.residue_atoms)), arrays.residue_atoms)
    if repeats_a_name(arrays.atom_name, residue).any():
        yield "residues with two atoms of one name"
    if np.any(arrays.atom_name >= len(ATOM_NAMES)):
        yield "unknown atom names"
    if opened.has_crystals != (arrays.placements is not None):
        yield "crystals, against the record" if arrays.placements is not None else "no crystals"
    if arrays.placements is not None:
        yield from _crystal_problems(arrays.placements)


def _crystal_problems(placements: Placements) -> Iterator[str]:
    for name in ("cell", "rotation", "centre_frac"):
        if not np.isfinite(getattr(placements, name)).all():
            yield f"a {name} that is not finite"
    if np.any(np.abs(np.linalg.norm(placements.rotation, axis=1) - 1.0) > _UNIT):
        yield "a rotation that is no unit quaternion"
    if not all(gemmi.UnitCell(*cell).volume > 1.0 for cell in placements.cell.tolist()):
        yield "a cell without volume"
    for symbol in np.unique(placements.spacegroup).tolist():
        if gemmi.find_spacegroup_by_name(symbol.decode("ascii", "replace")) is None:
            yield f"the space group {symbol!r}"
