"""The plots of the report, as plain plotly figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rephase.report.data_record import DataQuality, LTest, WilsonPlot
from rephase.report.plot_style import (
    Spec,
    base_layout,
    compact,
    limit_marks,
    line_trace,
    mark_x,
    mark_y,
    resolution_axis,
    with_markers,
)
from rephase.report.results import FigureOfMerit, Phasing, Results, Shell

_MAX_BINS = 30


@dataclass(frozen=True)
class Plot:
    """One plot: its identifier in the page, title, a sentence saying what it shows, and the plotly figure."""

    name: str
    title: str
    caption: str
    figure: Spec


def data_plots(quality: DataQuality) -> list[Plot]:
    """Return the Wilson plot and the L-test, where they were made."""
    plots = []
    if quality.wilson_plot is not None:
        plots.append(_wilson(quality.wilson_plot, quality.wilson_b))
    if quality.l_test is not None:
        plots.append(_l_test(quality.l_test))
    return plots


def phasing_plots(phasing: Phasing, figure: FigureOfMerit) -> list[Plot]:
    """Return the distribution of the starts' figures of merit, and how they came about."""
    plots = []
    if phasing.start_figures:
        plots.append(_starts(phasing, figure))
    if phasing.convergence:
        plots.append(_convergence(phasing, figure))
    return plots


def shell_plots(results: Results) -> list[Plot]:
    """Return completeness, figure of merit and agreement of starts against resolution, where known."""
    shells = results.shells
    plots = [
        _by_resolution(
            ("completeness", "Completeness", "Fraction of the possible reflections measured, by resolution."),
            ("completeness", 1.03),
            shells,
            [shell.completeness for shell in shells],
        ),
        _by_resolution(
            (
                "fom",
                "Figure of merit of the phases",
                "Expected mean cosine of the phase error.",
            ),
            ("⟨FOM⟩", 1.03),
            shells,
            [shell.mean_fom for shell in shells],
        ),
        _by_resolution(
            (
                "agreement",
                "Agreement of independent starts",
                "Mean phase difference between the best starts; unrelated phases differ by 90°.",
            ),
            ("⟨|Δφ|⟩ (°)", 95.0),
            shells,
            [shell.start_difference_deg for shell in shells],
        ),
    ]
    return [plot for plot in plots if plot is not None]


def _wilson(wilson: WilsonPlot, wilson_b: float | None) -> Plot:
    measured = line_trace(wilson.inv_d2, wilson.ln_i, "measured", hover="%{y:.2f}")
    traces = [with_markers(measured, size=5)]
    if wilson.fit_inv_d2:
        name = "fitted" if wilson_b is None else f"fitted, B = {wilson_b:.1f} Å²"
        traces.append(line_trace(wilson.fit_inv_d2, wilson.fit_ln_i, name, color="$strong", dash="dash"))
    layout = base_layout("resolution d (Å)", "ln(⟨I/ε⟩ / Σf²)")
    layout["xaxis"] |= resolution_axis(wilson.inv_d2)
    layout["showlegend"] = True
    caption = "Mean intensity over the sum of squared form factors, on a logarithmic scale, by resolution."
    return Plot("wilson", "Wilson plot", caption, {"data": traces, "layout": layout})


def _l_test(test: LTest) -> Plot:
    abs_l = np.linspace(0.0, 1.0, 26)
    twinned = 0.5 * abs_l * (3.0 - abs_l**2)  # Padilla & Yeates (2003), equation 32
    traces = [
        line_trace(abs_l, abs_l, "untwinned", color="$strong", dash="dash"),
        line_trace(abs_l, twinned, "perfect twin", color="$warn", dash="dot"),
        line_trace(test.abs_l, test.cumulative, "measured", width=2.5, hover="N(%{x:.2f}) = %{y:.2f}"),
    ]
    layout = base_layout("|L|", "N(|L|)")
    layout["showlegend"] = True
    caption = "Cumulative distribution of local intensity differences; a twin lies above the straight line."
    return Plot("l-test", "L-test for twinning", caption, {"data": traces, "layout": layout})


def _starts(phasing: Phasing, figure: FigureOfMerit) -> Plot:
    values = np.asarray(phasing.start_figures)
    n_bins = int(np.clip(np.ceil(2.0 * np.sqrt(len(values))), 5, _MAX_BINS))
    counts, edges = np.histogram(values, bins=n_bins)
    bars = {
        "type": "bar",
        "x": compact(0.5 * (edges[:-1] + edges[1:])),
        "y": counts.tolist(),
        "width": compact(0.94 * np.diff(edges)),
        "marker": {"color": "$accent"},
        "hovertemplate": "%{x:.3g}: %{y} starts<extra></extra>",
    }
    marks = limit_marks(figure)
    if phasing.best_start is not None:
        best = phasing.start_figures[phasing.best_start]
        marks.append((best, f"kept: start {phasing.best_start + 1}", "$strong", "solid"))
    layout = base_layout(figure.name, "starts")
    mark_x(layout, marks)
    spread = f"{len(values)} starts, from {values.min():.3g} to {values.max():.3g}"
    caption = f"Distribution of the figure of merit over {spread}."
    return Plot("starts", "All starts", caption, {"data": [bars], "layout": layout})


def _convergence(phasing: Phasing, figure: FigureOfMerit) -> Plot:
    def is_kept(start: int) -> bool:
        return start == phasing.best_start

    traces = [
        line_trace(
            curve.iteration,
            curve.value,
            f"start {curve.start + 1}",
            color="$accent" if is_kept(curve.start) else "$faint",
            width=2.5 if is_kept(curve.start) else 1,
            hover=f"start {curve.start + 1}: %{{y:.3g}}",
        )
        for curve in sorted(phasing.convergence, key=lambda curve: is_kept(curve.start))
    ]
    layout = base_layout("iteration", figure.name)
    mark_y(layout, limit_marks(figure))
    caption = "Figure of merit against iteration; the start that was kept is the thick line."
    return Plot("convergence", "Convergence", caption, {"data": traces, "layout": layout})


def _by_resolution(
    heading: tuple[str, str, str],
    y_axis: tuple[str, float],
    shells: Sequence[Shell],
    values: Sequence[float | None],
) -> Plot | None:
    """Plot shell values; `heading` is name, title and caption, `y_axis` its title and end."""
    known = [(shell, value) for shell, value in zip(shells, values, strict=True) if value is not None]
    if not known:
        return None
    name, title, caption = heading
    inv_d2 = [0.5 * (shell.d_max**-2 + shell.d_min**-2) for shell, _ in known]
    trace = line_trace(inv_d2, [value for _, value in known], title, width=2, hover="%{text}: %{y:.3g}")
    trace["text"] = [f"{shell.d_max:.2f} – {shell.d_min:.2f} Å" for shell, _ in known]
    layout = base_layout("resolution d (Å)", y_axis[0])
    layout["yaxis"]["range"] = [0, y_axis[1]]
    layout["xaxis"] |= resolution_axis([shells[-1].d_min ** -2])
    return Plot(name, title, caption, {"data": [with_markers(trace)], "layout": layout})
