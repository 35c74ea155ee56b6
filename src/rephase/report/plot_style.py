"""How the plots of the report look; colours are names like ``$accent`` which the page fills in."""

from collections.abc import Iterable, Sequence
from typing import Any

from rephase.report.results import FigureOfMerit

Spec = dict[str, Any]
"""A plotly figure, or a part of one."""
Mark = tuple[float, str, str, str]
"""Where a line crosses the plot, the word beside it, its colour and its dash."""

_RESOLUTION_TICKS = (20.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.2, 2.0, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0)
_ATOMIC_TICKS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)
_AXIS = {
    "gridcolor": "$grid",
    "linecolor": "$faint",
    "zeroline": False,
    "automargin": True,
    "showline": True,
}


def base_layout(x_title: str, y_title: str) -> Spec:
    """Return a plotly layout with two titled axes."""
    return {
        "xaxis": {**_AXIS, "title": {"text": x_title, "standoff": 8}, "showgrid": False},
        "yaxis": {**_AXIS, "title": {"text": y_title, "standoff": 8}},
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "height": 280,
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "$text", "family": "system-ui, sans-serif", "size": 12},
        "shapes": [],
        "annotations": [],
    }


def line_trace(x: Iterable[float], y: Iterable[float], name: str, **style: Any) -> Spec:
    """Return a plotly line; `style` is the plotly ``line``, plus ``hover`` for a hover template."""
    hover = style.pop("hover", None)
    trace: Spec = {"type": "scatter", "mode": "lines", "x": compact(x), "y": compact(y), "name": name}
    trace["line"] = {"color": "$accent", "width": 1.5} | style
    trace |= {"hoverinfo": "skip"} if hover is None else {"hovertemplate": f"{hover}<extra></extra>"}
    return trace


def with_markers(trace: Spec, size: int = 6) -> Spec:
    """Return the line with a marker at each point."""
    return trace | {"mode": "lines+markers", "marker": {"color": trace["line"]["color"], "size": size}}


def resolution_axis(inv_d2: Sequence[float]) -> Spec:
    """Return an axis linear in 1/d², with ticks in Å at least a tenth of the axis apart."""
    high = max(inv_d2)
    ticks: list[float] = []
    for d in _RESOLUTION_TICKS + _ATOMIC_TICKS:
        last = ticks[-1] ** -2 if ticks else 0.0
        if d**-2 <= 1.02 * high and d**-2 - last >= high / 10.0:
            ticks.append(d)
    return {
        "tickvals": [round(d**-2, 6) for d in ticks],
        "ticktext": [f"{d:g}" for d in ticks],
        "tickangle": 0,
        "range": [0.0, 1.04 * high],
        "hoverformat": ".3f",
    }


def limit_marks(figure: FigureOfMerit) -> list[Mark]:
    """Return the limits that a figure of merit was judged by."""
    limits = ((figure.solved_above, "solved", "$good"), (figure.doubtful_above, "doubtful", "$warn"))
    return [(value, word, colour, "dash") for value, word, colour in limits if value is not None]


def mark_x(layout: Spec, marks: Iterable[Mark]) -> None:
    """Draw vertical lines with a word to the left of each, every word a line lower than the one before."""
    for i, (value, word, colour, dash) in enumerate(sorted(marks)):
        place = {"x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "paper"}
        layout["shapes"].append(
            {"type": "line", **place, "line": {"color": colour, "dash": dash, "width": 1.5}}
        )
        place = {"x": value, "xanchor": "right", "xshift": -3, "y": 1.0 - 0.09 * i, "yref": "paper"}
        layout["annotations"].append(_word(word, colour) | place | {"yanchor": "top"})


def mark_y(layout: Spec, marks: Iterable[Mark]) -> None:
    """Draw horizontal lines with a word above the left end of each."""
    for value, word, colour, dash in marks:
        place = {"y0": value, "y1": value, "x0": 0, "x1": 1, "xref": "paper"}
        layout["shapes"].append(
            {"type": "line", **place, "line": {"color": colour, "dash": dash, "width": 1.5}}
        )
        place = {"y": value, "yanchor": "bottom", "x": 0.01, "xref": "paper"}
        layout["annotations"].append(_word(word, colour) | place | {"xanchor": "left"})


def compact(values: Iterable[float]) -> list[float]:
    """Five significant digits: enough for a plot, and short in the page."""
    return [float(f"{value:.5g}") for value in values]


def _word(text: str, colour: str) -> Spec:
    return {"text": text, "showarrow": False, "font": {"color": colour, "size": 11}}


def _pen(colour: str, dash: str) -> Spec:
    return {"color": colour, "dash": dash, "width": 1.5}
