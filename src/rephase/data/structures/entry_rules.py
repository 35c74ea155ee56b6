"""Rules on whole entries, each a question to what the file states, with the name it is counted under."""

from collections.abc import Callable
from datetime import date

from rephase.data.structures.build_config import EntryRules
from rephase.io.structure_file import StructureFile

Rule = Callable[[StructureFile, EntryRules], bool]


def entry_rejection(entry: StructureFile, rules: EntryRules) -> str | None:
    """Return the name of the first rule that an entry breaks; None when it may be used."""
    return next((name for name, broken in _RULES.items() if broken(entry, rules)), None)


def _other_experiment(entry: StructureFile, rules: EntryRules) -> bool:
    return not set(entry.methods) & {method.upper() for method in rules.methods}


def _released(entry: StructureFile) -> date | None:
    return entry.released or entry.deposited


def _no_date(entry: StructureFile, rules: EntryRules) -> bool:
    return rules.released_after is not None and _released(entry) is None


def _too_old(entry: StructureFile, rules: EntryRules) -> bool:
    day = _released(entry)
    return rules.released_after is not None and day is not None and day.year <= rules.released_after


def _no_resolution(entry: StructureFile, rules: EntryRules) -> bool:
    return rules.resolution is not None and entry.resolution is None


def _low_resolution(entry: StructureFile, rules: EntryRules) -> bool:
    return _above(entry.resolution, rules.resolution)


def _no_r_free(entry: StructureFile, rules: EntryRules) -> bool:
    return rules.r_free is not None and entry.r_free is None and rules.r_free_missing == "reject"


def _high_r_free(entry: StructureFile, rules: EntryRules) -> bool:
    return _above(entry.r_free, rules.r_free)


def _above(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value > limit


_RULES: dict[str, Rule] = {
    "experiment": _other_experiment,
    "no date": _no_date,
    "date": _too_old,
    "no resolution": _no_resolution,
    "resolution": _low_resolution,
    "no R-free": _no_r_free,
    "R-free": _high_r_free,
}
