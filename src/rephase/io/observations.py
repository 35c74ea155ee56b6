"""Measured data of one crystal, as read: one row per unique reflection, and the user's file beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.symmetry import map_to_asu
from rephase.errors import UserError
from rephase.io.columns import INTENSITY_TYPES, ColumnGroup, observation_columns, test_set_column
from rephase.io.reflection_file import cell_and_spacegroup, read_reflection_file

FloatArray = NDArray[np.float64]
Kind = Literal["amplitude", "intensity"]

MIN_REFLECTIONS = 100  # a dipeptide in an 8 Å cell at 2 Å has 130; nothing can be phased with fewer
_LOWEST_COMPLETENESS = 0.02  # even one still image holds more; damaged cells or indices hold far less


@dataclass(frozen=True, eq=False)
class Observations:
    """Measured data, nothing corrected.

    Attributes
    ----------
    hkl
        Unique indices in the CCP4 asymmetric unit, shape ``(n, 3)``, int32.
    value, sigma
        Amplitudes or merged intensities and their standard uncertainties, shape ``(n,)``, the file's scale.
    kind
        ``"amplitude"`` or ``"intensity"``.
    labels
        The columns they came from.
    cell, spacegroup
        Cell in Å and degrees; space group in the file's setting.
    source
        The user's columns, untouched.
    free_label, test_value
        Free-set column and the value that marks its test set; None where there is none.
    notes
        What was left out or merged, as sentences.
    """

    hkl: NDArray[np.int32]
    value: FloatArray
    sigma: FloatArray
    kind: Kind
    labels: tuple[str, ...]
    cell: gemmi.UnitCell
    spacegroup: gemmi.SpaceGroup
    source: gemmi.Mtz
    free_label: str | None
    test_value: int | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.hkl)


def read_observations(
    path: Path | str, observations: str | None = None, d_min: float | None = None, in_p1: bool = False
) -> Observations:
    """Read measured amplitudes or intensities.

    Parameters
    ----------
    path
        MTZ or structure-factor mmCIF, plain or gzipped.
    observations
        Column labels such as ``F,SIGF``; found by type if not given.
    d_min
        Leave out reflections beyond this resolution in Å.
    in_p1
        Forget the space group: expand the data to P1 first.

    Raises
    ------
    UserError
        See `read_reflection_file`, `observation_columns`, `cell_and_spacegroup`; also if fewer than
        `MIN_REFLECTIONS` usable reflections remain.
    """
    mtz = read_reflection_file(path)
    if in_p1 and mtz.spacegroup is not None:
        mtz.expand_to_p1()
        mtz.spacegroup = gemmi.SpaceGroup("P 1")
    group = observation_columns(mtz, observations)
    cell, spacegroup = cell_and_spacegroup(mtz, mtz.column_with_label(group.labels[0]).dataset_id)
    hkl = np.asarray(mtz.make_miller_array(), dtype=np.int32)
    value, sigma = _value_and_sigma(mtz, group)
    kind: Literal["amplitude", "intensity"] = (
        "intensity" if group.signature in INTENSITY_TYPES else "amplitude"
    )
    usable, notes = _usable(hkl, value, sigma, kind)
    _check_content(path, group, hkl, value, sigma, usable)
    if d_min is not None:
        usable &= cell.calculate_d_array(hkl) >= d_min
        _check_limit(d_min, int(np.count_nonzero(usable)))
    _check_extent(path, cell, spacegroup, hkl[usable])
    unique, value, sigma, merged = _merge(hkl[usable], value[usable], sigma[usable], spacegroup)
    if merged:
        notes.append(f"{merged} rows equivalent to others by symmetry were averaged into them.")
    free = test_set_column(mtz)
    return Observations(
        hkl=unique,
        value=value,
        sigma=sigma,
        kind=kind,
        labels=group.labels,
        cell=cell,
        spacegroup=spacegroup,
        source=mtz,
        free_label=free[0] if free else None,
        test_value=free[1] if free else None,
        notes=tuple(notes),
    )


def _value_and_sigma(mtz: gemmi.Mtz, group: ColumnGroup) -> tuple[FloatArray, FloatArray]:
    """Read value and σ; the mean of an anomalous pair, or the mate that was measured."""
    with np.errstate(invalid="ignore"):  # signalling NaN of a damaged file
        columns = [np.array(mtz.column_with_label(label), dtype=np.float64) for label in group.labels]
    if len(columns) == 2:
        return columns[0], columns[1]
    plus, sigma_plus, minus, sigma_minus = columns
    both = np.isfinite(plus + sigma_plus + minus + sigma_minus) & (sigma_plus > 0) & (sigma_minus > 0)
    use_plus = np.isfinite(plus) & (sigma_plus > 0)
    value = np.where(both, 0.5 * (plus + minus), np.where(use_plus, plus, minus))
    sigma = np.where(
        both, 0.5 * np.hypot(sigma_plus, sigma_minus), np.where(use_plus, sigma_plus, sigma_minus)
    )
    return value, sigma


def _usable(
    hkl: NDArray[np.int32], value: FloatArray, sigma: FloatArray, kind: str
) -> tuple[NDArray[np.bool_], list[str]]:
    """Mark rows that hold a measurement, and say how many do not and why."""
    measured = ~np.isnan(value) & hkl.any(axis=1)
    finite = measured & np.isfinite(value) & np.isfinite(sigma)
    with np.errstate(invalid="ignore"):
        known_error = finite & (sigma > 0.0)
        possible = known_error & ((value >= 0.0) | (kind == "intensity"))
    counts = {
        "an infinite value or no σ": np.count_nonzero(measured & ~finite),
        "σ ≤ 0": np.count_nonzero(finite & ~known_error),
        "a negative amplitude": np.count_nonzero(known_error & ~possible),
    }
    notes = [f"{count} reflections with {why} were left out." for why, count in counts.items() if count]
    return possible, notes


def _check_content(
    path: Path | str,
    group: ColumnGroup,
    hkl: NDArray[np.int32],
    value: FloatArray,
    sigma: FloatArray,
    usable: NDArray[np.bool_],
) -> None:
    wanted = f"at least {MIN_REFLECTIONS} measured reflections in {group.option}"
    do = "choose other columns with --observations, or another file"
    if not np.any(value[np.isfinite(value)]):
        raise UserError(wanted, f"every value in {path} is zero or missing", do)
    if not np.any(sigma[np.isfinite(sigma)]):
        raise UserError(f"σ in {group.labels[1]}", f"every σ in {path} is zero or missing", do)
    if np.count_nonzero(usable) < MIN_REFLECTIONS:
        raise UserError(wanted, f"{np.count_nonzero(usable)} usable of {len(hkl)} rows in {path}", do)


def _check_limit(d_min: float, count: int) -> None:
    if count < MIN_REFLECTIONS:
        raise UserError(
            f"at least {MIN_REFLECTIONS} measured reflections to {d_min:g} Å",
            str(count),
            "give a smaller --d-min, or leave it out",
        )


def _check_extent(
    path: Path | str, cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup, hkl: NDArray[np.int32]
) -> None:
    """Refuse indices that cannot belong to this cell: they would ask for grids of any size."""
    d_min = float(cell.calculate_d_array(hkl).min())
    possible = 2.0 * np.pi / 3.0 * cell.volume / d_min**3 / len(spacegroup.operations())
    if not len(hkl) > _LOWEST_COMPLETENESS * possible:
        raise UserError(
            "indices that fit the cell",
            f"{len(hkl)} reflections of about {possible:.3g} possible to {d_min:.3g} Å in {path}",
            "check the cell and the indices, or cut the resolution with --d-min",
        )


def _merge(
    hkl: NDArray[np.int32], value: FloatArray, sigma: FloatArray, spacegroup: gemmi.SpaceGroup
) -> tuple[NDArray[np.int32], FloatArray, FloatArray, int]:
    """Bring rows to the asymmetric unit and average equivalent ones, weighted by 1/σ²."""
    unique, row = np.unique(map_to_asu(hkl, spacegroup), axis=0, return_inverse=True)
    weight = 1.0 / sigma**2
    total = np.bincount(row, weight)
    mean = np.bincount(row, weight * value) / total
    return unique, mean, 1.0 / np.sqrt(total), len(hkl) - len(unique)
