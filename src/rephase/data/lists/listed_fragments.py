"""The fragments that lists of crystals are drawn from: windows of structures, or a file of fragments."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import SPLITS, Fragments, Split, load_fragments
from rephase.data.lists.crystal_lists import CrystalList, FragmentFile, StructureWindows
from rephase.data.selection import select
from rephase.data.sets.atom_arrays import coordinates, pack_atoms
from rephase.data.sets.set_writer import SetPart
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.extraction import Extraction, extract
from rephase.errors import UserError


def read_listed(crystals: CrystalList, files: Sequence[Path]) -> Fragments:
    """Read the fragments of a list, in its order; parameters and errors as in `read_listed_part`."""
    return read_listed_part(crystals, files).fragments


def read_listed_part(crystals: CrystalList, files: Sequence[Path]) -> SetPart:
    """Read the fragments of a list in its order, with their sources and the sequences of their entities.

    Parameters
    ----------
    crystals
        The list.
    files
        Among them the file of fragments that the list names, or the structures of its entries in files named
        by their PDB ids.

    Raises
    ------
    UserError
        When the list is empty, a file or a fragment is missing, or an id is none.
    """
    ids = [entry.id for entry in crystals.entries]
    if not ids:
        raise UserError(f"crystals in the list {crystals.name}", "none", "draw it with --draw")
    names = [parse_fragment_id(one) for one in ids]
    if isinstance(crystals.source, FragmentFile):
        fragments = load_fragments(_file_of_fragments(crystals.source, files), [crystals.split], ids)
        part = SetPart(fragments, source=np.full(len(fragments), crystals.source.file))
    else:
        part = cut_structures(crystals.source, files, {name.entry for name in names}, crystals.split)
    rows = {one: row for row, one in enumerate(part.fragments.ids.tolist())}
    absent = [one for one in ids if one not in rows]
    if absent:
        raise UserError(
            f"the fragments of {crystals.name}",
            f"{len(absent)} are not in these structures, the first: {absent[0]}",
            "give the structures that the list was drawn from",
        )
    return _selected(part, np.array([rows[one] for one in ids], np.int64), {name.chain for name in names})


def check_splits(crystals: CrystalList, splits: Mapping[str, Split]) -> None:
    """Refuse a list with entries of another split than its own, or of none.

    Parameters
    ----------
    crystals
        The list; one from a file of fragments is only read where that file says the same split.
    splits
        By PDB id in capitals; see `rephase.data.structures.split_table.read_split_table`.

    Raises
    ------
    UserError
        Naming an offending entry.
    """
    if isinstance(crystals.source, FragmentFile):
        return
    entries = sorted({parse_fragment_id(entry.id).entry for entry in crystals.entries})
    wrong = [entry for entry in entries if splits.get(entry) != crystals.split]
    if wrong:
        raise UserError(
            f"only {crystals.split} entries in {crystals.name}",
            f"{wrong[0]}, in the table as {splits.get(wrong[0], 'nothing')}",
            "give the table by which the list was drawn",
        )


def cut_structures(
    source: StructureWindows, files: Sequence[Path], entries: Collection[str], split: Split
) -> SetPart:
    """Cut all windows of some entries, at the coordinates that a set would store.

    Parameters
    ----------
    source
        The rules.
    files
        Structures in any order, those of `entries` in files named by their PDB ids; others are not opened.
    entries
        PDB ids in capitals, at least one.
    split
        Of all these entries.

    Returns
    -------
    The fragments, sorted by entry, with their sources and the sequences of their entities.

    Raises
    ------
    UserError
        When an entry has no file, two files, or a file that is broken or of another entry.
    """
    config = BuildConfig(entries=source.entries, chains=source.chains, windows=source.windows)
    cut = [_cut(path, entry, config) for entry, path in _files_of_entries(files, entries)]
    joined = _joined([one.fragments for one in cut])
    stored = replace(joined, split=np.full(len(joined), SPLITS.index(split), np.uint8))
    return SetPart(
        fragments=replace(stored, xyz_cart=coordinates(pack_atoms(stored))) if len(stored) else stored,
        source=np.repeat([one.source for one in cut], [len(one.fragments) for one in cut]),
        sequences={entity.key: entity.sequence for one in cut for entity in one.entities},
    )


def _cut(path: Path, entry: str, config: BuildConfig) -> Extraction:
    extraction = extract(path, config)
    if extraction.entry != entry:
        raise UserError(f"the entry {entry} in {path}", f"{extraction.entry}", "name files by their PDB ids")
    return extraction


def _selected(part: SetPart, rows: NDArray[np.int64], entities: Collection[str]) -> SetPart:
    return SetPart(
        fragments=select(part.fragments, rows),
        source=None if part.source is None else part.source[rows],
        sequences={key: sequence for key, sequence in part.sequences.items() if key in entities},
    )


def _files_of_entries(files: Sequence[Path], entries: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Pair entries with their files, in the order of the ids."""
    of_entry: dict[str, Path] = {}
    for path in files:
        entry = entry_of_name(path.name)
        if entry in entries and of_entry.setdefault(entry, path) != path:
            raise UserError(f"one file of {entry}", f"{of_entry[entry]} and {path}", "give one of them")
    absent = sorted(set(entries) - of_entry.keys())
    if absent:
        raise UserError(
            f"structures of {len(entries)} entries, in files named by PDB id",
            f"{len(absent)} are missing, the first: {absent[0]}",
            f"rephase data fetch {absent[0]}, and give its directory too",
        )
    yield from sorted(of_entry.items())


def entry_of_name(name: str) -> str:
    """Return the PDB id in capitals that a file name such as 1abc.cif.gz or pdb1abc.ent.gz states."""
    stem = name.partition(".")[0].upper()
    return stem.removeprefix("PDB") if len(stem) == len("PDB1ABC") else stem


def names_absent_file(crystals: CrystalList, files: Sequence[Path]) -> bool:
    """Tell whether a list names a file of fragments that is not among `files`."""
    source = crystals.source
    return isinstance(source, FragmentFile) and source.file not in {path.name for path in files}


def _file_of_fragments(source: FragmentFile, files: Sequence[Path]) -> Path:
    path = next((path for path in files if path.name == source.file), None)
    if path is None:
        raise UserError(f"the file of fragments {source.file}", "it was not given", "add its path")
    return path


def _joined(parts: Sequence[Fragments]) -> Fragments:
    """Join fragments end to end; at least one part."""
    counts = [np.diff(part.offset) for part in parts]
    return Fragments(
        ids=np.concatenate([part.ids for part in parts]),
        sequence=np.concatenate([part.sequence for part in parts]),
        resolution=np.concatenate([part.resolution for part in parts]),
        split=np.concatenate([part.split for part in parts]),
        offset=np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        xyz_cart=np.concatenate([part.xyz_cart for part in parts]),
        atom_name=np.concatenate([part.atom_name for part in parts]),
        residue=np.concatenate([part.residue for part in parts]),
    )
