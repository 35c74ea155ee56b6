"""Figures of density priors, as the scripts in benchmarks/ write them, read for a card."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rephase.errors import UserError
from rephase.io.checksums import sha256_of
from rephase.models.trained import SUFFIX, released_names

Interval = tuple[float, float, float]
"""A mean and the ends of its 95 % interval."""


class _Figures(BaseModel):
    """Base of what others write: what a card does not show may be there."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StatedProbability(_Figures):
    """Solutions whose stated probability lies in an interval; see `rephase.evaluate.reliability`."""

    low: float
    high: float
    count: int = Field(ge=0)
    stated: float | None
    found: float | None


class SolveSummary(_Figures):
    """Figures of one way to phase one list of crystals."""

    n: int = Field(ge=1)
    solved: Interval
    right_hand: float | None
    error_of_solved: Interval | None
    auroc: float | None
    reliability: tuple[StatedProbability, ...]
    false_solved: int
    missed: int
    median_seconds: float


class SolveCase(_Figures):
    """The same with all its crystals, which are left out."""

    summary: SolveSummary


class BasinMeans(_Figures):
    """Sum of the prior that a crystal was phased with; None without one."""

    prior: str | None


class BasinRecord(_Figures):
    """One crystal from one start, phased in one way."""

    way: str
    setting: dict[str, Any]
    means: BasinMeans
    solved: bool


class ModifyCase(_Figures):
    """Mean phase errors of given phases, and after modification without and with the prior, degrees."""

    crystal: str
    start: str
    start_error: float
    classical: float
    prior: float | None


class PriorFigures(_Figures):
    """What one script measured.

    Attributes
    ----------
    command
        That measured it.
    prior
        SHA-256 of the prior's file, or `sum_of_priors`; None where no prior or several were used.
    sets
        Of benchmarks/solve.py: figures by the title of the case.
    records
        Of benchmarks/basin.py.
    cases
        Of benchmarks/modify.py.
    """

    command: str
    prior: str | None = None
    sets: dict[str, SolveCase] = Field(default_factory=dict)
    records: tuple[BasinRecord, ...] = ()
    cases: tuple[ModifyCase, ...] = ()

    @model_validator(mode="after")
    def _something_is_there(self) -> "PriorFigures":
        if not (self.sets or self.records or self.cases):
            raise ValueError("neither sets nor records nor cases")
        return self

    @property
    def sums(self) -> set[str]:
        """Sums of the priors that were measured."""
        found = {self.prior, *(record.means.prior for record in self.records)}
        return {one for one in found if one is not None}


@dataclass(frozen=True)
class KnownSums:
    """Sums by which figures may say that they are of a prior.

    Attributes
    ----------
    own
        Of its file.
    released
        Of all priors that lie beside it, from which the program chooses.
    """

    own: str
    released: str


def read_prior_figures(path: Path) -> PriorFigures:
    """Read what benchmarks/solve.py, basin.py or modify.py wrote.

    Raises
    ------
    UserError
        When the file is missing, or of another program.
    """
    wanted = f"figures of a density prior in {path}, by benchmarks/solve.py, basin.py or modify.py"
    try:
        return PriorFigures.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(wanted, error.strerror or "unreadable", "check the path") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(wanted, f"{place}: {first['msg']}".lstrip(": "), "give another file") from None


def known_sums(weights: Path) -> KnownSums:
    """Calculate the sums by which figures may name the prior in a file."""
    return KnownSums(sha256_of(weights), sum_of_priors(weights.parent))


def sum_of_priors(folder: Path) -> str:
    """Return the SHA-256 of the list of sums of all priors in a folder, in the order of their names."""
    listed = " ".join(sha256_of(folder / f"{name}{SUFFIX}") for name in released_names(folder))
    return hashlib.sha256(listed.encode()).hexdigest()


def pooled(summaries: Sequence[SolveSummary]) -> list[StatedProbability]:
    """Put the solutions of several lists together, interval by interval."""
    bins: dict[tuple[float, float], list[StatedProbability]] = {}
    for summary in summaries:
        for one in summary.reliability:
            bins.setdefault((one.low, one.high), []).append(one)
    return [_together(*limits, ones) for limits, ones in sorted(bins.items())]


def _together(low: float, high: float, ones: Sequence[StatedProbability]) -> StatedProbability:
    count = sum(one.count for one in ones)
    stated = sum(one.count * (one.stated or 0.0) for one in ones) / count if count else None
    found = sum(one.count * (one.found or 0.0) for one in ones) / count if count else None
    return StatedProbability(low=low, high=high, count=count, stated=stated, found=found)
