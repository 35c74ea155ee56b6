"""`report.html`: one page that holds everything it shows and needs no network."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rephase.report.map_view import MapForReport, map_scene
from rephase.report.notes import data_notes
from rephase.report.plots import data_plots, phasing_plots, shell_plots
from rephase.report.results import FigureOfMerit, NetworkUsed, PriorUsed, Results, Shell

_MARKS = {"solved": "✓", "doubtful": "?", "not solved": "✗", "improved": "✓", "unchanged": "="}
_SCRIPTS = ("contour.js", "draw.js", "map_view.js", "plots.js")
_DASH = "–"
Rows = list[tuple[str, str]]


def write_report(results: Results, map_: MapForReport, path: Path) -> None:
    """Write the report as one HTML file, complete in itself.

    Parameters
    ----------
    results
        Everything the report says and plots.
    map_
        The map to show, with the model if there is one.
    path
        File to write, replaced if present.
    """
    path.write_text(render_report(results, map_), encoding="utf-8")


def render_report(results: Results, map_: MapForReport) -> str:
    """Return the report as HTML; the parameters are those of `write_report`."""
    scene = map_scene(map_)
    plots = {
        "data_plots": data_plots(results.data_quality),
        "phasing_plots": phasing_plots(results.phasing, results.verdict.figure),
        "shell_plots": shell_plots(results),
    }
    environment = _environment()
    source = environment.loader
    assert source is not None
    text = {name: source.get_source(environment, name)[0] for name in ("report.css", *_SCRIPTS)}
    return environment.get_template("report.html.j2").render(
        results=results,
        mark=_MARKS[results.verdict.word],
        limits=_limits(results.verdict.figure),
        scene_kind=scene["kind"],
        map_description=_map_description(scene),
        input_facts=_input_facts(results),
        notes=data_notes(results.data_quality),
        phasing_facts=_phasing_facts(results),
        version_facts=_version_facts(results),
        total_seconds=sum(timing.seconds for timing in results.timings),
        shell_label=_shell_label,
        **plots,
        css=text["report.css"],
        scripts=[text[name] for name in _SCRIPTS],
        map_json=_json_in_html(scene),
        plot_json=_json_in_html({plot.name: plot.figure for group in plots.values() for plot in group}),
        plotly=_plotly(),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rephase.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fixed"] = lambda value, digits: _DASH if value is None else f"{value:.{digits}f}"
    environment.filters["percent"] = _percent
    environment.filters["significant"] = lambda value: f"{value:.3g}"
    return environment


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _json_in_html(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _percent(fraction: float | None) -> str:
    if fraction is None:
        return _DASH
    digits = 0 if 0.01 <= fraction <= 0.99 else 1
    return f"{100.0 * fraction:.{digits}f} %"


def _limits(figure: FigureOfMerit) -> str:
    named = (("solved", figure.solved_above), ("doubtful", figure.doubtful_above))
    return ", ".join(f"{word} above {limit:.3g}" for word, limit in named if limit is not None)


def _shell_label(shell: Shell) -> str:
    return f"{shell.d_max:.2f} – {shell.d_min:.2f}"


def _map_description(scene: dict[str, Any]) -> str:
    atoms = len(scene["atoms"]["elements"])
    if scene["kind"] == "model":
        return f"Electron density as a blue mesh, with the model of {atoms} atoms as sticks."
    return f"Electron density as a blue mesh, with its {atoms} highest peaks as balls."


def _input_facts(results: Results) -> Rows:
    data = results.input
    lengths = ", ".join(f"{edge:.2f}" for edge in data.cell[:3])
    angles = ", ".join(f"{angle:.2f}" for angle in data.cell[3:])
    rows = [
        ("File", data.file),
        ("Columns", f"{', '.join(data.columns)} ({data.kind})"),
        ("Unit cell", f"{lengths} Å; {angles}°"),
        ("Space group", data.spacegroup),
        ("Resolution", f"{data.d_max:.2f} – {data.d_min:.2f} Å"),
        ("Unique reflections", f"{data.n_reflections:,}".replace(",", "\u202f")),
    ]
    if data.sequence_residues is not None:
        rows.append(("Sequence", f"{data.sequence_residues} residues in the asymmetric unit"))
    if data.free_set is not None:
        rows.append(("Free set", data.free_set))
    return rows


def _phasing_facts(results: Results) -> Rows:
    phasing = results.phasing
    hand: str = phasing.hand.status
    if phasing.hand.decided_by:
        hand += f": {phasing.hand.decided_by}"
    rows = [
        ("Method", phasing.method),
        *_network_facts("Network", phasing.network),
        *_network_facts("Density prior", phasing.prior),
        *([("Starting phases", phasing.start_phases)] if phasing.start_phases else []),
        ("Starts", f"{phasing.n_starts}, {phasing.n_iterations} iterations in all, seed {phasing.seed}"),
        ("Hand", hand),
    ]
    if phasing.solvent_fraction is not None:
        rows.append(("Solvent", _percent(phasing.solvent_fraction)))
    if phasing.time_limit_hit:
        rows.append(("Time limit", "reached before all starts were done: a longer --time-limit may help"))
    return rows


def _network_facts(title: str, network: NetworkUsed | PriorUsed | None) -> Rows:
    if network is None:
        return []
    outside = "; ".join(network.outside_range)
    where = f"outside the range of its training: {outside}" if outside else "inside the range of its training"
    examples = f"{network.examples:,}".replace(",", "\u202f")
    return [(title, f"{network.name}, {examples} examples; {where}; SHA-256 {network.sha256}")]


def _version_facts(results: Results) -> Rows:
    versions = results.versions
    programs = {
        "rephase": versions.rephase,
        "Python": versions.python,
        "torch": versions.torch,
        "gemmi": versions.gemmi,
        "numpy": versions.numpy,
    }
    listed = ", ".join(f"{name} {version}" for name, version in programs.items())
    return [("Versions", listed), ("Device", versions.device)]
