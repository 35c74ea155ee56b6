"""Crystals for the fit of the probability that an answer is right: peptides and proteins of the val split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from basin_crystals import Setting, crystal_at, listed_molecules, longer_molecules, one_of_each_entry
from model_crystals import SHARED, entries, read_crystal
from modify import simulated as measured_protein
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.lists.crystal_lists import CrystalList, read_list
from rephase.data.lists.listed_crystals import crystals_of
from rephase.data.lists.listed_fragments import read_listed
from rephase.phasing.prepare import PreparedData
from simulated import NOISELESS, simulated

FloatArray = NDArray[np.float64]

LISTS = ("dev-p15-tight", "dev-p15-var", "dev-p15-p21", "dev-dipeptide-12")
LONG, LONG_RESIDUES = "dev-p15-var, 30 residues", 30
PROTEINS, SMALL = "proteins", (40, 100)
"""Name of the whole entries, and their residues."""

COARSEST, FINEST = 2.0, 1.9  # Å, of the deposited data and of those that are calculated
NOISY = 2.5  # ⟨I/σ⟩ at the edge of every other peptide


@dataclass(frozen=True, eq=False)
class Answerable:
    """Data of one crystal and its true phases in radians, shape ``(n,)``."""

    prepared: PreparedData
    true_phi: FloatArray


@dataclass(frozen=True, eq=False)
class Subject:
    """A crystal that can be made: its set, id and PDB entry, and a seed."""

    kind: str
    id: str
    entry: str
    seed: int
    make: Callable[[], Answerable]


def subjects() -> dict[str, list[Subject]]:
    """List the crystals of each kind, one of each PDB entry, every entry of fragments in one kind only."""
    lists = {name: read_list(Path(__file__).parent / "sets" / f"{name}.json") for name in LISTS}
    kinds = (*LISTS, LONG)
    codes = sorted({parse_fragment_id(one.id).entry for found in lists.values() for one in found.entries})
    shares = {kind: set(codes[place :: len(kinds)]) for place, kind in enumerate(kinds)}
    chosen = {name: list(_listed(name, lists[name], shares[name])) for name in LISTS}
    chosen[LONG] = list(_longer(lists["dev-p15-var"], shares[LONG]))
    return chosen | {PROTEINS: list(_proteins())}


def _listed(name: str, crystals: CrystalList, share: set[str]) -> Iterator[Subject]:
    """Take the first crystal of each entry of a list."""
    first = {parse_fragment_id(one.id).entry: one for one in reversed(crystals.entries)}
    taken = crystals.model_copy(
        update={"entries": tuple(one for code, one in sorted(first.items()) if code in share)}
    )
    made = crystals_of(taken, read_listed(taken, _files()))
    for number, (entry, crystal) in enumerate(zip(taken.entries, made, strict=True)):
        signal = _signal(number)

        def make(crystal=crystal, seed=entry.seed, signal=signal) -> Answerable:
            one = simulated(crystal.id, crystal.sequence, crystal.model, crystal.d_min, seed, signal=signal)
            return Answerable(one.prepared, one.true_phi)

        yield Subject(name, entry.id, parse_fragment_id(entry.id).entry, entry.seed, make)


def _longer(crystals: CrystalList, share: set[str]) -> Iterator[Subject]:
    """Cut longer windows out of the entries of a list."""
    listed = [one for one in one_of_each_entry(listed_molecules(crystals, _files())) if one.entry in share]
    molecules = longer_molecules(listed, crystals, _files(), LONG_RESIDUES)
    for number, molecule in enumerate(molecules):
        setting = Setting(residues=LONG_RESIDUES, signal=_signal(number))

        def make(setting=setting, molecule=molecule) -> Answerable:
            one = crystal_at(setting, molecule, crystals.crystal)
            return Answerable(one.prepared, one.true_phi)

        yield Subject(LONG, molecule.id, molecule.entry, molecule.seed, make)


def _proteins() -> Iterator[Subject]:
    """Take small entries as they were deposited, with bulk solvent, noise and gaps, by volume of the cell."""
    found = [read_crystal(code, path) for code, path in entries("val", COARSEST, SMALL)]
    usable = sorted((one for one in found if one is not None), key=lambda one: one.cell.volume)
    for seed, crystal in enumerate(usable):

        def make(crystal=crystal, seed=seed) -> Answerable:
            prepared, true_phi, _ = measured_protein(crystal, FINEST, seed)
            return Answerable(prepared, true_phi)

        yield Subject(PROTEINS, crystal.code, crystal.code.upper(), seed, make)


def _signal(number: int) -> float:
    return NOISY if number % 2 else NOISELESS


def _files() -> list[Path]:
    return [SHARED / "fragments15.npz", *sorted((SHARED / "structures").iterdir())]
