"""What a check of sets finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something wrong with a set, or between two.

    Attributes
    ----------
    test
        What was checked, such as ``files``.
    where
        The set or sets.
    what
        What was found.
    """

    test: str
    where: str
    what: str
