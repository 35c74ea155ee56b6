"""From the file of an entry to its fragments, counting what every rule left out."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rephase.data.fragment_ids import FragmentId, entity_key
from rephase.data.fragments import UNASSIGNED, Fragments
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.cleaning import clean_residues
from rephase.data.structures.entry_chains import protein_chains
from rephase.data.structures.entry_rules import entry_rejection
from rephase.data.structures.windows import Window, cut_windows, window_atoms
from rephase.io.structure_file import read_structure_file

NamedWindow = tuple[FragmentId, Window]


@dataclass(frozen=True)
class Entity:
    """A protein that gave fragments.

    Attributes
    ----------
    entry, entity
        PDB id and number of the molecule.
    sequence
        One-letter codes of all its residues, modelled or not.
    resolution
        Of the entry in Å; NaN where unknown.
    fragments
        How many fragments it gave.
    """

    entry: str
    entity: str
    sequence: str
    resolution: float
    fragments: int

    @property
    def key(self) -> str:
        """Entry and entity, such as ``4AZ3_1``."""
        return entity_key(self.entry, self.entity)


@dataclass(frozen=True, eq=False)
class Extraction:
    """What one file gave.

    Attributes
    ----------
    source
        Name of the file, without its folder.
    entry
        PDB id.
    fragments
        Windows in the order of the file, splits `UNASSIGNED`.
    entities
        Proteins with at least one fragment.
    rejected
        Of ``entries``, ``chains`` and ``windows``: how many broke which rule first.
    """

    source: str
    entry: str
    fragments: Fragments
    entities: tuple[Entity, ...]
    rejected: dict[str, dict[str, int]]


def extract(path: Path | str, config: BuildConfig) -> Extraction:
    """Cut the fragments of one file; the same file and settings give the same result anywhere.

    Raises
    ------
    UserError
        When the file is broken, foreign or holds no atoms.
    """
    path = Path(path)
    file = read_structure_file(path)
    reason = entry_rejection(file, config.entries)
    if reason is not None:
        return Extraction(path.name, file.id, _joined([], config, np.nan), (), _counts(entries={reason: 1}))
    chains, chains_rejected = protein_chains(file, config.chains)
    windows: list[NamedWindow] = []
    rejected: Counter[str] = Counter()
    for chain in chains:
        good, broken = cut_windows(clean_residues(chain.residues, config.chains), config.windows)
        windows += [(FragmentId(file.id, chain.entity, window.start), window) for window in good]
        rejected += broken
    drawn = _draw(windows, config, file.id)
    rejected["not drawn"] += len(windows) - len(drawn)
    resolution = np.nan if file.resolution is None else file.resolution
    per_entity = Counter(name.entity for name, _ in drawn)
    return Extraction(
        source=path.name,
        entry=file.id,
        fragments=_joined(drawn, config, resolution),
        entities=tuple(
            Entity(file.id, chain.entity, chain.sequence, resolution, per_entity[chain.entity])
            for chain in chains
            if per_entity[chain.entity]
        ),
        rejected=_counts(
            entries={} if drawn else {"no window": 1} if chains else {"no chain": 1},
            chains=chains_rejected,
            windows=rejected,
        ),
    )


def _counts(**levels: dict[str, int]) -> dict[str, dict[str, int]]:
    return {
        level: {rule: n for rule, n in sorted(levels.get(level, {}).items()) if n}
        for level in ("entries", "chains", "windows")
    }


def _draw(windows: list[NamedWindow], config: BuildConfig, entry: str) -> list[NamedWindow]:
    """Draw as many windows as an entry may give, seeded by the entry so that no other file matters."""
    most = config.windows.per_entry
    if most is None or len(windows) <= most:
        return windows
    of_entry = int.from_bytes(hashlib.sha256(entry.encode()).digest()[:8], "little")
    rng = np.random.default_rng([config.seed, of_entry])
    return [windows[i] for i in np.sort(rng.choice(len(windows), most, replace=False))]


def _joined(windows: list[NamedWindow], config: BuildConfig, resolution: float) -> Fragments:
    parts = [window_atoms(window.residues, config.windows.alanine) for _, window in windows]
    return Fragments(
        ids=np.array([str(name) for name, _ in windows], dtype=np.str_),
        sequence=np.array([sequence for sequence, _, _, _ in parts], dtype=np.str_),
        resolution=np.full(len(windows), resolution, np.float32),
        split=np.full(len(windows), UNASSIGNED, np.uint8),
        offset=np.cumsum([0, *(len(xyz) for _, xyz, _, _ in parts)], dtype=np.int64),
        xyz_cart=np.concatenate([np.empty((0, 3)), *(xyz for _, xyz, _, _ in parts)]).astype(np.float32),
        atom_name=np.concatenate([np.empty(0, "U3"), *(names for _, _, names, _ in parts)]),
        residue=np.concatenate([np.empty(0, np.int16), *(numbers for _, _, _, numbers in parts)]),
    )
