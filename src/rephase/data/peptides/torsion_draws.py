"""From uniform random numbers to the conformations of residues."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rephase.data.peptides.backbone import STATES
from rephase.data.peptides.residue_topology import CHI, MOST_CHI, RESIDUES, SLOTS, N
from rephase.data.peptides.torsion_tables import (
    BIN_DEG,
    MEMORY,
    ROTAMER_GROUPS,
    TorsionTables,
    ramachandran_class,
    rotamer_group,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_RESIDUE = -1
"""Residue type beyond the end of a chain."""

_PROLINE = RESIDUES.index("P")
_MOST_DEVIATIONS = 3.0
"""Normal distributions are cut here, so that no bond is absurd."""

_BACKBONE_DRAWS = 4  # bin, place in it (2), ω
_CHI_DRAWS = 1 + MOST_CHI
_GEOMETRY_DRAWS = 3 * SLOTS
DRAWS = _BACKBONE_DRAWS + _CHI_DRAWS + _GEOMETRY_DRAWS
"""Uniform numbers that the conformation of a residue takes, whatever the residue is."""


@dataclass(frozen=True, eq=False)
class Conformation:
    """Conformations of n residues; angles in degrees.

    Attributes
    ----------
    phi, psi, omega
        Shape ``(n,)``; ω is that of the bond before the residue.
    geometry
        Bond length (Å), bond angle and torsion of each atom, shape ``(n, SLOTS, 3)``. The torsions of side
        chains are whole; those of CA, C and O lack ω, φ and ψ. N is that of the next residue, and lacks ψ.
    """

    phi: FloatArray
    psi: FloatArray
    omega: FloatArray
    geometry: FloatArray

    def row(self, i: int) -> "Conformation":
        """Return one residue, with arrays of length one."""
        one = slice(i, i + 1)
        return Conformation(self.phi[one], self.psi[one], self.omega[one], self.geometry[one])


@dataclass(frozen=True, eq=False)
class Course:
    """The coarse course of n chains, which clashes do not change; shapes ``(n, length)``.

    Attributes
    ----------
    state
        Index into `rephase.data.peptides.backbone.STATES`.
    cis
        Whether the bond before a residue is cis.
    """

    state: IntArray
    cis: NDArray[np.bool_]

    def at(self, chain: IntArray, place: IntArray) -> "Course":
        """Return the course of one residue of some chains, arrays of shape ``(n,)``."""
        return Course(self.state[chain, place], self.cis[chain, place])


def draw_course(tables: TorsionTables, residue: IntArray, uniform: FloatArray) -> Course:
    """Draw states, each given the one before it, and cis bonds.

    Parameters
    ----------
    tables
        What to draw from.
    residue
        Types, shape ``(n, length)``; shorter chains end with `NO_RESIDUE`.
    uniform
        Numbers in [0, 1), shape ``(n, length, 2)``.
    """
    following = np.concatenate([residue[:, 1:], np.full((len(residue), 1), NO_RESIDUE)], axis=1)
    kind = (following == _PROLINE) * len(RESIDUES) + np.maximum(residue, 0)
    none = len(STATES)
    state = np.full((len(residue), MEMORY + residue.shape[1]), none)
    for i in range(residue.shape[1]):
        row = kind[:, i]
        for back in range(MEMORY):
            row = row * (none + 1) + state[:, i + back]
        state[:, MEMORY + i] = tables.states.draw(row, uniform[:, i, 0]) % len(STATES)
    return Course(
        state[:, MEMORY:], uniform[..., 1] < tables.omega[(residue == _PROLINE).astype(np.int64), 0]
    )


def draw_conformations(
    tables: TorsionTables,
    residue: IntArray,
    following: IntArray,
    course: Course,
    uniform: FloatArray,
    spread: float,
) -> Conformation:
    """Draw conformations of residues that keep to the course of their chains.

    Parameters
    ----------
    tables
        What to draw from.
    residue, following
        Types, and those of the next residues or `NO_RESIDUE`, shape ``(n,)``.
    course
        Of these residues, arrays of shape ``(n,)``.
    uniform
        Numbers in [0, 1), shape ``(n, DRAWS)``.
    spread
        Scale of the deviations of bond lengths and angles; 0 for ideal ones, 1 for those of real structures.
    """
    backbone, side_chain, bonds = np.split(uniform, [_BACKBONE_DRAWS, _BACKBONE_DRAWS + _CHI_DRAWS], axis=1)
    proline = (residue == _PROLINE).astype(np.int64)
    _, trans, trans_spread, cis_mean, cis_spread = tables.omega[proline].T
    deviation = _normal(backbone[:, 3])
    omega = np.where(course.cis, cis_mean + cis_spread * deviation, trans + trans_spread * deviation)
    kind = ramachandran_class(residue, following == _PROLINE, course.cis)
    found = tables.bins.draw(kind * len(STATES) + course.state, backbone[:, 0])
    phi, psi = (tables.bin_corner[found] + BIN_DEG * backbone[:, 1:3]).T
    rotamer = tables.rotamers.draw(
        residue * len(ROTAMER_GROUPS) + rotamer_group(course.state), side_chain[:, 0]
    )
    chi = tables.chi[rotamer] + tables.chi_spread[rotamer] * _normal(side_chain[:, 1:])
    deviations = spread * _normal(bonds).reshape(-1, SLOTS, 3)
    geometry = _of_units(tables.geometry, residue, following)
    geometry += _of_units(tables.geometry_spread, residue, following) * deviations
    return Conformation(phi, psi, omega, _with_chi(geometry, residue, chi))


def _of_units(table: FloatArray, residue: IntArray, following: IntArray) -> FloatArray:
    """Return the rows of residues, with those of the next residues for N, shape ``(n, SLOTS, 3)``."""
    rows = table[residue]
    rows[:, N] = table[np.maximum(following, 0), N]
    return rows


def ideal_conformations(
    tables: TorsionTables, residue: IntArray, following: IntArray, phi: FloatArray, psi: FloatArray
) -> Conformation:
    """Return residues with these φ and ψ, shape ``(n,)``, trans, in their most common rotamers."""
    first = len(ROTAMER_GROUPS) * residue
    common = np.array([_most_common(tables, int(one)) for one in first])
    geometry = _of_units(tables.geometry, residue, following)
    geometry = _with_chi(geometry, residue, tables.chi[common])
    return Conformation(phi, psi, np.full(len(residue), 180.0), geometry)


def _with_chi(geometry: FloatArray, residue: IntArray, chi: FloatArray) -> FloatArray:
    """Add χ, shape ``(n, MOST_CHI)``, to the torsions of the atoms that it turns."""
    none_first = np.concatenate([np.zeros((len(chi), 1)), chi], axis=1)
    turned = geometry.copy()
    turned[..., 2] += np.take_along_axis(none_first, CHI[residue], axis=1)
    return turned


def _most_common(tables: TorsionTables, row: int) -> int:
    """Return the rotamer with the largest weight of one list."""
    start, stop = np.searchsorted(tables.rotamers.cumulative, [row, row + 1], side="right")
    sums = np.concatenate([[float(row)], tables.rotamers.cumulative[start:stop]])
    return int(start + np.argmax(np.diff(sums)))


def _normal(uniform: FloatArray) -> FloatArray:
    """Turn uniform into normal numbers, cut at three deviations."""
    tail = float(ndtr(-_MOST_DEVIATIONS))
    return np.asarray(ndtri(tail + (1.0 - 2.0 * tail) * uniform))
