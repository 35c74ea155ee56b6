"""Find the origin of the space group in phases found without it, and average over the operators."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.symmetry import P1Expansion, Symmetry, centric_phase, find_equivalents
from rephase.evaluate.alignment import highest_origin
from rephase.evaluate.origins import OriginShifts

FloatArray = NDArray[np.float64]

_ANYWHERE = OriginShifts(discrete=np.zeros((1, 3)), free=np.eye(3))


@dataclass(frozen=True, eq=False)
class SymmetryFit:
    """Where the symmetry elements lie in a P1 phase set.

    Attributes
    ----------
    shift
        Fractional shift t to add to the density (φ' = φ + 2πh·t), shape ``(3,)``.
    agreement
        Amplitude-weighted ⟨cos Δφ⟩ between the phases of symmetry mates after the shift, over all operators:
        1 for a perfect fit. Chance gives about what the same search finds in random phases, some 0.1–0.3.
    by_operator
        The same for each operator but the identity, by its triplet.
    """

    shift: FloatArray
    agreement: float
    by_operator: dict[str, float]


def fit_symmetry(
    expansion: P1Expansion, f: FloatArray, phi: FloatArray, operations: gemmi.GroupOps
) -> SymmetryFit:
    """Search the shift after which the phases obey the operators best, by one Fourier transform.

    For an operator x' = Rx + t, φ(h) − φ(Rᵀh) − 2πh·t vanishes at the right origin, and changes by
    2π(h − Rᵀh)·s with a shift s: the agreement is a Fourier series in s.

    Parameters
    ----------
    expansion
        P1 reflections, m of them.
    f, phi
        Amplitudes and phases in radians, shape ``(m,)``.
    operations
        Operators of the group in the same (primitive) cell.
    """
    terms = _mate_terms(expansion.hkl, f, phi, operations)
    if not terms:
        return SymmetryFit(np.zeros(3), 1.0, {})
    difference = np.concatenate([term[1] for term in terms])
    coefficients = np.concatenate([term[2] for term in terms])
    shift, _ = highest_origin(-difference, coefficients, _ANYWHERE)
    by_operator = {name: _agreement(index, c, shift) for name, index, c in terms}
    total = float(np.abs(coefficients).sum())
    agreement = float(_real_sum(difference, coefficients, shift) / total) if total > 0 else 1.0
    return SymmetryFit(shift, agreement, by_operator)


def average_symmetry(
    expansion: P1Expansion,
    phi: FloatArray,
    weight: FloatArray,
    hkl_asu: NDArray[np.int32],
    operations: Symmetry,
) -> tuple[FloatArray, FloatArray]:
    """Average P1 phases at the origin of the group over symmetry mates, back to the asymmetric unit.

    Parameters
    ----------
    expansion
        P1 reflections, m of them.
    phi, weight
        Phases in radians and their weights, shape ``(m,)``.
    hkl_asu
        Unique reflections in the same cell, shape ``(n, 3)``.
    operations
        Operators of the group.

    Returns
    -------
    Phases in radians (centric ones restricted) and the length of the weighted mean vector, 0–1, each of
    shape ``(n,)``.
    """
    vectors = weight * np.exp(1j * expansion.phases_to_asu(phi))
    rows = len(hkl_asu)
    total = np.bincount(expansion.asu_index, vectors.real, rows) + 1j * np.bincount(
        expansion.asu_index, vectors.imag, rows
    )
    norm = np.bincount(expansion.asu_index, weight, rows)
    restricted = centric_phase(hkl_asu, operations)
    axis = np.where(np.isfinite(restricted), np.exp(1j * np.nan_to_num(restricted)), 0.0)
    total = np.where(np.isfinite(restricted), axis * np.real(total * axis.conj()), total)
    agreement = np.divide(np.abs(total), norm, out=np.zeros(rows), where=norm > 0)
    return np.angle(total), agreement


def _mate_terms(
    hkl: NDArray[np.int32], f: FloatArray, phi: FloatArray, operations: gemmi.GroupOps
) -> list[tuple[str, NDArray[np.int64], NDArray[np.complex128]]]:
    """For each operator: triplet, index h − Rᵀh, coefficient f² exp i(φ(h) − φ(Rᵀh) − 2πh·t)."""
    terms = []
    for op in operations.sym_ops:
        rotation = np.array(op.rot) // gemmi.Op.DEN
        if np.array_equal(rotation, np.eye(3)):
            continue
        mates = (hkl @ rotation).astype(np.int32)
        found = find_equivalents(mates, hkl, gemmi.SpaceGroup("P 1"))
        there = found.asu_index >= 0
        mate_phi = np.where(found.conjugate, -1.0, 1.0) * phi[found.asu_index]
        turn = 2.0 * np.pi * (hkl @ (np.array(op.tran) / gemmi.Op.DEN))
        difference = hkl.astype(np.int64) - mates
        useful = there & difference.any(axis=1)
        c = f**2 * np.exp(1j * (phi - mate_phi - turn))
        terms.append((op.triplet(), difference[useful], c[useful]))
    return terms


def _real_sum(index: NDArray[np.int64], c: NDArray[np.complex128], shift: FloatArray) -> float:
    return float(np.real(c * np.exp(2j * np.pi * (index @ shift))).sum())


def _agreement(index: NDArray[np.int64], c: NDArray[np.complex128], shift: FloatArray) -> float:
    total = float(np.abs(c).sum())
    return _real_sum(index, c, shift) / total if total > 0 else 1.0
