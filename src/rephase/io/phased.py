"""Write phases beside the user's own columns."""

from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from rephase.crystal.symmetry import P1Expansion, centric_phase, find_equivalents
from rephase.errors import UserError

FloatArray = NDArray[np.float64]

PHASED_COLUMNS = (
    ("PHIB", "P"),
    ("FOM", "W"),
    ("HLA", "A"),
    ("HLB", "A"),
    ("HLC", "A"),
    ("HLD", "A"),
    ("FWT", "F"),
    ("PHWT", "P"),
)
"""Labels and MTZ types of the columns that `write_phased_mtz` adds, in order."""

_HIGHEST_FOM = 0.9999  # X would be infinite at 1; this is X ≈ 5000, beyond any real phase information


def write_phased_mtz(
    path: Path | str,
    source: gemmi.Mtz,
    hkl: NDArray[np.int32],
    phi: FloatArray,
    fom: FloatArray,
    f: FloatArray,
    history: tuple[str, ...] = (),
    hl: FloatArray | None = None,
) -> tuple[str, ...]:
    """Write the user's columns unchanged, followed by `PHASED_COLUMNS`.

    Phases are carried to the indexing of the file, whichever asymmetric unit or Friedel mate it uses. Rows
    that were not phased get missing values. Labels of the source that collide with ours get ``_IN`` appended,
    so that the map a viewer opens by name is always the new one.

    Parameters
    ----------
    path
        File to write.
    source
        The user's file, as kept in `Observations.source`; not modified.
    hkl
        Unique reflections that were phased, shape ``(n, 3)``.
    phi
        Phases in radians, shape ``(n,)``.
    fom
        Figures of merit, 0–1, shape ``(n,)``.
    f
        Amplitudes for the map, shape ``(n,)``; FWT is fom · f.
    history
        Lines for the file's history, at most 80 characters each.
    hl
        Hendrickson–Lattman coefficients, shape ``(n, 4)``; None for those of the unimodal distribution with
        this phase and figure of merit.

    Returns
    -------
    Sentences about renamed columns.
    """
    mtz = _copy(source)
    notes = _make_room(mtz)
    expansion = find_equivalents(np.asarray(source.make_miller_array(), np.int32), hkl, mtz.spacegroup)
    known = expansion.asu_index >= 0
    if hl is None:
        hl = hendrickson_lattman(phi, fom, ~np.isnan(centric_phase(hkl, mtz.spacegroup)))
    columns = np.full((len(known), len(PHASED_COLUMNS)), np.nan)
    phased = expansion.select(np.flatnonzero(known))
    phi_deg = (np.degrees(phased.phases(phi)) + 180.0) % 360.0 - 180.0
    merit = fom[phased.asu_index]
    weighted = merit * f[phased.asu_index]
    columns[known] = np.column_stack([phi_deg, merit, carry_hl(phased, hl), weighted, phi_deg])
    data = np.concatenate([np.array(mtz, copy=True), columns.astype(np.float32)], axis=1)
    dataset = mtz.add_dataset("rephase")
    dataset.cell = mtz.cell
    for label, kind in PHASED_COLUMNS:
        mtz.add_column(label, kind, dataset_id=dataset.id)
    mtz.set_data(data)
    mtz.history = [line[:80] for line in history] + list(mtz.history)
    _write(mtz, Path(path))
    return notes


def hendrickson_lattman(phi: FloatArray, fom: FloatArray, centric: NDArray[np.bool_]) -> FloatArray:
    """Return coefficients A, B, C, D of the unimodal phase distribution with this centre and FOM.

    A = X cos φ, B = X sin φ, C = D = 0, where I₁(X)/I₀(X) = FOM for acentric and tanh X = FOM for centric
    reflections (Hendrickson & Lattman, 1970, Acta Cryst. B26, 136–143).

    Parameters
    ----------
    phi
        Phases in radians, shape ``(n,)``.
    fom
        Figures of merit, shape ``(n,)``.
    centric
        Centric flags, shape ``(n,)``.

    Returns
    -------
    Shape ``(n, 4)``.
    """
    fom = np.clip(fom, 0.0, _HIGHEST_FOM)
    x = np.where(centric, np.arctanh(fom), sim_argument(fom))
    zero = np.zeros_like(x)
    return np.stack([x * np.cos(phi), x * np.sin(phi), zero, zero], axis=1)


def carry_hl(rows: P1Expansion, hl: FloatArray) -> FloatArray:
    """Carry Hendrickson–Lattman coefficients to other indices, as `P1Expansion.phases` carries phases.

    Parameters
    ----------
    rows
        How each wanted reflection follows from one of those given, m of them.
    hl
        Coefficients of the given reflections, shape ``(n, 4)``.

    Returns
    -------
    Shape ``(m, 4)``.
    """
    first, second = hl[rows.asu_index, 0] + 1j * hl[rows.asu_index, 1], 1j * hl[rows.asu_index, 3]
    second = second + hl[rows.asu_index, 2]
    first = np.where(rows.conjugate, first.conj(), first) * np.exp(1j * rows.shift)
    second = np.where(rows.conjugate, second.conj(), second) * np.exp(2j * rows.shift)
    return np.stack([first.real, first.imag, second.real, second.imag], axis=1)


def sim_argument(fom: FloatArray) -> FloatArray:
    """Solve I₁(X)/I₀(X) = fom for X by Newton's method.

    Parameters
    ----------
    fom
        Figures of merit, 0 ≤ fom < 1, any shape.

    Returns
    -------
    X ≥ 0, of the same shape; relative error below 10⁻⁹.
    """
    x = fom * (2.0 - fom**2) / (1.0 - fom**2)  # Best & Fisher (1979) start, within 10 % everywhere
    for _ in range(20):
        ratio = i1e(x) / i0e(x)
        slope = 1.0 - ratio / np.maximum(x, 1e-12) - ratio**2
        slope = np.where(x < 1e-6, 0.5, slope)
        x = np.maximum(x - (ratio - fom) / slope, 0.0)
    return np.asarray(x)


def _copy(source: gemmi.Mtz) -> gemmi.Mtz:
    copy = gemmi.Mtz(with_base=False)
    copy.title, copy.spacegroup, copy.cell = source.title, source.spacegroup, source.cell
    copy.history, copy.valm = list(source.history), source.valm
    for old in source.datasets:
        new = copy.add_dataset(old.dataset_name)
        new.id, new.project_name, new.crystal_name = old.id, old.project_name, old.crystal_name
        new.cell, new.wavelength = old.cell, old.wavelength
    for column in source.columns:
        copy.add_column(column.label, column.type, dataset_id=column.dataset_id)
    copy.set_data(np.array(source, copy=True))
    return copy


def _make_room(mtz: gemmi.Mtz) -> tuple[str, ...]:
    """Rename columns that have one of our labels."""
    notes, taken = [], set(mtz.column_labels())
    ours = {label for label, _ in PHASED_COLUMNS}
    for column in mtz.columns:
        if column.label in ours:
            name = f"{column.label}_IN"
            while name in taken:
                name += "_"
            taken.add(name)
            notes.append(f"The input column {column.label} is kept as {name}.")
            column.label = name
    return tuple(notes)


def _write(mtz: gemmi.Mtz, path: Path) -> None:
    try:
        mtz.write_to_file(str(path))
    except (RuntimeError, OSError) as error:
        raise UserError(
            "room to write the phases", f"{path}: {error}", "choose another output directory"
        ) from error
