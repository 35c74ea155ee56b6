"""Symmetry of the 65 chiral space groups: asymmetric unit ↔ P1, absences, centric phases.

Everything follows from one line of ``docs/conventions.md``: for the operator x' = Rx + t,
F(h) = F(Rᵀh) exp(2πi h·t).
"""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]

Symmetry = gemmi.SpaceGroup | gemmi.GroupOps
"""A space group, or the bare operators of one in a setting that has no symbol (a primitive cell)."""

_DEN = gemmi.Op.DEN  # gemmi keeps rotations and translations as integers in 24ths


@dataclass(frozen=True, eq=False)
class P1Expansion:
    """How each reflection of the P1 hemisphere follows from a reflection of the asymmetric unit.

    Attributes
    ----------
    hkl
        Miller indices, shape ``(m, 3)``, int32: each Friedel pair once, with l > 0, or l = 0 and k > 0,
        or k = l = 0 and h > 0; sorted by (h, k, l).
    asu_index
        Row of the input each came from, shape ``(m,)``.
    shift
        Phase shift in radians, shape ``(m,)``, in [0, 2π).
    conjugate
        True where the phase of the asymmetric unit changes sign, shape ``(m,)``.
    """

    hkl: IndexArray
    asu_index: NDArray[np.intp]
    shift: FloatArray
    conjugate: BoolArray

    def __len__(self) -> int:
        return len(self.hkl)

    def select(self, rows: NDArray[np.intp]) -> "P1Expansion":
        """Return some rows, in order."""
        return P1Expansion(self.hkl[rows], self.asu_index[rows], self.shift[rows], self.conjugate[rows])

    def phases(self, phi_asu: FloatArray) -> FloatArray:
        """Carry phases from the asymmetric unit to P1.

        Parameters
        ----------
        phi_asu
            Phases in radians, shape ``(..., n)``.

        Returns
        -------
        Phases in radians, shape ``(..., m)``: ±φ[asu_index] + shift.
        """
        sign = np.where(self.conjugate, -1.0, 1.0)
        return np.asarray(sign * phi_asu[..., self.asu_index] + self.shift)

    def phases_to_asu(self, phi_p1: FloatArray) -> FloatArray:
        """Carry P1 phases back: what each P1 reflection says about its own row of the asymmetric unit.

        Parameters
        ----------
        phi_p1
            Phases in radians, shape ``(..., m)``.

        Returns
        -------
        Phases in radians, shape ``(..., m)``; rows with the same `asu_index` are to be averaged as vectors.
        """
        sign = np.where(self.conjugate, -1.0, 1.0)
        return np.asarray(sign * (phi_p1 - self.shift))


def require_chiral(spacegroup: gemmi.SpaceGroup | None) -> gemmi.SpaceGroup:
    """Return the space group if it is one of the 65 that chiral molecules can have.

    Raises
    ------
    UserError
        If there is none, or it holds a mirror, a glide or an inversion.
    """
    wanted = "one of the 65 space groups of chiral molecules"
    if spacegroup is None:
        raise UserError(wanted, "no space group in the file", "write the space group into the file's header")
    if not spacegroup.is_sohncke():
        raise UserError(
            wanted,
            f"{spacegroup.xhm()} (number {spacegroup.number}), which inverts or mirrors molecules",
            "check the space group in the file's header, or phase in P1 with --in-p1",
        )
    return spacegroup


def chiral_spacegroups() -> list[gemmi.SpaceGroup]:
    """All tabulated settings of the 65 chiral space groups."""
    return [group for group in gemmi.spacegroup_table() if group.is_sohncke()]


def expand_to_p1(hkl: IndexArray, spacegroup: Symmetry) -> P1Expansion:
    """Expand unique reflections to the P1 hemisphere of the same cell.

    Systematic absences and 000 are left out. Input rows may lie in any asymmetric unit; where rows are
    equivalent (duplicates, Friedel mates) the first one speaks for all.

    Parameters
    ----------
    hkl
        Miller indices, shape ``(n, 3)``.
    spacegroup
        Space group, or operators (see `rephase.crystal.primitive`).

    Returns
    -------
    The expansion, with phases φ_P1 = ±φ[asu_index] + shift.
    """
    ops = _operations(spacegroup)
    hkl = np.asarray(hkl, dtype=np.int32).reshape(-1, 3)
    rows = np.flatnonzero(~systematic_absences(hkl, ops) & hkl.any(axis=1))
    rotations, translations = _integer_operators(ops)
    kept = hkl[rows].astype(np.int64)
    # F(h) = F(Rᵀh) exp(2πi h·t)  ⇒  φ(Rᵀh) = φ(h) − 2π h·t
    mates = np.einsum("oij,ni->noj", rotations, kept) // _DEN
    turns = -(kept @ translations.T) % _DEN
    everything = P1Expansion(
        hkl=mates.reshape(-1, 3).astype(np.int32),
        asu_index=np.repeat(rows, len(rotations)),
        shift=np.asarray(turns.reshape(-1) * (2.0 * np.pi / _DEN), dtype=np.float64),
        conjugate=np.zeros(mates.shape[0] * mates.shape[1], dtype=bool),
    )
    return _unique(in_hemisphere(everything))


