"""Phases to start from: columns of a file found by type, checked, and carried to the measured reflections."""

import re
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.symmetry import centric_phase, find_equivalents
from rephase.errors import UserError
from rephase.io.columns import MEASURED_TYPES, ColumnGroup, groups_of
from rephase.io.observations import Observations
from rephase.io.phase_sets import phase_and_fom_from_hl, split_selector
from rephase.io.phased import carry_hl, hendrickson_lattman
from rephase.io.reflection_file import cell_and_spacegroup, read_reflection_file

FloatArray = NDArray[np.float64]

_PHASES = ("P", "PW", "AAAA")  # types that make a set of starting phases
_MEASURED = "FQJGLKM"  # types of the measured columns that may be named with them
_DIFFERENCE = re.compile("DELWT|DELF|FOFC")
"""In labels of Fo − Fc maps (PHDELWT of REFMAC, PHFOFCWT of Phenix), which show what a model lacks; 2FOFC is
another thing."""
_FEWEST = 20  # common reflections; fewer phases of any quality start nothing
_LEAST_SHARE = 0.02  # of the measured reflections; phases to 5 Å are that part of data to 1.4 Å
_EDGE_TOLERANCE, _ANGLE_TOLERANCE = 0.02, 1.5  # relative and degrees; crystals of one form differ by less
_FOM_ROUNDING = 1e-3  # above 1 or below 0 that float32 and printed files may hold


@dataclass(frozen=True, eq=False)
class StartPhases:
    """Phases of the measured reflections to start from.

    Attributes
    ----------
    phi
        Phases in radians, shape ``(n,)``, in the order of the observations; zero where there is none.
    fom
        Figures of merit, 0–1, shape ``(n,)``; zero where there is no phase. All one where none were given.
    hl
        Hendrickson–Lattman coefficients, shape ``(n, 4)``: those of the file, or of the unimodal
        distribution with this centre and figure of merit.
    known
        Where the file has a phase, shape ``(n,)``.
    fom_given
        Whether the file says how good the phases are.
    path, labels
        Where they came from.
    """

    phi: FloatArray
    fom: FloatArray
    hl: FloatArray
    known: NDArray[np.bool_]
    fom_given: bool
    path: Path
    labels: tuple[str, ...]

    def select(self, rows: NDArray[np.intp]) -> "StartPhases":
        """Return some of the reflections, in order."""
        return StartPhases(
            self.phi[rows],
            self.fom[rows],
            self.hl[rows],
            self.known[rows],
            self.fom_given,
            self.path,
            self.labels,
        )


def measured_columns(selector: str) -> str | None:
    """Return the measured columns named in ``FILE:F,PHI,FOM`` as ``F,SIGF``; None where none is named.

    The σ of a value is the column after it, unless it is named too.

    Raises
    ------
    UserError
        If the file cannot be read or has no such columns.
    """
    path, labels = split_selector(selector)
    if not labels:
        return None
    mtz = read_reflection_file(path)
    _check_present(path, mtz, labels)
    types = {column.label: column.type for column in mtz.columns}
    named = [label for label in labels if types[label] in _MEASURED]
    if len(named) == 1:
        others = [label for label in labels if label not in named]
        named.append(_sigma_of(path, mtz, named[0], others))
    return ",".join(named) or None


def _sigma_of(path: Path, mtz: gemmi.Mtz, label: str, others: list[str]) -> str:
    """Label of the σ after a value, which was named with others."""
    place = mtz.column_labels().index(label) + 1
    if place < len(mtz.columns) and mtz.columns[place].type == "Q":
        return mtz.columns[place].label
    measured = [group.option for signature in MEASURED_TYPES for group in groups_of(mtz, signature)]
    options = "  or  ".join(f"{path}:{','.join((option, *others))}" for option in measured)
    raise UserError(
        "a measured value with its σ (type Q) in the next column",
        f"{label} (type {mtz.columns[place - 1].type}) without one in {path}: calculated, or of a map",
        f"type {options}" if options else "give a file with measured data",
    )


