"""The record of one run, `results.json`: everything the report says, in a versioned schema.

Angles are in degrees, lengths in Å, B in Å², times in s. A value that was not measured is null; where null is
allowed, NaN is taken as null.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from rephase.errors import UserError
from rephase.report.data_record import (
    Count,
    DataQuality,
    Floats,
    InputData,
    Measured,
    MeasuredAngle,
    MeasuredFraction,
    Positive,
    Record,
    check_equal_length,
)

SCHEMA_VERSION: Literal["1"] = "1"

_HIGHEST_CHANCE = 0.99  # the calibration rests on hundreds of crystals, not on thousands

VerdictWord = Literal["solved", "doubtful", "not solved", "improved", "unchanged"]
"""The last two are of phases that were given and modified."""


class FigureOfMerit(Record):
    """A named number which needs no truth, with the limits it was judged by."""

    name: str
    value: float
    solved_above: float | None = None
    doubtful_above: float | None = None
    explanation: str = ""


class Verdict(Record):
    """Whether to believe the phases. `probability` is the calibrated chance that they are right."""

    word: VerdictWord
    probability: MeasuredFraction
    figure: FigureOfMerit
    sentence: str

    @property
    def chance_in_words(self) -> str:
        """The probability in percent; nothing is called certain, nor impossible."""
        if self.probability is None:
            return "not calibrated"
        if self.probability > _HIGHEST_CHANCE:
            return f"above {100 * _HIGHEST_CHANCE:.0f} %"
        if self.probability < 1.0 - _HIGHEST_CHANCE:
            return f"below {100 * (1.0 - _HIGHEST_CHANCE):.0f} %"
        return f"{100 * self.probability:.0f} %"


class Convergence(Record):
    """How one start went: `value` of the figure of merit at each `iteration`."""

    start: Count
    iteration: tuple[int, ...]
    value: Floats

    @model_validator(mode="after")
    def _check_lengths(self) -> "Convergence":
        check_equal_length(f"convergence of start {self.start}", self.iteration, self.value)
        return self


class Hand(Record):
    """Which hand was kept, and what decided it.

    `log_odds` is the natural logarithm of the odds that the search ended in the right hand; null where
    symmetry decides.
    """

    status: Literal["decided", "undecided"]
    decided_by: str = ""
    log_odds: Measured = None


class OperatorAgreement(Record):
    """Agreement of the P1 phases with one symmetry operator: weighted ⟨cos Δφ⟩."""

    operator: str
    agreement: float


class NetworkUsed(Record):
    """A network whose predictions were starts, by the name and sum of its file and the size of its training.

    `outside_range` says in what the crystal differs from those of the training; empty if it is like them.
    """

    name: str
    sha256: str
    examples: Count
    outside_range: tuple[str, ...] = ()


class PriorUsed(Record):
    """A density prior that took part, by the name and sum of its file and the size of its training.

    `outside_range` says in what the data differ from those of the training; empty if they are like them.
    """

    name: str
    sha256: str
    examples: Count
    outside_range: tuple[str, ...] = ()


class Phasing(Record):
    """How the phases were found.

    `start_figures` holds the figure of merit of every start, in order; `best_start` counts from zero.
    """

    method: str
    network: NetworkUsed | None = None
    prior: PriorUsed | None = None
    start_phases: str | None = None
    n_starts: Count
    n_iterations: Count
    seed: Count
    best_start: Count | None = None
    start_figures: Floats = ()
    convergence: tuple[Convergence, ...] = ()
    solvent_fraction: MeasuredFraction = None
    hand: Hand
    symmetry: tuple[OperatorAgreement, ...] = ()
    time_limit_hit: bool = False


class Shell(Record):
    """One resolution shell, d_max > d ≥ d_min; `start_difference_deg` compares independent starts."""

    d_max: Positive
    d_min: Positive
    n: Count
    completeness: MeasuredFraction = None
    mean_f_over_sigma: Measured = None
    mean_fom: MeasuredFraction = None
    start_difference_deg: MeasuredAngle = None


class OutputFile(Record):
    """A file of the output directory, what it holds, and how to open it."""

    name: str
    what: str
    how_to_open: str = ""


class Versions(Record):
    """Programs and hardware of the run."""

    rephase: str
    python: str
    torch: str
    gemmi: str
    numpy: str
    device: str


class StageTime(Record):
    """Wall time of one stage in s."""

    stage: str
    seconds: Annotated[float, Field(ge=0.0)]


class Citation(Record):
    """A method used by this run, to be cited."""

    text: str
    doi: str | None = None


class Results(Record):
    """The whole record of one run. Shells go from low to high resolution."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    title: str
    created: str
    command: str
    verdict: Verdict
    input: InputData
    data_quality: DataQuality
    phasing: Phasing
    shells: tuple[Shell, ...]
    overall: Shell
    files: tuple[OutputFile, ...]
    warnings: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    versions: Versions
    timings: tuple[StageTime, ...]
    citations: tuple[Citation, ...]

    @model_validator(mode="after")
    def _check_shell_order(self) -> "Results":
        limits = [shell.d_min for shell in self.shells]
        if limits != sorted(limits, reverse=True):
            raise ValueError("shells must go from low to high resolution")
        return self


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `results.json`."""
    return Results.model_json_schema()


def write_results(results: Results, path: Path) -> None:
    """Write `results` as indented JSON, UTF-8."""
    path.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read a `results.json`.

    Raises
    ------
    UserError
        When the file is missing, is no JSON, or does not follow the schema of this version.
    """
    if not path.is_file():
        raise UserError(
            wanted="results.json of an earlier run",
            found=f"no file {path}",
            do="name the directory that `rephase solve` wrote",
        )
    try:
        return Results.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            wanted=f"a results.json of schema version {SCHEMA_VERSION}",
            found=f"{path}: {where + ': ' if where else ''}{first['msg']}",
            do="run `rephase solve` again with this version",
        ) from error
