"""The record of one run, `results.json`: everything the report says, in a versioned schema.

Angles are in degrees, lengths in Å, B in Å², times in s. A value that was not measured is null.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rephase.errors import UserError

SCHEMA_VERSION: Literal["1"] = "1"

VerdictWord = Literal["solved", "doubtful", "not solved"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0.0)]
Floats = tuple[float, ...]


class Record(BaseModel):
    """Base of every part: unknown keys, infinities and later changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    probability: Fraction | None
    figure: FigureOfMerit
    sentence: str


class InputData(Record):
    """What was phased. `cell` is a, b, c in Å and α, β, γ in degrees."""

    file: str
    columns: tuple[str, ...]
    kind: Literal["amplitudes", "intensities"]
    cell: tuple[Positive, Positive, Positive, Positive, Positive, Positive]
    spacegroup: str
    d_max: Positive
    d_min: Positive
    n_reflections: Count
    sequence_residues: Count | None = None
    free_set: str | None = None


class WilsonPlot(Record):
    """Mean intensity against resolution: `ln_i` = ln(⟨I/ε⟩ / Σf²) at `inv_d2` in Å⁻², and its fitted line."""

    inv_d2: Floats
    ln_i: Floats
    fit_inv_d2: Floats = ()
    fit_ln_i: Floats = ()

    @model_validator(mode="after")
    def _check_lengths(self) -> "WilsonPlot":
        _check_equal("wilson", self.inv_d2, self.ln_i)
        _check_equal("wilson fit", self.fit_inv_d2, self.fit_ln_i)
        return self


class LTest(Record):
    """Cumulative distribution N(|L|) of local intensity differences of acentric reflections.

    Padilla & Yeates, Acta Cryst. D59, 1124 (2003).
    """

    abs_l: Floats
    cumulative: Floats

    @model_validator(mode="after")
    def _check_lengths(self) -> "LTest":
        _check_equal("l_test", self.abs_l, self.cumulative)
        return self


class DataQuality(Record):
    """Statistics of the measured data. Moments are ⟨I²⟩/⟨I⟩²: 2 acentric, 3 centric, 1.5 perfect twin."""

    completeness: Fraction | None = None
    completeness_low: Fraction | None = None
    low_limit_d: Positive | None = None
    mean_i_over_sigma: float | None = None
    second_moment_acentric: float | None = None
    second_moment_centric: float | None = None
    mean_abs_l: float | None = None
    mean_l_squared: float | None = None
    twinning: str | None = None
    wilson_b: float | None = None
    anisotropy_delta_b: float | None = None
    n_outliers: Count | None = None
    n_absences_violated: Count | None = None
    wilson_plot: WilsonPlot | None = None
    l_test: LTest | None = None


class Convergence(Record):
    """How one start went: `value` of the figure of merit at each `iteration`."""

    start: Count
    iteration: tuple[int, ...]
    value: Floats

    @model_validator(mode="after")
    def _check_lengths(self) -> "Convergence":
        _check_equal(f"convergence of start {self.start}", self.iteration, self.value)
        return self


class Hand(Record):
    """Which hand was kept, and what decided it."""

    status: Literal["decided", "undecided"]
    decided_by: str = ""


class OperatorAgreement(Record):
    """Agreement of the P1 phases with one symmetry operator: weighted ⟨cos Δφ⟩."""

    operator: str
    agreement: float


class Phasing(Record):
    """How the phases were found. `start_figures` holds the figure of merit of every start, in order."""

    method: str
    n_starts: Count
    n_iterations: Count
    seed: Count
    best_start: Count | None = None
    start_figures: Floats = ()
    convergence: tuple[Convergence, ...] = ()
    solvent_fraction: Fraction | None = None
    hand: Hand
    symmetry: tuple[OperatorAgreement, ...] = ()
    time_limit_hit: bool = False


class Shell(Record):
    """One resolution shell, d_max > d ≥ d_min; `start_difference_deg` compares independent starts."""

    d_max: Positive
    d_min: Positive
    n: Count
    completeness: Fraction | None = None
    mean_f_over_sigma: float | None = None
    mean_fom: Fraction | None = None
    start_difference_deg: Annotated[float, Field(ge=0.0, le=180.0)] | None = None


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


def _check_equal(name: str, x: tuple[float, ...], y: tuple[float, ...]) -> None:
    if len(x) != len(y):
        raise ValueError(f"{name}: {len(x)} abscissae but {len(y)} ordinates")