def systematic_absences(hkl: IndexArray, spacegroup: Symmetry) -> BoolArray:
    """Mark reflections that screw axes or lattice centring forbid, shape ``(n,)``."""
    return np.asarray(_operations(spacegroup).systematic_absences(hkl), dtype=bool)


def map_to_asu(hkl: IndexArray, spacegroup: gemmi.SpaceGroup) -> IndexArray:
    """Return the equivalent indices in the CCP4 asymmetric unit (Friedel mates too), shape ``(n, 3)``."""
    rows = np.arange(len(hkl), dtype=np.int32)
    unit = gemmi.UnitCell(10.0, 10.0, 10.0, 90.0, 90.0, 90.0)  # indices alone decide
    data = gemmi.IntAsuData(unit, spacegroup, np.ascontiguousarray(hkl, dtype=np.int32), rows)
    data.ensure_asu()
    return np.asarray(data.miller_array, dtype=np.int32)[np.argsort(data.value_array)]


def find_equivalents(wanted: IndexArray, hkl: IndexArray, spacegroup: Symmetry) -> P1Expansion:
    """Relate arbitrary indices to rows of a unique set.

    Parameters
    ----------
    wanted
        Miller indices anywhere in reciprocal space, shape ``(m, 3)``.
    hkl
        Unique reflections, shape ``(n, 3)``.
    spacegroup
        Space group, or operators.

    Returns
    -------
    An expansion whose `hkl` is `wanted`; `asu_index` is −1 where no row of `hkl` is equivalent.
    """
    known = expand_to_p1(hkl, spacegroup)
    wanted = np.asarray(wanted, dtype=np.int32).reshape(-1, 3)
    h, k, ell = wanted.T
    below = (ell < 0) | ((ell == 0) & (k < 0)) | ((ell == 0) & (k == 0) & (h < 0))
    upper = np.where(below[:, None], -wanted, wanted)
    _, code = np.unique(np.concatenate([known.hkl, upper]), axis=0, return_inverse=True)
    place = np.full(code.max(initial=-1) + 1, -1)
    place[code[: len(known)]] = np.arange(len(known))
    found = place[code[len(known) :]]  # −1, the row appended below, where there is none
    shift = np.append(known.shift, 0.0)[found]
    return P1Expansion(
        hkl=wanted,
        asu_index=np.append(known.asu_index, -1)[found],
        shift=np.where(below, -shift, shift) % (2.0 * np.pi),
        conjugate=np.append(known.conjugate, False)[found] ^ below,
    )


def centric_phase(hkl: IndexArray, spacegroup: Symmetry) -> FloatArray:
    """Find the allowed phase of each centric reflection, modulo π.

    An operator with Rᵀh = −h makes F(h) = F(h)* exp(2πi h·t), so φ = π h·t (mod π).

    Parameters
    ----------
    hkl
        Miller indices, shape ``(n, 3)``.
    spacegroup
        Space group, or operators.

    Returns
    -------
    Phases in [0, π), radians, shape ``(n,)``; NaN for acentric reflections.
    """
    rows = np.asarray(hkl, dtype=np.int64).reshape(-1, 3)
    rotations, translations = _integer_operators(_operations(spacegroup))
    phase = np.full(len(rows), np.nan)
    for rotation, translation in zip(rotations, translations, strict=True):
        opposite = np.all(rows @ rotation == -_DEN * rows, axis=1)
        turns = (rows[opposite] @ translation) % _DEN
        phase[opposite] = turns * (np.pi / _DEN)
    return phase


def _operations(spacegroup: Symmetry) -> gemmi.GroupOps:
    return spacegroup.operations() if isinstance(spacegroup, gemmi.SpaceGroup) else spacegroup


def _integer_operators(ops: gemmi.GroupOps) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rotations ``(o, 3, 3)`` and translations ``(o, 3)`` in 24ths, lattice centring not included."""
    rotations = np.array([op.rot for op in ops.sym_ops], dtype=np.int64)
    translations = np.array([op.tran for op in ops.sym_ops], dtype=np.int64)
    return rotations, translations


def in_hemisphere(expansion: P1Expansion) -> P1Expansion:
    """Replace reflections of the lower hemisphere (see `P1Expansion.hkl`) by their Friedel mates."""
    h, k, ell = expansion.hkl.T
    below = (ell < 0) | ((ell == 0) & (k < 0)) | ((ell == 0) & (k == 0) & (h < 0))
    return replace(
        expansion,
        hkl=np.where(below[:, None], -expansion.hkl, expansion.hkl).astype(np.int32),
        shift=np.where(below, -expansion.shift, expansion.shift) % (2.0 * np.pi),
        conjugate=expansion.conjugate ^ below,
    )


def _unique(expansion: P1Expansion) -> P1Expansion:
    """One row per reflection: the one from the first row of the input, then from the first operator."""
    _, first = np.unique(expansion.hkl, axis=0, return_index=True)
    return P1Expansion(
        hkl=expansion.hkl[first],
        asu_index=expansion.asu_index[first],
        shift=expansion.shift[first],
        conjugate=expansion.conjugate[first],
    )