def read_start_phases(selector: str, observations: Observations) -> StartPhases:
    """Read starting phases and carry them to the indices of the observations.

    Parameters
    ----------
    selector
        ``FILE`` or ``FILE:PHI,FOM`` or ``FILE:PHI`` or ``FILE:HLA,HLB,HLC,HLD``, MTZ or structure-factor
        mmCIF; measured columns may be named too and are passed over. Columns that are not named are found
        by type: a phase and its figure of merit, else coefficients, else a phase alone.
    observations
        Measured data of the same crystal; also expanded to P1.

    Raises
    ------
    UserError
        If the file has no phases or several sets of them, they are all alike or cannot be degrees, figures
        of merit lie outside 0–1, or the file is of another crystal or has too few of the reflections.
    """
    path, named = split_selector(selector)
    mtz = read_reflection_file(path)
    labels = _phase_columns(path, mtz, named)
    cell, spacegroup = cell_and_spacegroup(mtz, mtz.column_with_label(labels[0]).dataset_id)
    _check_crystal(path, cell, spacegroup, observations)
    hkl = np.asarray(mtz.make_miller_array(), dtype=np.int32)
    phi, fom, hl, fom_given = _phases(path, mtz, labels, hkl, spacegroup)
    present = np.isfinite(phi) & np.isfinite(fom) & hkl.any(axis=1)
    _check_information(path, labels, phi[present], fom[present], hkl[present], spacegroup)
    rows = find_equivalents(observations.hkl, hkl[present], spacegroup)
    known = rows.asu_index >= 0
    _check_overlap(path, known)
    return StartPhases(
        phi=np.where(known, rows.phases(phi[present]), 0.0),
        fom=np.where(known, fom[present][rows.asu_index], 0.0),
        hl=np.where(known[:, None], carry_hl(rows, hl[present]), 0.0),
        known=known,
        fom_given=fom_given,
        path=path,
        labels=labels,
    )


