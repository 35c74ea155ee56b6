"""Phase sets in MTZ files: columns found by type, read, and written back after a move."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError

FloatArray = NDArray[np.float64]

FOM_OF_CALCULATED = 0.9998
"""Figure of merit given to a set of F, φ without weights (cphasematch, CCP4)."""

_HL_STEPS = 72  # phase probabilities are summed in 5° steps, as CCP4's programs do


@dataclass(frozen=True, eq=False)
class PhaseSet:
    """One set of phases, all rows of its file, in the standard asymmetric unit.

    Attributes
    ----------
    hkl
        Miller indices, shape ``(n, 3)``, int32, unique.
    f, phi, fom
        Amplitude of the map coefficient (weighted where a FOM was given), phase in radians and
        figure of merit, shape ``(n,)``; NaN where the reflection is missing from the set.
    fobs
        Observed amplitude, shape ``(n,)``, NaN where missing; None where the file has none, or several.
    cell, spacegroup
        The crystal, in the file's own setting.
    path, labels
        Where the set came from.
    """

    hkl: NDArray[np.int32]
    f: FloatArray
    phi: FloatArray
    fom: FloatArray
    fobs: FloatArray | None
    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup
    path: Path
    labels: tuple[str, ...]


def split_selector(text: str) -> tuple[Path, tuple[str, ...]]:
    """Split ``FILE.mtz:F,PHI`` into the path and the column labels (none given: empty tuple)."""
    path, colon, labels = text.rpartition(":")
    if not colon or Path(text).exists() or "/" in labels or "\\" in labels:
        return Path(text), ()
    return Path(path), tuple(label.strip() for label in labels.split(",") if label.strip())


def read_mtz(path: Path) -> gemmi.Mtz:
    """Open an MTZ file.

    Raises
    ------
    UserError
        No such file, not an MTZ file, or no space group in it.
    """
    if not path.is_file():
        raise UserError(f"the MTZ file {path}", "no such file", "check the path")
    try:
        mtz = gemmi.read_mtz_file(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{path} to be an MTZ file", str(error), "give an MTZ file") from error
    if mtz.spacegroup is None:
        raise UserError(f"a space group in {path}", f"'{mtz.spacegroup_name}'", "write it into the header")
    return mtz


def read_phase_set(path: Path, labels: Sequence[str] = ()) -> PhaseSet:
    """Read one phase set from an MTZ file.

    The roles of the columns follow from their MTZ types, in any order: F and P (amplitude and phase);
    with W also (the amplitude is multiplied by the FOM); P and W, or four A (Hendrickson-Lattman), on the
    observed amplitudes of the file or on the F given with them. Without labels the columns are found by
    their signature.

    Raises
    ------
    UserError
        Labels that are absent or make no phase set, several possible sets, duplicated reflections.
    """
    mtz = read_mtz(path)
    chosen = tuple(labels) or find_phase_columns(mtz, path)
    _check_labels(mtz, chosen, path)
    mtz.ensure_asu()
    hkl = np.ascontiguousarray(mtz.make_miller_array(), dtype=np.int32)
    if len(np.unique(hkl, axis=0)) < len(hkl):
        raise UserError(f"unique reflections in {path}", "some hkl occur more than once", "merge the file")
    observed = _observed(mtz)
    f, phi, fom = _coefficients(mtz, chosen, observed, hkl, path)
    missing = ~(np.isfinite(f) & np.isfinite(phi) & np.isfinite(fom))
    f, phi, fom = (np.where(missing, np.nan, x) for x in (f, phi, fom))
    return PhaseSet(hkl, f, phi, fom, observed, mtz.cell, mtz.spacegroup, path, chosen)


def find_phase_columns(mtz: gemmi.Mtz, path: Path) -> tuple[str, ...]:
    """Labels of the one phase set of the file, found by type signature: FP, PW, else AAAA.

    Raises
    ------
    UserError
        No phase set, or several: the message prints the selectors to choose from.
    """
    columns = list(mtz.columns)
    types = "".join(column.type for column in columns)
    found = [_labels(columns, i, 2) for i in range(len(types)) if types[i : i + 2] in ("FP", "PW")]
    if not found:
        found = [_labels(columns, i, 4) for i in range(len(types)) if types[i : i + 4] == "AAAA"][:1]
    if not found:
        raise UserError(f"phases in {path}", "columns " + _columns_text(mtz), "give a file with phases")
    if len(found) > 1:
        options = "  or  ".join(f"{path}:{','.join(labels)}" for labels in found)
        raise UserError(f"one phase set in {path}", f"{len(found)} possible ones", f"type {options}")
    return found[0]


def check_writable(target: Path, force: bool) -> None:
    """Raise a UserError where `target` exists and `force` is false, or where its folder does not exist."""
    if target.exists() and not force:
        raise UserError(f"to write {target}", "the file exists already", "give another name, or add --force")
    if not target.parent.is_dir():
        raise UserError(f"to write {target}", f"no folder {target.parent}", "create it first")


def write_moved(
    source: Path,
    target: Path,
    columns: Sequence[str] | None,
    shift: Sequence[float],
    invert: bool,
    spacegroup: gemmi.SpaceGroup,
) -> tuple[str, ...]:
    """Write `source` again with its phases moved by `shift`, after inversion where `invert` is true.

    Every phase becomes ±φ + 2π h·t and every set of Hendrickson-Lattman coefficients turns with it
    (A, B by the angle, C, D by twice the angle); all other columns are copied.

    Parameters
    ----------
    columns
        Labels that may be moved; None for every phase column of the file.
    shift
        Origin shift t, fractions of the cell edges.
    spacegroup
        Space group of the result (another one than the file's only for an enantiomorphic pair).

    Returns
    -------
    tuple of str
        Labels of the moved columns.
    """
    mtz = read_mtz(source)
    data = np.array(mtz.array, dtype=np.float32)
    angle = 2 * np.pi * (mtz.make_miller_array() @ np.asarray(shift, dtype=float))
    sign = -1.0 if invert else 1.0
    labels = [c.label for c in mtz.columns]
    allowed = set(labels if columns is None else columns)
    phases = [i for i, c in enumerate(mtz.columns) if c.type == "P" and c.label in allowed]
    quads = [q for q in _hl_quads(mtz) if allowed.issuperset(labels[i] for i in q)]
    for i in phases:
        moved = sign * data[:, i] + np.degrees(angle)
        data[:, i] = (moved + 180.0) % 360.0 - 180.0
    for quad in quads:
        data[:, quad] = rotate_hl(data[:, quad].astype(float), angle, invert)
    mtz.set_data(data)
    mtz.spacegroup = spacegroup
    mtz.history = [*mtz.history, "rephase phasematch: phases moved to another origin"]
    mtz.write_to_file(str(target))
    return tuple(labels[i] for i in [*phases, *(i for quad in quads for i in quad)])


def rotate_hl(hl: FloatArray, angle: FloatArray, invert: bool) -> FloatArray:
    """Turn Hendrickson-Lattman coefficients, ``(n, 4)``, to phases ±φ + `angle` (radians, ``(n,)``)."""
    sign = -1.0 if invert else 1.0
    a, b, c, d = hl[:, 0], sign * hl[:, 1], hl[:, 2], sign * hl[:, 3]
    cos1, sin1, cos2, sin2 = np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)
    return np.stack(
        [a * cos1 - b * sin1, a * sin1 + b * cos1, c * cos2 - d * sin2, c * sin2 + d * cos2], axis=1
    )


def phase_and_fom_from_hl(
    hl: FloatArray, hkl: NDArray[np.int32], spacegroup: gemmi.SpaceGroup
) -> tuple[FloatArray, FloatArray]:
    """Centroid phase (radians) and FOM, shape ``(n,)``, of Hendrickson-Lattman coefficients ``(n, 4)``.

    P(φ) ∝ exp(A cos φ + B sin φ + C cos 2φ + D sin 2φ) is summed over the circle, for centric reflections
    over their two possible phases (Hendrickson & Lattman 1970, Acta Cryst. B26, 136).
    """
    turn = np.arange(_HL_STEPS) * (2 * np.pi / _HL_STEPS)
    phases = np.broadcast_to(turn, (len(hkl), _HL_STEPS)).copy()
    restricted = _restricted_phase(hkl, spacegroup)
    centric = np.isfinite(restricted)
    phases[centric] = restricted[centric, None] + np.pi * (np.arange(_HL_STEPS) % 2)
    basis = np.stack([np.cos(phases), np.sin(phases), np.cos(2 * phases), np.sin(2 * phases)], axis=-1)
    exponent = np.einsum("nk,nsk->ns", hl, basis)
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    centroid = (weight * np.exp(1j * phases)).sum(axis=1) / weight.sum(axis=1)
    return np.angle(centroid), np.abs(centroid)


def _restricted_phase(hkl: NDArray[np.int32], spacegroup: gemmi.SpaceGroup) -> FloatArray:
    """One of the two possible phases of centric reflections, radians; NaN for acentric ones."""
    restricted = np.full(len(hkl), np.nan)
    for op in spacegroup.operations().sym_ops:
        rot, tran = np.array(op.rot) // op.DEN, np.array(op.tran) / op.DEN
        reversed_ = np.all(hkl @ rot == -hkl, axis=1)
        restricted[reversed_] = np.pi * (hkl[reversed_] @ tran)
    return restricted


def _coefficients(
    mtz: gemmi.Mtz, labels: tuple[str, ...], observed: FloatArray | None, hkl: NDArray[np.int32], path: Path
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Amplitude, phase (radians) and FOM from the labelled columns, by their types."""
    by_type: dict[str, list[FloatArray]] = {"F": [], "P": [], "W": [], "A": []}
    for label in labels:
        column = mtz.column_with_label(label)
        by_type[column.type].append(np.asarray(column.array, dtype=np.float64))
    amplitude = by_type["F"][0] if by_type["F"] else observed
    if amplitude is None:
        raise UserError(
            f"observed amplitudes (types F, Q) to go with {','.join(labels)} in {path}",
            "columns " + _columns_text(mtz),
            f"name the amplitude too: {path}:F,{','.join(labels)}",
        )
    if by_type["A"]:
        phi, fom = phase_and_fom_from_hl(np.stack(by_type["A"], axis=1), hkl, mtz.spacegroup)
        return amplitude * fom, phi, fom
    phi = np.radians(by_type["P"][0])
    if by_type["W"]:
        return amplitude * by_type["W"][0], phi, by_type["W"][0]
    return amplitude, phi, np.full(len(phi), FOM_OF_CALCULATED)


def _check_labels(mtz: gemmi.Mtz, labels: tuple[str, ...], path: Path) -> None:
    have = {column.label: column.type for column in mtz.columns}
    absent = [label for label in labels if label not in have]
    if absent:
        raise UserError(
            f"column {', '.join(absent)} in {path}",
            "columns " + _columns_text(mtz),
            "name columns of the file",
        )
    types = "".join(sorted(have[label] for label in labels))
    if types not in ("FP", "FPW", "PW", "AAAA", "AAAAF"):
        raise UserError(
            "a phase set: F,PHI or F,PHI,FOM or PHI,FOM or HLA,HLB,HLC,HLD",
            ", ".join(f"{label} (type {have[label]})" for label in labels),
            "choose among " + _columns_text(mtz),
        )


def _observed(mtz: gemmi.Mtz) -> FloatArray | None:
    """Observed amplitudes: the one F column followed by its σ (Q), or None."""
    columns = list(mtz.columns)
    types = "".join(column.type for column in columns)
    found = [i for i in range(len(types)) if types[i : i + 2] == "FQ"]
    return np.asarray(columns[found[0]].array, dtype=np.float64) if len(found) == 1 else None


def _hl_quads(mtz: gemmi.Mtz) -> list[list[int]]:
    """Find the indices of the Hendrickson-Lattman columns, four by four."""
    found = [i for i, column in enumerate(mtz.columns) if column.type == "A"]
    return [found[i : i + 4] for i in range(0, len(found) - 3, 4)]


def _labels(columns: list[gemmi.Mtz.Column], start: int, count: int) -> tuple[str, ...]:
    return tuple(column.label for column in columns[start : start + count])


def _columns_text(mtz: gemmi.Mtz) -> str:
    return " ".join(f"{column.label}({column.type})" for column in mtz.columns)
