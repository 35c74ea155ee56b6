"""One conformation of every residue, where the model has alternates."""

from collections import defaultdict
from itertools import groupby

import gemmi

_BLANK = "\0"

Conformer = tuple[str, list[gemmi.Atom]]
"""Name of a residue and its heavy atoms."""


def conformers(residues: gemmi.ResidueSpan) -> list[Conformer]:
    """Return the most occupied conformation of a chain.

    Neighbouring residues with alternates move together, so one label is chosen for each run of them: the one
    with the highest occupancy, summed over the run; the first in the alphabet of equal ones. Where an atom
    lacks that label, its own best alternate stands in.

    Returns
    -------
    One conformer for each place of the chain, in order.
    """
    places = [list(same) for _, same in groupby(residues, key=lambda residue: str(residue.seqid))]
    chosen: list[Conformer] = []
    for has_alternates, run in groupby(places, key=_has_alternates):
        members = list(run)
        label = _best_label(members) if has_alternates else _BLANK
        chosen += [_conformer(place, label) for place in members]
    return chosen


def has_alternates(atoms: list[gemmi.Atom]) -> bool:
    """Tell whether atoms are one of several alternates."""
    return any(atom.altloc != _BLANK for atom in atoms)


def _has_alternates(place: list[gemmi.Residue]) -> bool:
    return len(place) > 1 or any(has_alternates(list(residue)) for residue in place)


def _best_label(places: list[list[gemmi.Residue]]) -> str:
    total: defaultdict[str, float] = defaultdict(float)
    for place in places:
        for label, occupancy in _occupancies(place).items():
            total[label] += occupancy
    return min(total, key=lambda label: (-round(total[label], 3), label), default=_BLANK)


def _occupancies(place: list[gemmi.Residue]) -> dict[str, float]:
    """Return the mean occupancy of each alternate of one place."""
    by_label: defaultdict[str, list[float]] = defaultdict(list)
    for residue in place:
        for atom in residue:
            if atom.altloc != _BLANK:
                by_label[atom.altloc].append(atom.occ)
    return {label: sum(values) / len(values) for label, values in by_label.items()}


def _conformer(place: list[gemmi.Residue], label: str) -> Conformer:
    """Return the residue that has atoms of `label`, else the most occupied, and one atom of each name."""
    residue = max(place, key=lambda one: (any(a.altloc == label for a in one), max(a.occ for a in one)))
    best: dict[str, gemmi.Atom] = {}
    for atom in residue:
        if not atom.is_hydrogen():
            rival = best.get(atom.name)
            if rival is None or _preference(atom, label) > _preference(rival, label):
                best[atom.name] = atom
    return residue.name, list(best.values())


def _preference(atom: gemmi.Atom, label: str) -> tuple[bool, float]:
    return atom.altloc == label, atom.occ
