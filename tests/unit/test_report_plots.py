"""Every plot is a figure that plotly accepts and says what the numbers say."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from rephase.report.data_record import DataQuality
from rephase.report.plot_style import compact, resolution_axis
from rephase.report.plots import Plot, data_plots, phasing_plots, shell_plots
from rephase.report.results import Results, read_results

EXAMPLE = Path(__file__).parent / "data" / "report_results.json"
STYLE = Path(__file__).parents[2] / "src" / "rephase" / "report" / "templates" / "report.css"


@pytest.fixture(scope="module")
def results() -> Results:
    return read_results(EXAMPLE)


def all_plots(results: Results) -> dict[str, Plot]:
    plots = [
        *data_plots(results.data_quality),
        *phasing_plots(results.phasing, results.verdict.figure),
        *shell_plots(results),
    ]
    return {plot.name: plot for plot in plots}


def colour_names(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value[1:]} if value.startswith("$") else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*(colour_names(item) for item in items), set())


def painted(value: Any) -> Any:
    if isinstance(value, str):
        return "#123456" if value.startswith("$") else value
    if isinstance(value, dict):
        return {key: painted(item) for key, item in value.items()}
    return [painted(item) for item in value] if isinstance(value, list) else value


def test_plotly_accepts_every_plot(results: Results) -> None:
    plots = all_plots(results)
    assert set(plots) == {
        "wilson", "l-test", "starts", "convergence", "completeness", "fom", "agreement",
    }  # fmt: skip
    for plot in plots.values():
        go.Figure(painted(plot.figure))  # raises on an unknown or ill-typed property


def test_every_colour_is_defined_in_light_and_dark(results: Results) -> None:
    light, dark = STYLE.read_text().split("@media (prefers-color-scheme: dark)")
    for plot in all_plots(results).values():
        for name in colour_names(plot.figure):
            assert re.search(rf"--{name}: #[0-9a-f]{{6}};", light), name
            assert re.search(rf"--{name}: #[0-9a-f]{{6}};", dark), name


def test_every_start_is_counted_and_the_kept_one_marked(results: Results) -> None:
    starts = all_plots(results)["starts"].figure
    assert sum(starts["data"][0]["y"]) == results.phasing.n_starts
    assert {a["text"] for a in starts["layout"]["annotations"]} == {"doubtful", "solved", "kept: start 6"}


def test_the_kept_start_is_drawn_last_and_thick(results: Results) -> None:
    lines = all_plots(results)["convergence"].figure["data"]
    assert lines[-1]["name"] == "start 6"
    assert lines[-1]["line"]["width"] > max(line["line"]["width"] for line in lines[:-1])


def test_the_twin_curve_is_that_of_padilla_and_yeates(results: Results) -> None:
    twin = next(t for t in all_plots(results)["l-test"].figure["data"] if t["name"] == "perfect twin")
    x, y = np.array(twin["x"]), np.array(twin["y"])
    mean_abs_l = np.trapezoid(1.0 - y, x)  # ⟨|L|⟩ = ∫ (1 − N) d|L|
    assert mean_abs_l == pytest.approx(0.375, abs=0.001)


def test_ticks_are_resolutions_in_reach_and_apart() -> None:
    axis = resolution_axis([0.01, 1.0 / 0.9**2])
    d = [float(text) for text in axis["ticktext"]]
    np.testing.assert_allclose(np.array(axis["tickvals"]) ** -0.5, d, rtol=1e-3)
    assert min(d) >= 0.89
    assert np.diff(axis["tickvals"]).min() >= 0.1 / 0.9**2 - 1e-5


def test_what_was_not_measured_is_not_plotted(results: Results) -> None:
    assert data_plots(DataQuality()) == []
    bare = results.phasing.model_copy(update={"start_figures": (), "convergence": ()})
    assert phasing_plots(bare, results.verdict.figure) == []
    shells = tuple(shell.model_copy(update={"mean_fom": None}) for shell in results.shells)
    names = [plot.name for plot in shell_plots(results.model_copy(update={"shells": shells}))]
    assert names == ["completeness", "agreement"]


def test_numbers_keep_five_digits() -> None:
    assert compact([1 / 3, 12345678.0]) == [0.33333, 12346000.0]
