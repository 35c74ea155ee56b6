"""Facts that an mmCIF block states of an entry: method, dates, resolution and R-free."""

from datetime import date

import gemmi

_NONE = ("", ".", "?")
_XRAY = "X-RAY DIFFRACTION"


def methods(block: gemmi.cif.Block) -> tuple[str, ...]:
    """Return the experimental methods in capitals."""
    return tuple(value.upper() for value in _values(block, "_exptl.method"))


def deposition_date(block: gemmi.cif.Block) -> date | None:
    """Return the day of the initial deposition."""
    return _earliest(_values(block, "_pdbx_database_status.recvd_initial_deposition_date"))


def release_date(block: gemmi.cif.Block) -> date | None:
    """Return the day of the first revision, the initial release."""
    dates = _values(block, "_pdbx_audit_revision_history.revision_date")
    return _earliest(dates) or _earliest(_values(block, "_database_PDB_rev.date"))


def resolution(block: gemmi.cif.Block) -> float | None:
    """Return the high-resolution limit of refinement in Å, or of the data where that is not stated."""
    refined = _of_refinement(block, "ls_d_res_high")
    return refined or _number(_values(block, "_reflns.d_resolution_high"))


def r_free(block: gemmi.cif.Block) -> float | None:
    """Return R-free of the refinement, as a fraction."""
    value = _of_refinement(block, "ls_R_factor_R_free")
    return value / 100.0 if value is not None and value > 1.0 else value


def _of_refinement(block: gemmi.cif.Block, item: str) -> float | None:
    """Return a figure of the refinement against X-rays, which a joint refinement lists beside neutrons."""
    rows = list(block.find("_refine.", [item, "?pdbx_refine_id"]))
    rows.sort(key=lambda row: not row.has(1) or gemmi.cif.as_string(row[1]).upper() != _XRAY)
    return _number([row[0] for row in rows])


def _values(block: gemmi.cif.Block, tag: str) -> list[str]:
    return [text for value in block.find_values(tag) if (text := gemmi.cif.as_string(value)) not in _NONE]


def _number(values: list[str]) -> float | None:
    """Return the first positive number."""
    numbers = (gemmi.cif.as_number(value) for value in values)
    return next((number for number in numbers if number > 0.0), None)


def _earliest(values: list[str]) -> date | None:
    dates = [day for value in values if (day := _day(value)) is not None]
    return min(dates, default=None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
