"""Many chains grown at once, residue by residue, without clashes.

A residue that clashes is drawn again; after some tries the chain retreats by a few residues, further every
time. What it keeps is its course, the states of its backbone: else clashes would stretch the chains more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.peptides.clashes import clashing, contacts_of_unit
from rephase.data.peptides.internal_coordinates import place_atoms
from rephase.data.peptides.residue_topology import CA, CB, PRESENT, REFERENCES, SLOTS, C, N, O
from rephase.data.peptides.torsion_draws import (
    DRAWS,
    NO_RESIDUE,
    Conformation,
    Course,
    draw_conformations,
    draw_course,
)
from rephase.data.peptides.torsion_tables import TorsionTables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LANES = 512
"""Chains grown side by side; when one is done the next takes its place."""

TRIES_PER_RESIDUE = 12
DRAWS_PER_RESIDUE = 12
"""Draws after which a chain of n residues, n times as many, is begun again with another course."""

MOST_COURSES = 30

FIRST_N = np.zeros(3)
VIRTUAL_CA_C = np.array([[-1.5, 1.8, 0.0], [-0.6, 0.6, 1.0]])
"""CA and C before the first residue, Å: any place that is not on a line with its N."""


@dataclass(eq=False)
class _Chains:
    """Chains while they grow; `grown` residues of each are there."""

    residue: IntArray
    xyz: FloatArray
    course: Course
    grown: IntArray
    tries: IntArray
    retreats: IntArray
    draws: IntArray
    courses: IntArray


def grow_chains(
    residue: IntArray, generators: Sequence[np.random.Generator], tables: TorsionTables, spread: float
) -> FloatArray:
    """Grow chains of given residues.

    Parameters
    ----------
    residue
        Types, shape ``(n, length)``; shorter chains end with `NO_RESIDUE`.
    generators
        One for each chain: what it becomes depends on its own generator and residues alone.
    tables
        Distributions of the conformations.
    spread
        Scale of the deviations of bond lengths and angles.

    Returns
    -------
    Å, shape ``(n, length, SLOTS, 3)``; NaN where there is no atom, and all NaN for a chain that could not be
    grown along 30 courses.
    """
    n, length = residue.shape
    blank = np.full((n, length), NO_RESIDUE)
    chains = _Chains(
        residue=residue,
        xyz=np.full((n, length, SLOTS, 3), np.nan),
        course=Course(blank, blank == 0),
        **{name: np.zeros(n, np.int64) for name in ("grown", "tries", "retreats", "draws", "courses")},
    )
    lengths = np.sum(residue != NO_RESIDUE, axis=1)
    chains.draws[:] = DRAWS_PER_RESIDUE * lengths  # as if a course had been used up
    while True:
        active = np.flatnonzero((chains.grown < lengths) & (chains.courses <= MOST_COURSES))[:LANES]
        if not len(active):
            break
        used_up = active[chains.draws[active] >= DRAWS_PER_RESIDUE * lengths[active]]
        _begin(chains, used_up, generators, tables)
        # the last number is for a retreat
        uniform = np.stack([generators[i].random(DRAWS + 1) for i in active.tolist()])
        _grow_once(chains, active, uniform, tables, spread)
    chains.xyz[chains.grown < lengths] = np.nan
    return chains.xyz


def _begin(
    chains: _Chains, chain: IntArray, generators: Sequence[np.random.Generator], tables: TorsionTables
) -> None:
    """Begin chains, for the first time or again, with a fresh course."""
    if not len(chain):
        return
    length = chains.residue.shape[1]
    uniform = np.stack([generators[i].random((length, 2)) for i in chain.tolist()])
    course = draw_course(tables, chains.residue[chain], uniform)
    chains.course.state[chain], chains.course.cis[chain] = course.state, course.cis
    chains.xyz[chain] = np.nan
    chains.xyz[chain, 0, N] = FIRST_N
    for count in (chains.grown, chains.tries, chains.retreats, chains.draws):
        count[chain] = 0
    chains.courses[chain] += 1


def _grow_once(
    chains: _Chains, active: IntArray, uniform: FloatArray, tables: TorsionTables, spread: float
) -> None:
    """Try one more residue on each of the active chains, and go back where tries are used up."""
    place = chains.grown[active]
    residue, following = chains.residue[active, place], _following(chains.residue, active, place)
    course = chains.course.at(active, place)
    drawn = draw_conformations(tables, residue, following, course, uniform[:, :DRAWS], spread)
    before = chains.xyz[active, place - 1][:, [CA, C]]
    before[place == 0] = VIRTUAL_CA_C
    unit = place_unit(residue, drawn, before, chains.xyz[active, place, N])
    chains.xyz[active, place, CA:] = unit[:, CA:]
    onward = following != NO_RESIDUE
    chains.xyz[active[onward], place[onward] + 1, N] = unit[onward, N]
    limit = float(tables.closest.max())
    contacts = contacts_of_unit(chains.residue[active], chains.xyz[active], place, limit)
    clash = clashing(contacts, tables.closest, len(active))
    chains.grown[active[~clash]] += 1
    chains.tries[active[~clash]] = 0
    chains.draws[active] += 1
    _turn_back(chains, active[clash], uniform[clash, -1])


def _following(residue: IntArray, chain: IntArray, place: IntArray) -> IntArray:
    last = residue.shape[1] - 1
    return np.asarray(np.where(place < last, residue[chain, np.minimum(place + 1, last)], NO_RESIDUE))


def _turn_back(chains: _Chains, chain: IntArray, uniform: FloatArray) -> None:
    """Take the last unit off, and others before it where the tries are used up."""
    chains.tries[chain] += 1
    stuck = chains.tries[chain] >= TRIES_PER_RESIDUE
    back, fraction = chain[stuck], uniform[stuck]
    chains.retreats[back] += 1
    steps = 1 + (fraction * (2 + chains.retreats[back])).astype(np.int64)
    chains.grown[back] = np.maximum(0, chains.grown[back] - steps)
    chains.tries[back] = 0
    for one in chain.tolist():
        _keep(chains.xyz[one], int(chains.grown[one]))


def _keep(xyz: FloatArray, units: int) -> None:
    """Leave of a chain its first N and some units."""
    xyz[units, CA:] = np.nan
    xyz[units + 1 :] = np.nan


def place_unit(
    residue: IntArray, conformation: Conformation, before: FloatArray, n: FloatArray
) -> FloatArray:
    """Place the atoms of residues, except their N, and the N of the next.

    Parameters
    ----------
    residue
        Types, shape ``(n,)``.
    conformation
        Of these residues.
    before
        CA and C of the residues before, Å, shape ``(n, 2, 3)``.
    n
        N of these residues, Å, shape ``(n, 3)``.

    Returns
    -------
    Å, shape ``(n, SLOTS, 3)``, NaN in unused slots; N is that of the next residue.
    """
    xyz = np.full((len(residue), SLOTS, 3), np.nan)
    xyz[:, N] = n
    length, angle, torsion = np.moveaxis(conformation.geometry, -1, 0)

    def place(slot: int, a: FloatArray, b: FloatArray, c: FloatArray, turn: FloatArray) -> FloatArray:
        return place_atoms(a, b, c, length[:, slot], angle[:, slot], torsion[:, slot] + turn)

    xyz[:, CA] = place(CA, before[:, 0], before[:, 1], n, conformation.omega)
    xyz[:, C] = place(C, before[:, 1], n, xyz[:, CA], conformation.phi)
    xyz[:, O] = place(O, n, xyz[:, CA], xyz[:, C], conformation.psi)
    for slot in range(CB, SLOTS):
        rows = np.flatnonzero(PRESENT[residue, slot])
        a, b, c = (xyz[rows, REFERENCES[residue[rows], slot, k]] for k in range(3))
        xyz[rows, slot] = place_atoms(a, b, c, length[rows, slot], angle[rows, slot], torsion[rows, slot])
    xyz[:, N] = place(N, n, xyz[:, CA], xyz[:, C], conformation.psi)
    return xyz
