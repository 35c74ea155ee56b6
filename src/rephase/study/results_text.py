"""The results of an evaluation as a table."""

from collections.abc import Mapping
from pathlib import Path

from rephase.logs import counted, format_table
from rephase.study.results import EvaluationResults
from rephase.study.study_config import column_label
from rephase.study.summary import ColumnSummary, Estimate, Part

HEADERS = (
    "",
    "crystals",
    "Pearson, median",
    "mean",
    "central 6 Å",
    "phase error",
    "below 60°",
    "any origin",
    "either hand",
    "right hand",
    "solved",
    "s each",
)
EXPLANATION = """\
Pearson correlation with the true density over the cell, [95 % interval], and in the central box of 6 Å
(median); mean phase error of all reflections; crystals whose mean is below 60°. Networks are judged as they
predict, without any alignment; phasing at the best origin, in the hand it gives out, or puts first where it
leaves the hand open. Phasing is told the number of atoms, as a sequence would tell it. Any origin: median
correlation at the best origin. Either hand: the same in the hand that agrees better. Right hand: crystals
that agree better in the hand given than inverted. Solved: correlation of at least 0.80 at the best origin,
and the right hand. Intervals: bootstrap over PDB entries;
exact ones, with each entry as a witness, where all or no crystals are."""


def results_text(results: EvaluationResults) -> str:
    """Lay out the results in plain text."""
    lines = [
        f"{title_of(results)}: {subtitle_of(results)}",
        "",
        table_text(results.columns, results.study.settings),
    ]
    if results.common:
        number = next(iter(results.common.values())).examples
        lines += ["", f"{common_title(number)}:", "", table_text(results.common, results.study.settings)]
    return "\n".join([*lines, "", EXPLANATION, "", f"Times: {results.versions.device}."])


def title_of(results: EvaluationResults) -> str:
    """Say in a few words what was evaluated."""
    return f"{name_of(results)} on {results.set.name}"


def subtitle_of(results: EvaluationResults) -> str:
    """Say how large the network is, and how many crystals there were."""
    crystals = results.set
    entries = "1 PDB entry" if crystals.entries == 1 else f"{crystals.entries} PDB entries"
    network = f"{results.network.record.network.kind}, {results.network.parameters:,} weights"
    return f"{network}; {counted(crystals.examples, 'crystal')} of {entries}, split {crystals.split}"


def name_of(results: EvaluationResults) -> str:
    """Name a network: as it was released, or by the end of its path."""
    return results.network.record.name or "/".join(Path(results.network.weights).with_suffix("").parts[-2:])


def common_title(number: int) -> str:
    """Head the table of the crystals that every column has."""
    return f"The {counted(number, 'crystal')} that were phased without the network too"


def table_text(columns: Mapping[str, ColumnSummary], settings: int) -> str:
    """Lay out one table."""
    return format_table(HEADERS, table_rows(columns, settings))


def table_rows(columns: Mapping[str, ColumnSummary], settings: int) -> list[list[str]]:
    """Return the rows below `HEADERS`."""
    return [[column_label(name, settings), *_figures(one)] for name, one in columns.items()]


def _figures(one: ColumnSummary) -> list[str]:
    return [
        str(one.examples),
        with_interval(one.pearson),
        f"{one.pearson.mean:.3f}",
        f"{one.box.median:.3f}",
        f"{one.phase_error.mean:.1f}°",
        percent(one.below_60),
        f"{one.aligned_pearson.median:.3f}",
        f"{one.either_pearson.median:.3f}",
        percent(one.right_hand),
        f"{percent(one.solved)} [{100.0 * one.solved.low:.0f}–{100.0 * one.solved.high:.0f}]",
        f"{one.seconds:.2g}" if one.seconds else "–",
    ]


def with_interval(one: Estimate) -> str:
    """Write a median and its interval."""
    return f"{one.median:.3f} [{one.median_low:.3f}, {one.median_high:.3f}]"


def percent(one: Part) -> str:
    """Write a part as percent, with a digit where it is rare or nearly certain."""
    digits = 0 if 0.01 <= one.value <= 0.99 or one.value in (0.0, 1.0) else 1
    return f"{100.0 * one.value:.{digits}f} %"
