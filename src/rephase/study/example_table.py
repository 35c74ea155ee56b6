"""The table of a study: a row for every crystal, and for every way to find its map the same figures."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from rephase.evaluate.judged_maps import JudgedMaps
from rephase.study.study_config import StudyConfig
from rephase.study.study_set import StudySet

Row = dict[str, Any]

_TRUTHS = {"right_hand", "solved"}
_FACTS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.string()),
    pa.field("entry", pa.string()),
    pa.field("atoms", pa.int32()),
    pa.field("cell", pa.list_(pa.float64(), 6)),  # Å and degrees
    pa.field("d_min", pa.float64()),  # Å
]


def table_schema(config: StudyConfig) -> pa.Schema:
    """Return the columns of the table: facts, then ``COLUMN/FIGURE`` for each figure of `JudgedMaps`."""
    found = [*_FACTS]
    for column in config.columns:
        found += [pa.field(f"{column}/{one.name}", _type_of(one.name)) for one in fields(JudgedMaps)]
        found.append(pa.field(f"{column}/seconds", pa.float64()))
    return pa.schema(found)


def _type_of(figure: str) -> pa.DataType:
    if figure == "shell_errors":
        return pa.list_(pa.float64())
    return pa.bool_() if figure in _TRUTHS else pa.float64()


def facts(study_set: StudySet) -> list[Row]:
    """Return the rows of the crystals before anything is found."""
    atoms = study_set.fragments.atoms[study_set.rows].tolist()
    limits = study_set.fragments.d_min[study_set.rows].tolist()
    return [
        {"id": name, "entry": entry, "atoms": number, "d_min": limit}
        for name, entry, number, limit in zip(study_set.ids, study_set.entries, atoms, limits, strict=True)
    ]


def add_figures(rows: Sequence[Row], column: str, figures: JudgedMaps, seconds: float) -> None:
    """Write the figures of a batch into the rows of its crystals, in the same order."""
    for one in fields(JudgedMaps):
        values = getattr(figures, one.name).tolist()
        for row, value in zip(rows, values, strict=True):
            row[f"{column}/{one.name}"] = _without_nan(value)
    for row in rows:
        row[f"{column}/seconds"] = seconds


def _without_nan(value: Any) -> Any:
    """Return None for what was not measured in a list of shells."""
    return [None if one != one else one for one in value] if isinstance(value, list) else value


def table_of(rows: Sequence[Mapping[str, Any]], config: StudyConfig) -> pa.Table:
    """Put rows together; what a row has not is null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=table_schema(config))