def _phase_columns(path: Path, mtz: gemmi.Mtz, named: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of the phase set, phase first, by name or by type."""
    types = {column.label: column.type for column in mtz.columns}
    _check_present(path, mtz, named)
    chosen = sorted((label for label in named if types[label] not in _MEASURED), key=lambda x: types[x])
    if chosen:
        signature = "".join(types[label] for label in chosen)
        if signature not in _PHASES:
            raise UserError(
                "a phase, a phase and its figure of merit, or four coefficients (types P, PW, AAAA)",
                ", ".join(f"{label} (type {types[label]})" for label in chosen),
                "choose among " + _columns_text(mtz) + ", or correct the types in the file",
            )
        return tuple(chosen)
    for signature in ("PW", "AAAA", "P"):
        groups = [group for group in groups_of(mtz, signature) if not _of_difference_map(group)]
        if len(groups) == 1:
            return groups[0].labels
        if groups:
            merits = groups_of(mtz, "W") if signature == "P" else []
            with_merit = f",{merits[0].option}" if len(merits) == 1 else ""
            options = "  or  ".join(f"{path}:{group.option}{with_merit}" for group in groups)
            raise UserError(f"one set of phases in {path}", f"{len(groups)} possible ones", f"type {options}")
    raise UserError(
        f"starting phases in {path} (a column of type P, or four of type A)",
        "columns " + _columns_text(mtz),
        "give a file with phases",
    )


def _of_difference_map(group: ColumnGroup) -> bool:
    return _DIFFERENCE.search(group.labels[0].upper().replace("2FOFC", "")) is not None


def _phases(
    path: Path,
    mtz: gemmi.Mtz,
    labels: tuple[str, ...],
    hkl: NDArray[np.int32],
    spacegroup: gemmi.SpaceGroup,
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Phase in radians, figure of merit, coefficients, and whether the file tells how good they are."""
    with np.errstate(invalid="ignore"):  # signalling NaN of a damaged file
        columns = [np.array(mtz.column_with_label(label), dtype=np.float64) for label in labels]
    if len(columns) == 4:
        hl = np.stack(columns, axis=1)
        finite = np.isfinite(hl).all(axis=1)
        phi, fom = np.full((2, len(hl)), np.nan)
        phi[finite], fom[finite] = phase_and_fom_from_hl(hl[finite], hkl[finite], spacegroup)
        return phi, fom, hl, True
    phi = np.radians(columns[0])
    given = len(columns) == 2
    if given:
        _check_fom(path, labels[1], columns[1])
    fom = np.clip(columns[1], 0.0, 1.0) if given else np.ones(len(phi))
    centric = np.isfinite(centric_phase(hkl, spacegroup))
    return phi, fom, hendrickson_lattman(phi, fom, centric), given


def _check_present(path: Path, mtz: gemmi.Mtz, labels: tuple[str, ...]) -> None:
    absent = [label for label in labels if label not in mtz.column_labels()]
    if absent:
        raise UserError(
            f"column {', '.join(absent)} in {path}",
            "columns " + _columns_text(mtz),
            "name columns of the file",
        )


def _check_fom(path: Path, label: str, fom: FloatArray) -> None:
    known = fom[np.isfinite(fom)]
    outside = known[(known < -_FOM_ROUNDING) | (known > 1.0 + _FOM_ROUNDING)]
    if len(outside):
        raise UserError(
            f"figures of merit between 0 and 1 in column {label} of {path}",
            f"{len(outside)} of {len(known)} outside, {known.min():g} to {known.max():g}",
            ("divide them by 100, or " if known.min() >= 0.0 and 2.0 < known.max() <= 100.0 else "")
            + "name the column that holds figures of merit, or the phase alone",
        )


def _check_information(
    path: Path,
    labels: tuple[str, ...],
    phi: FloatArray,
    fom: FloatArray,
    hkl: NDArray[np.int32],
    spacegroup: gemmi.SpaceGroup,
) -> None:
    """Refuse phases that say nothing: none at all, all alike, or in another unit."""
    name = ",".join(labels)
    wanted, do = f"starting phases in {name} of {path}", "name other columns, or give another file"
    if not np.any(fom > 0.0):
        found = "every figure of merit is zero" if len(fom) else "no phase that is a finite number"
        raise UserError(wanted, found, do)
    free = phi[~np.isfinite(centric_phase(hkl, spacegroup))] if len(labels) < 4 else phi
    degrees = np.round(np.degrees(free if len(free) else phi), 2)
    if np.ptp(degrees) == 0.0:
        raise UserError(wanted, f"every phase is {degrees[0]:g}°", do)
    if np.abs(degrees).max() <= 6.29 and len(degrees) > _FEWEST:
        raise UserError(
            f"phases in degrees in {labels[0]} of {path}",
            f"values between {degrees.min():.2f} and {degrees.max():.2f}, which look like radians",
            "convert them to degrees",
        )


def _check_crystal(
    path: Path, cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup, observations: Observations
) -> None:
    ours, theirs = np.array(observations.cell.parameters), np.array(cell.parameters)
    tolerance = np.append(_EDGE_TOLERANCE * ours[:3], np.full(3, _ANGLE_TOLERANCE))
    shown = " ".join(f"{x:g}" for x in np.round(theirs, 2))
    wanted = f"phases of this crystal in {path}"
    if np.any(np.abs(ours - theirs) > tolerance):
        expected = " ".join(f"{x:g}" for x in np.round(ours, 2))
        raise UserError(wanted, f"cell {shown}, not {expected}", "give phases of the same crystal")
    same = observations.spacegroup.operations() == spacegroup.operations()
    if not same and observations.spacegroup.number != 1:
        raise UserError(
            wanted,
            f"space group {spacegroup.xhm()}, not {observations.spacegroup.xhm()}",
            "give phases in the space group and setting of the data",
        )


def _check_overlap(path: Path, known: NDArray[np.bool_]) -> None:
    needed = max(_FEWEST, int(_LEAST_SHARE * len(known)))
    if np.count_nonzero(known) < needed:
        raise UserError(
            f"phases of at least {needed} of the {len(known)} measured reflections in {path}",
            f"{np.count_nonzero(known)}",
            "give phases of the same crystal, in the same indexing",
        )


def _columns_text(mtz: gemmi.Mtz) -> str:
    return " ".join(f"{column.label}({column.type})" for column in mtz.columns)
