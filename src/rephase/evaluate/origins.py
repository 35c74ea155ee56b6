"""Permissible origins and hands, computed from the symmetry operators.

Two descriptions of one structure in space groups with operators (R, τ₁) and (R, τ₂) differ by an origin
shift t, ρ'(x) = ρ(x − t), only where (I − R) t = τ₁ − τ₂ modulo the lattice for every R; after inversion
through the origin the second group has translations −τ₂, and (I − R) t = τ₁ + τ₂. Both are systems of
linear congruences with integer coefficients, solved here exactly by the Smith normal form, so no table of
origins is needed and any setting will do.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal

import gemmi
import numpy as np
from numpy.typing import NDArray

Hand = Literal["same", "other"]
HANDS: tuple[Hand, Hand] = ("same", "other")

Row = list[Fraction]


@dataclass(frozen=True, eq=False)
class OriginShifts:
    """All origin shifts that keep the symmetry: any of `discrete` plus any real multiples of `free`.

    Attributes
    ----------
    discrete
        Shifts in fractions of the cell edges, shape ``(m, 3)``, m ≥ 1.
    free
        Lattice vectors along which the origin is free, shape ``(k, 3)``: k = 3 in P1, 1 in polar groups.
    """

    discrete: NDArray[np.float64]
    free: NDArray[np.float64]

    def describe(self) -> str:
        """Say it in words."""
        if len(self.free) == 3:
            return "anywhere in the cell"
        points = f"{len(self.discrete)} permissible origin{'s' if len(self.discrete) > 1 else ''}"
        axes = " and ".join(str([round(x * 2) / 2 for x in axis]) for axis in self.free)
        return f"{points}, free along {axes}" if axes else points


def origin_shifts(
    first: gemmi.SpaceGroup, second: gemmi.SpaceGroup, hand: Hand = "same"
) -> OriginShifts | None:
    """Find the shifts that bring a structure in `second` (inverted for the other hand) into `first`.

    Returns
    -------
    OriginShifts or None
        None where no shift does, for instance for the other hand of P4₁, which lives in P4₃.
    """
    ops1, ops2 = first.operations(), second.operations()
    basis = primitive_basis(ops1)
    if not ops1.has_same_rotations(ops2) or not np.allclose(basis, primitive_basis(ops2)):
        return None
    to_primitive = np.linalg.inv(basis)
    translation2 = {str(op.rot): np.array(op.tran) for op in ops2.sym_ops}
    sign = 1 if hand == "other" else -1
    matrix: list[list[int]] = []
    right: Row = []
    for op in ops1.sym_ops:
        rot = to_primitive @ (np.array(op.rot) / op.DEN) @ basis
        target = to_primitive @ (np.array(op.tran) + sign * translation2[str(op.rot)])
        matrix += np.rint(np.eye(3) - rot).astype(int).tolist()
        right += [Fraction(round(x), op.DEN) for x in target]
    solution = _solve_congruences(matrix, right)
    if solution is None:
        return None
    discrete, free = solution
    axes = free @ basis.T
    axes *= np.where(axes.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return OriginShifts(wrap_shift(discrete @ basis.T), axes)


def wrap_shift(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift in [0, 1), with rounding errors of 1e-9 around whole cells removed; any shape."""
    return np.asarray(np.round(shift, 9) % 1.0)


def primitive_basis(ops: gemmi.GroupOps) -> NDArray[np.float64]:
    """Primitive lattice: columns are basis vectors in fractions of the cell edges, shape ``(3, 3)``."""
    den = gemmi.Op().DEN
    rows = [[den * (i == j) for j in range(3)] for i in range(3)] + [list(vector) for vector in ops.cen_ops]
    for column in range(3):
        while True:
            rest = [row for row in rows[column:] if row[column]]
            pivot = min(rest, key=lambda row: abs(row[column]))
            rows.remove(pivot)
            rows.insert(column, pivot)
            if len(rest) == 1:
                break
            for i in range(column + 1, len(rows)):
                factor = rows[i][column] // pivot[column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], pivot, strict=True)]
    return np.array(rows[:3], dtype=float).T / den


def enantiomorph(spacegroup: gemmi.SpaceGroup) -> gemmi.SpaceGroup | None:
    """Space group of the inverted structure: the partner of an enantiomorphic pair, else the group itself."""
    ops = spacegroup.operations()
    ops.change_basis_forward(spacegroup.change_of_hand_op())
    return gemmi.find_spacegroup_by_ops(ops)


def moved_phases(
    hkl: NDArray[np.integer], phi: NDArray[np.float64], shift: NDArray[np.float64], hand: Hand
) -> NDArray[np.float64]:
    """Phases ±φ + 2π h·t, radians, shape ``(n,)``: inverted for the other hand, then shifted."""
    sign = -1.0 if hand == "other" else 1.0
    return np.asarray(sign * phi + 2 * np.pi * (hkl @ shift))


def _solve_congruences(
    matrix: list[list[int]], right: Row
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Solve M t = b modulo 1: solutions are ``(m, 3)`` points plus any multiples of ``(k, 3)`` directions."""
    diagonal, column_ops, right = _smith_normal_form(matrix, right)
    if any(value.denominator != 1 for value in right[sum(d != 0 for d in diagonal) :]):
        return None
    choices = [
        [(value + n) / d for n in range(abs(d))] if d else [Fraction(0)]
        for d, value in zip(diagonal, right, strict=False)
    ]
    points = np.array([[float(x) for x in point] for point in product(*choices)])
    unimodular = np.array(column_ops, dtype=float)
    free = unimodular[:, [i for i, d in enumerate(diagonal) if d == 0]]
    return points @ unimodular.T, free.T


def _smith_normal_form(matrix: list[list[int]], right: Row) -> tuple[list[int], list[list[int]], Row]:
    """Diagonalise M by integer row and column operations; the right-hand side follows the rows.

    Returns the diagonal (its zeros last), the column operations V with t = V y, and the new right-hand side.
    """
    rows = [list(row) for row in matrix]
    right = list(right)
    columns = [[int(i == j) for j in range(3)] for i in range(3)]
    for k in range(3):
        while (pivot := _smallest(rows, k)) is not None:
            i, j = pivot
            rows[k], rows[i], right[k], right[i] = rows[i], rows[k], right[i], right[k]
            for row in [*rows, *columns]:
                row[k], row[j] = row[j], row[k]
            if _reduce_rows(rows, right, k) and _reduce_columns(rows, columns, k):
                break
    return [rows[k][k] for k in range(3)], columns, right


def _smallest(rows: list[list[int]], k: int) -> tuple[int, int] | None:
    """Position of the smallest non-zero entry of the part not yet diagonal, or None."""
    entries = [(abs(rows[i][j]), i, j) for i in range(k, len(rows)) for j in range(k, 3) if rows[i][j]]
    return min(entries)[1:] if entries else None


def _reduce_rows(rows: list[list[int]], right: Row, k: int) -> bool:
    """Subtract the pivot row from those below; true where the pivot's column is clean."""
    for i in range(k + 1, len(rows)):
        factor = rows[i][k] // rows[k][k]
        if factor:
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
            right[i] -= factor * right[k]
    return all(row[k] == 0 for row in rows[k + 1 :])


def _reduce_columns(rows: list[list[int]], columns: list[list[int]], k: int) -> bool:
    """Subtract the pivot column from those to its right; true where the pivot's row is clean."""
    for j in range(k + 1, 3):
        factor = rows[k][j] // rows[k][k]
        for row in [*rows, *columns]:
            row[j] -= factor * row[k]
    return not any(rows[k][k + 1 :])
