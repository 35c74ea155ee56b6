"""Curves of an evaluation: phases by resolution, as published, and the distribution of the correlation."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.logs import counted
from rephase.report.figure_style import ACCENT, FAINT, GOOD, GRID, MUTED, TEXT, WARN, new_figure, styled
from rephase.study.results import EvaluationResults
from rephase.study.results_text import subtitle_of, title_of
from rephase.study.study_config import (
    AMPLITUDES,
    CLASSICAL,
    ENSEMBLE,
    ENSEMBLE_AMPLITUDES,
    NETWORK,
    RANDOM,
    SEEDED,
    column_label,
)
from rephase.study.summary import GOOD_PHASES, ColumnSummary, ShellSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {
    RANDOM: (FAINT, ":"),
    NETWORK: (ACCENT, "-"),
    AMPLITUDES: (ACCENT, "--"),
    ENSEMBLE: (WARN, "-"),
    ENSEMBLE_AMPLITUDES: (WARN, "--"),
    CLASSICAL: (MUTED, "-"),
    SEEDED: (GOOD, "-"),
}
"""Colour and dashes of each column; dashed where measured amplitudes were put back."""
_TICKS = (6.0, 4.0, 3.0, 2.5, 2.2, 2.0, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8)
_LEAST_GAP = 0.045  # Å⁻¹ between ticks that are told apart


def phase_figure(results: EvaluationResults) -> "Figure":
    """Draw mean phase errors, and parts of the crystals below 60°, by resolution, with their 95 % intervals.

    As figures 4 and 6 of the Patterson U-Net (2023). Maps with measured amplitudes put back have the phases
    of those without, and are left out.
    """
    with styled():
        figure = new_figure(11.0, 4.6, title_of(results), subtitle_of(results))
        left, right = figure.subplots(1, 2)
        for name, column in results.columns.items():
            if name in (AMPLITUDES, ENSEMBLE_AMPLITUDES):
                continue
            label = _label(name, results)
            _errors(left, name, column, label)
            _parts(right, name, column, label)
        left.axhline(90.0, color=FAINT, linewidth=0.8, zorder=0)
        left.axhline(GOOD_PHASES, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
        left.set(title="Mean phase error", ylim=(0.0, 100.0), yticks=range(0, 91, 15))
        left.set_ylabel("degrees")
        right.set(title=f"Crystals with a mean below {GOOD_PHASES:.0f}°", ylim=(-2.0, 102.0))
        right.set_ylabel("% of the crystals")
        for axes in (left, right):
            _resolution_axis(axes, results)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, labelcolor=TEXT)
    return figure


def correlation_figure(table: pa.Table, results: EvaluationResults) -> "Figure":
    """Draw which part of the crystals reaches which correlation with the true density."""
    with styled():
        figure = new_figure(7.0, 4.9, title_of(results), subtitle_of(results))
        axes = figure.subplots()
        for name in results.columns:
            colour, dashes = STYLES[name]
            values = np.sort(pc.drop_null(table[f"{name}/pearson"]).to_numpy())
            reached = 100.0 * (1.0 - np.arange(len(values) + 1) / len(values))
            steps = np.concatenate([[-1.0], values, [1.0]]), np.concatenate([reached, reached[-1:]])
            label = _label(name, results)
            axes.step(*steps, where="post", color=colour, linestyle=dashes, linewidth=1.6, label=label)
        axes.axvline(SOLVED_MAP_CORRELATION, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
        low = min(float(pc.min(table[f"{name}/pearson"]).as_py()) for name in results.columns)
        axes.set(
            title="Crystals that reach a correlation", xlim=(min(low, 0.0) - 0.02, 1.0), ylim=(0.0, 101.0)
        )
        axes.set_xlabel("Pearson correlation with the true density")
        axes.set_ylabel("% of the crystals")
        axes.grid(color=GRID)
        figure.legend(loc="outside lower center", ncols=2, labelcolor=TEXT)
    return figure


def _label(name: str, results: EvaluationResults) -> str:
    """Name a column, and say of how many crystals it is where not of all."""
    number = results.columns[name].examples
    fewer = "" if number == results.set.examples else f" ({counted(number, 'crystal')})"
    return column_label(name, results.study.settings) + fewer


def _errors(axes: "Axes", name: str, column: ColumnSummary, label: str) -> None:
    colour, dashes = STYLES[name]
    place = [_middle(shell) for shell in column.shells]
    errors = [shell.phase_error for shell in column.shells]
    axes.plot(place, [one.mean for one in errors], color=colour, linestyle=dashes, label=label)
    low, high = [one.mean_low for one in errors], [one.mean_high for one in errors]
    axes.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)


def _parts(axes: "Axes", name: str, column: ColumnSummary, label: str) -> None:
    colour, dashes = STYLES[name]
    place = [_middle(shell) for shell in column.shells]
    parts = [shell.below_60 for shell in column.shells]
    axes.plot(place, [100.0 * one.value for one in parts], color=colour, linestyle=dashes, label=label)
    low, high = [100.0 * one.low for one in parts], [100.0 * one.high for one in parts]
    axes.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)


def _middle(shell: ShellSummary) -> float:
    """1/d in Å⁻¹ that halves the volume of a shell."""
    low = 0.0 if shell.d_max is None else shell.d_max**-3
    return float(((low + shell.d_min**-3) / 2.0) ** (1.0 / 3.0))


def _resolution_axis(axes: "Axes", results: EvaluationResults) -> None:
    """Label an axis of 1/d by d."""
    shells = [shell for column in results.columns.values() for shell in column.shells]
    first, last = min(map(_middle, shells)), max(1.0 / shell.d_min for shell in shells)
    ticks: list[float] = []
    for d in _TICKS:
        if 0.8 * first < 1.0 / d <= 1.001 * last and (not ticks or 1.0 / d - 1.0 / ticks[-1] > _LEAST_GAP):
            ticks.append(d)
    axes.set_xticks([1.0 / d for d in ticks], [f"{d:g}" for d in ticks])
    axes.set_xlim(0.8 * first, 1.01 * last)
    axes.set_xlabel("resolution (Å)")
    axes.grid(axis="y", color=GRID)
