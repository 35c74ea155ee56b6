"""The figure of the basin study.

python benchmarks/basin_figure.py RECORDS.json FIGURE [--force]
"""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basin_crystals import AXES, Axis, Setting
from phasing_ways import BOTH, CLASSICAL, LABELS, PRIOR, WAYS
from rephase.errors import UserError
from rephase.evaluate.reliability import wilson_interval
from rephase.report.figure_style import (
    ACCENT,
    FAINT,
    GOOD,
    GRID,
    MUTED,
    TEXT,
    check_figure_path,
    new_figure,
    save_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {CLASSICAL: MUTED, PRIOR: ACCENT, BOTH: GOOD}
TITLES = {
    "error": "Random errors",
    "model": "A damaged model",
    "solvent": "Solvent",
    "d_min": "Resolution",
    "size": "Size",
    "noise": "Noise",
    "completeness": "Completeness",
}
PLACES = ("error", "model", "solvent", "d_min", "size", "noise", "completeness")
COLUMNS = 4
Record = dict[str, Any]


def basin_figure(records: list[Record]) -> "Figure":
    """Draw the part of the crystals that is solved along each axis that the records have two levels of."""
    shown = [name for name in PLACES if sum(bool(of(records, one)) for one in AXES[name].settings()) > 1]
    if not shown:
        raise UserError("records of two levels of an axis", "fewer", "run benchmarks/basin.py to the end")
    rows = -(-len(shown) // COLUMNS)
    with styled():
        figure = new_figure(
            11.0, 1.3 + 2.4 * rows, "How far from the truth phasing may start", subtitle(records)
        )
        grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).ravel()
        for axes, name in zip(grid, shown, strict=False):
            panel(axes, AXES[name], records)
            axes.set_title(TITLES[name])
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[::COLUMNS]:
            axes.set_ylabel("% of the crystals solved")
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, labelcolor=TEXT)
    return figure


def subtitle(records: list[Record]) -> str:
    """Say what was measured."""
    counts = Counter((str(record["setting"]), record["way"]) for record in records)
    return (
        "15 residues in P1, 1.6–2.25 Å, starting phases off by 70° on average, one thing changed at a time; "
        f"at most {max(counts.values())} crystals each, 95 % intervals"
    )


def of(records: list[Record], setting: Setting, way: str | None = None) -> list[Record]:
    """Take the records of a setting, all or of one way."""
    return [
        record for record in records if record["setting"] == asdict(setting) and way in (None, record["way"])
    ]


def panel(axes: "Axes", axis: Axis, records: list[Record]) -> None:
    """Draw one axis: a line with its interval for each way."""
    places = list(range(len(axis.levels)))
    for way in WAYS:
        found = [of(records, setting, way) for setting in axis.settings()]
        there = [place for place in places if found[place]]
        solved = [sum(record["solved"] for record in found[place]) for place in there]
        count = [len(found[place]) for place in there]
        rate = [100.0 * s / n for s, n in zip(solved, count, strict=True)]
        ends = [wilson_interval(s, n) for s, n in zip(solved, count, strict=True)]
        axes.plot(there, rate, color=COLOURS[way], marker="o", markersize=3.5, label=LABELS[way])
        low, high = ([100.0 * end[side] for end in ends] for side in (0, 1))
        axes.fill_between(there, low, high, color=COLOURS[way], alpha=0.13, linewidth=0)
    axes.set_xticks(places, ["∞" if level is None else f"{level:g}" for level in axis.levels])
    axes.set_xlabel(axis.label)
    axes.set(ylim=(-3.0, 103.0), yticks=range(0, 101, 25))
    axes.grid(axis="y", color=GRID)
    mark_centre(axes, axis)


def mark_centre(axes: "Axes", axis: Axis) -> None:
    """Draw a line at the level that the other panels keep."""
    if Setting() in axis.settings():
        axes.axvline(axis.settings().index(Setting()), color=FAINT, linewidth=0.8, linestyle="--", zorder=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", type=Path, help="file that benchmarks/basin.py wrote")
    parser.add_argument("figure", type=Path, help="a .svg, .png or .pdf file")
    parser.add_argument("--force", action="store_true", help="replace the figure")
    arguments = parser.parse_args()
    check_figure_path(arguments.figure, arguments.force)
    records = json.loads(arguments.records.read_text())["records"]
    save_figure(basin_figure(records), arguments.figure)


if __name__ == "__main__":
    main()
