"""Find columns of an MTZ by their type signature, never by a guessed name."""

from dataclasses import dataclass

import gemmi
import numpy as np

from rephase.errors import UserError

AMPLITUDE_TYPES = ("FQ", "GLGL")
INTENSITY_TYPES = ("JQ", "KMKM")
MEASURED_TYPES = ("JQ", "KMKM", "FQ", "GLGL")  # most direct measurement first


@dataclass(frozen=True)
class ColumnGroup:
    """Neighbouring columns that belong together.

    Attributes
    ----------
    signature
        MTZ types, such as ``FQ`` (amplitude and σ) or ``KMKM`` (I(+), σ, I(−), σ).
    labels
        Their labels, in the order of the signature.
    """

    signature: str
    labels: tuple[str, ...]

    @property
    def option(self) -> str:
        """The labels as they are typed on the command line."""
        return ",".join(self.labels)


def groups_of(mtz: gemmi.Mtz, signature: str) -> list[ColumnGroup]:
    """Find all runs of neighbouring columns with the given types, left to right, not overlapping."""
    types = "".join(column.type for column in mtz.columns)
    labels = mtz.column_labels()
    groups, start = [], types.find(signature)
    while start >= 0:
        end = start + len(signature)
        groups.append(ColumnGroup(signature, tuple(labels[start:end])))
        start = types.find(signature, end)
    return groups


def observation_columns(mtz: gemmi.Mtz, labels: str | None = None) -> ColumnGroup:
    """Choose the measured data.

    Without `labels` the one group of the most direct kind present is taken: mean intensities, anomalous
    intensities, mean amplitudes, anomalous amplitudes. Model amplitudes never match: no σ follows them.

    Parameters
    ----------
    mtz
        The file.
    labels
        Comma-separated labels chosen by the user, such as ``F,SIGF``.

    Raises
    ------
    UserError
        Nothing measured, several candidates of the same kind, or labels that do not fit.
    """
    if labels is not None:
        return _named_group(mtz, labels)
    for signature in MEASURED_TYPES:
        groups = [group for group in groups_of(mtz, signature) if _has_values(mtz, group)]
        if len(groups) == 1:
            return groups[0]
        if groups:
            raise UserError(
                "one set of measured data",
                f"{len(groups)} candidates: " + "; ".join(group.option for group in groups),
                f"choose one, for example --observations {groups[0].option}",
            )
    empty = [group.option for signature in MEASURED_TYPES for group in groups_of(mtz, signature)]
    columns = "columns " + " ".join(f"{column.label}({column.type})" for column in mtz.columns)
    raise UserError(
        "measured amplitudes or intensities with their σ (columns of types FQ, JQ, GLGL or KMKM)",
        f"no value that is a finite number in {'; '.join(empty)}" if empty else columns,
        "give a file with measured data, or correct the types of its columns",
    )


def test_set_column(mtz: gemmi.Mtz) -> tuple[str, int] | None:
    """Find the free-set column and the value that marks the test set.

    The first integer column named like a free flag counts. With more than two classes the test set is 0
    (CCP4); with two it is the smaller class (0 in CCP4, 1 in Phenix).

    Returns
    -------
    Label and value, or None if there is no such column or it has one class only.
    """
    column = mtz.rfree_column()
    if column is None:
        return None
    values = np.array(column, copy=True)
    classes, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(classes) < 2:
        return None
    value = int(classes[np.argmin(counts)]) if len(classes) == 2 or 0.0 not in classes else 0
    return column.label, value


def _named_group(mtz: gemmi.Mtz, labels: str) -> ColumnGroup:
    names = tuple(name.strip() for name in labels.split(","))
    present = mtz.column_labels()
    for name in names:
        if name not in present:
            raise UserError(f"column {name}", "columns " + " ".join(present), "check --observations")
    signature = "".join(present_type(mtz, name) for name in names)
    if signature not in MEASURED_TYPES:
        raise UserError(
            "types FQ, JQ, GLGL or KMKM (value, σ)",
            f"{labels} has types {signature}",
            "give a value and its σ, as in --observations F,SIGF",
        )
    return ColumnGroup(signature, names)


def present_type(mtz: gemmi.Mtz, label: str) -> str:
    """Return the type of the column with this label."""
    return str(mtz.column_with_label(label).type)


def _has_values(mtz: gemmi.Mtz, group: ColumnGroup) -> bool:
    return all(np.isfinite(np.array(mtz.column_with_label(label), copy=True)).any() for label in group.labels)
