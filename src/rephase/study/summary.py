"""What a study says of every way to find a map: means and medians over the crystals, with intervals."""

from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from rephase.crystal.shells import Shells
from rephase.evaluate.resampling import mean_interval, median_interval, part_interval, resampled_counts
from rephase.io.config import Config
from rephase.study.study_config import StudyConfig

FloatArray = NDArray[np.float64]
CountArray = NDArray[np.int64]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]

GOOD_PHASES = 60.0
"""Degrees: a mean phase error below which a map can be used (Patterson U-Net 2023, figures 4 and 6)."""


class Estimate(Config):
    """Mean and median over the crystals, with their 95 % intervals by a bootstrap over PDB entries."""

    mean: float
    mean_low: float
    mean_high: float
    median: float
    median_low: float
    median_high: float


class Part(Config):
    """Part of the crystals of which something is true, with its 95 % interval.

    By the same bootstrap, or the exact binomial one where it is all of them or none.
    """

    value: Fraction
    low: Fraction
    high: Fraction


class ShellSummary(Config):
    """Phases of one resolution shell.

    Attributes
    ----------
    d_max, d_min
        Limits in Å; the lowest shell has no d_max.
    examples
        Crystals with reflections in it.
    phase_error
        Degrees.
    below_60
        Part of the crystals whose mean phase error in the shell is below 60°.
    """

    d_max: float | None
    d_min: float
    examples: int
    phase_error: Estimate
    below_60: Part


class ColumnSummary(Config):
    """Figures of one way to find maps; see `rephase.evaluate.judged_maps.JudgedMaps`.

    Attributes
    ----------
    examples, entries
        Crystals, and PDB entries that they come from.
    pearson, box, phase_error
        The main figures.
    aligned_pearson, aligned_phase_error
        At the best origin.
    either_pearson, either_phase_error
        At the best origin of the better hand.
    below_60, right_hand, solved
        Parts of the crystals.
    shells
        Low to high resolution.
    seconds
        Mean wall time for a crystal.
    """

    examples: int
    entries: int
    pearson: Estimate
    box: Estimate
    phase_error: Estimate
    aligned_pearson: Estimate
    aligned_phase_error: Estimate
    either_pearson: Estimate
    either_phase_error: Estimate
    below_60: Part
    right_hand: Part
    solved: Part
    shells: tuple[ShellSummary, ...]
    seconds: float


def summarise(table: pa.Table, config: StudyConfig, shells: Shells) -> dict[str, ColumnSummary]:
    """Summarise every column over all crystals that have it.

    Parameters
    ----------
    table
        From `rephase.study.study.study_network`.
    config
        Names of the columns, and the seed of the bootstrap.
    shells
        Those of the set.
    """
    found = {}
    for column in config.columns:
        rows = table.filter(pc.is_valid(table[f"{column}/pearson"]))
        if rows.num_rows:
            found[column] = _summary(rows, column, config.seed, shells)
    return found


def of_common_examples(table: pa.Table, config: StudyConfig) -> pa.Table:
    """Return the crystals that have every column."""
    for column in config.columns:
        table = table.filter(pc.is_valid(table[f"{column}/pearson"]))
    return table


def _summary(rows: pa.Table, column: str, seed: int, shells: Shells) -> ColumnSummary:
    entry = np.array(rows["entry"].to_pylist(), np.str_)
    counts = resampled_counts(entry, np.random.default_rng(seed))

    def values(figure: str) -> FloatArray:
        return np.asarray(rows[f"{column}/{figure}"].to_numpy(), dtype=np.float64)

    def estimate_of(figure: str) -> Estimate:
        return estimate(values(figure), counts)

    return ColumnSummary(
        examples=rows.num_rows,
        entries=len(np.unique(entry)),
        pearson=estimate_of("pearson"),
        box=estimate_of("box"),
        phase_error=estimate_of("phase_error"),
        aligned_pearson=estimate_of("aligned_pearson"),
        aligned_phase_error=estimate_of("aligned_phase_error"),
        either_pearson=estimate_of("either_pearson"),
        either_phase_error=estimate_of("either_phase_error"),
        below_60=part(values("phase_error") < GOOD_PHASES, entry, counts),
        right_hand=part(values("right_hand") > 0.0, entry, counts),
        solved=part(values("solved") > 0.0, entry, counts),
        shells=_shell_summaries(shell_errors(rows, column), entry, counts, shells),
        seconds=float(values("seconds").mean()),
    )


def shell_errors(rows: pa.Table, column: str) -> FloatArray:
    """Return mean phase errors in degrees by crystal and shell, NaN where there is none, ``(n, shells)``."""
    return np.array(rows[f"{column}/shell_errors"].to_pylist(), dtype=np.float64)


def _shell_summaries(
    errors: FloatArray, entry: NDArray[np.str_], counts: CountArray, shells: Shells
) -> tuple[ShellSummary, ...]:
    found = []
    for number, (d_max, d_min) in enumerate(shells.d_range.tolist()):
        there = np.isfinite(errors[:, number])
        if there.any():
            error, drawn = errors[there, number], counts[:, there]
            found.append(
                ShellSummary(
                    d_max=None if number == 0 else d_max,
                    d_min=d_min,
                    examples=int(there.sum()),
                    phase_error=estimate(error, drawn),
                    below_60=part(error < GOOD_PHASES, entry[there], drawn),
                )
            )
    return tuple(found)


def estimate(values: FloatArray, counts: CountArray) -> Estimate:
    """Return mean and median of values, shape ``(n,)``, with intervals by resamples ``(resamples, n)``."""
    mean, median = mean_interval(values, counts), median_interval(values, counts)
    return Estimate(
        mean=float(values.mean()),
        mean_low=mean[0],
        mean_high=mean[1],
        median=float(np.median(values)),
        median_low=median[0],
        median_high=median[1],
    )


def part(true: NDArray[np.bool_], entry: NDArray[np.str_], counts: CountArray) -> Part:
    """Return the part that is true, shape ``(n,)``, with its interval, given the entries ``(n,)``."""
    low, high = part_interval(true, entry, counts)
    return Part(value=float(true.mean()), low=low, high=high)
