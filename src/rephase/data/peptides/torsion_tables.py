"""The tables that random peptides are drawn from.

They are statistics of fragments of PDB entries at 1.8 Å or better, the training split of the 15-residue set,
made by benchmarks/torsions.py: frequencies, means and spreads, from which no entry's coordinates can be had.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rephase.data.peptides.backbone import STATES
from rephase.data.peptides.clashes import BONDS_BETWEEN, KINDS
from rephase.data.peptides.residue_topology import ATOM_NAMES, CHI_COUNT, MOST_CHI, RESIDUES, SLOTS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BIN_DEG = 5.0
"""Width of the bins of φ and ψ."""

MEMORY = 3
"""Residues before one that its state depends on: enough for turns, and for helices of a natural length."""

CLASSES = ("general", "glycine", "proline", "cis-proline", "before-proline", "isoleucine-valine")
"""Residues with a Ramachandran plot of their own (Lovell et al. 2003, Proteins 50, 437; Read et al. 2011)."""

ROTAMER_GROUPS = ("helix", "strand", "other")
"""Backbones with rotamer frequencies of their own."""

_GROUP_OF_STATE = np.array([{"helix": 0, "beta": 1, "polyproline": 1}.get(state, 2) for state in STATES])


def ramachandran_class(
    residue: IntArray, before_proline: NDArray[np.bool_], cis: NDArray[np.bool_]
) -> IntArray:
    """Return the index into `CLASSES` of residues given by their types; any shape."""
    proline = residue == RESIDUES.index("P")
    choices = {
        "glycine": residue == RESIDUES.index("G"),
        "cis-proline": proline & cis,
        "proline": proline,
        "before-proline": before_proline,
        "isoleucine-valine": np.isin(residue, [RESIDUES.index("I"), RESIDUES.index("V")]),
    }
    return np.select(list(choices.values()), [CLASSES.index(name) for name in choices], 0)


def rotamer_group(state: IntArray) -> IntArray:
    """Return the index into `ROTAMER_GROUPS` of states of the backbone; any shape."""
    return np.asarray(_GROUP_OF_STATE[state])


_PSEUDO_COUNT = 2.0  # for rows of states that were hardly seen


@dataclass(frozen=True, eq=False)
class Lottery:
    """Several lists of weights, to draw from by uniform numbers.

    Attributes
    ----------
    cumulative
        All lists end to end: number of the list plus the running sum of its weights, which sum to 1.
    """

    cumulative: FloatArray

    def draw(self, which: IntArray, uniform: FloatArray) -> IntArray:
        """Draw from list `which` with numbers in [0, 1), same shape; return places among all lists."""
        below = np.minimum(uniform, 1.0 - 1e-9)  # the sum of number and fraction must not round up
        return np.searchsorted(self.cumulative, which + below, side="right")


def _lottery(weights: Iterable[FloatArray]) -> Lottery:
    sums = [np.cumsum(one) for one in weights]
    return Lottery(np.concatenate([number + one / one[-1] for number, one in enumerate(sums)]))


@dataclass(frozen=True, eq=False)
class TorsionTables:
    """Distributions of the conformations of residues.

    Attributes
    ----------
    composition
        Frequencies of the residue types, shape ``(20,)``.
    omega
        For any residue and for proline: fraction of cis, mean and spread in degrees of trans and of cis,
        shape ``(2, 5)``.
    states
        Odds of the states of a residue: list ``512 (20 p + residue) + 64 u + 8 v + w``, p = 1 before a
        proline, u, v, w the states of the three residues before, the nearest last, 7 for none.
    bins
        Odds of bins of φ and ψ: list ``7 class + state``.
    bin_corner
        φ and ψ in degrees where each bin begins, shape ``(bins, 2)``.
    rotamers
        Odds of rotamers: list ``3 residue + group``.
    chi, chi_spread
        Means and standard deviations in degrees of each rotamer, shape ``(rotamers, MOST_CHI)``.
    geometry, geometry_spread
        Bond length in Å, bond angle and torsion in degrees of each atom, torsion without the φ, ψ, ω or χ in
        it, shape ``(20, SLOTS, 3)``.
    closest
        Least distances in Å, shape ``(bonds, kinds, kinds)``.
    """

    composition: FloatArray
    omega: FloatArray
    states: Lottery
    bins: Lottery
    bin_corner: FloatArray
    rotamers: Lottery
    chi: FloatArray
    chi_spread: FloatArray
    geometry: FloatArray
    geometry_spread: FloatArray
    closest: FloatArray


@cache
def torsion_tables() -> TorsionTables:
    """Read the tables of the package, once."""
    raw = json.loads((files("rephase.data.peptides") / "torsion_tables.json").read_text(encoding="utf-8"))
    composition = np.array(raw["composition"])
    return TorsionTables(
        composition=composition / composition.sum(),
        omega=np.array([raw["omega"]["other"], raw["omega"]["proline"]]),
        states=_states(np.array(raw["states"]), np.array(raw["rows"])),
        **_ramachandran(raw["ramachandran"]),
        **_rotamers(raw["rotamers"]),
        **_geometry(raw["geometry"]),
        closest=_closest(raw["closest"]),
    )


def _states(odds: FloatArray, rows: IntArray) -> Lottery:
    """Join the odds of states by kind of residue, ``(40, states)``, and counts of such rows of states.

    What the states before say and what the residue says are taken as independent: their odds multiply.
    """
    states = len(STATES)
    count = rows.reshape((states,) * (MEMORY + 1)).astype(np.float64)
    usual = count.sum(axis=tuple(range(MEMORY))) / count.sum()
    after = np.tile(usual, (*(states + 1,) * MEMORY, 1))  # rows with gaps are never asked for
    for known in range(MEMORY, -1, -1):  # less is known at the start of a chain
        of_known = count.sum(axis=tuple(range(MEMORY - known))) + _PSEUDO_COUNT * usual
        known_rows: list[slice | int] = [states] * (MEMORY - known) + [slice(states)] * known
        after[tuple(known_rows)] = of_known / of_known.sum(axis=-1, keepdims=True)
    product = (odds / usual)[:, None] * after.reshape(1, -1, states)
    return _lottery(product.reshape(-1, states))


def _ramachandran(raw: dict[str, Any]) -> dict[str, Any]:
    tables = [table for name in CLASSES for table in raw[name]]
    bins = np.concatenate([table["bin"] for table in tables])
    row, column = np.divmod(bins, int(360 / BIN_DEG))
    return {
        "bins": _lottery(np.array(table["weight"], np.float64) for table in tables),
        "bin_corner": np.stack([row, column], axis=-1) * BIN_DEG - 180.0,
    }


def _rotamers(raw: dict[str, Any]) -> dict[str, Any]:
    """Rotamers of a residue are listed once for each group; a residue without χ has one without angles."""
    none: dict[str, list[list[float]]] = {
        "chi": [[]],
        "spread": [[]],
        "weight": [[1.0] * len(ROTAMER_GROUPS)],
    }
    tables = [raw[letter] if CHI_COUNT[i] else none for i, letter in enumerate(RESIDUES)]
    every_group = range(len(ROTAMER_GROUPS))
    return {
        "rotamers": _lottery(
            np.array(table["weight"])[:, group] for table in tables for group in every_group
        ),
        "chi": _padded([row for table in tables for _ in every_group for row in table["chi"]]),
        "chi_spread": _padded([row for table in tables for _ in every_group for row in table["spread"]]),
    }


def _padded(rows: list[list[float]]) -> FloatArray:
    return np.array([row + [0.0] * (MOST_CHI - len(row)) for row in rows])


def _geometry(raw: dict[str, Any]) -> dict[str, Any]:
    values = np.zeros((len(RESIDUES), SLOTS, 6))
    for i, letter in enumerate(RESIDUES):
        for name, row in raw[letter].items():
            values[i, ATOM_NAMES[i].tolist().index(name)] = row
    return {"geometry": values[..., 0::2], "geometry_spread": values[..., 1::2]}


def _closest(raw: dict[str, Any]) -> FloatArray:
    return np.array(
        [
            [[raw[str(bonds)]["-".join(sorted((a, b)))] for b in KINDS] for a in KINDS]
            for bonds in BONDS_BETWEEN
        ]
    )
