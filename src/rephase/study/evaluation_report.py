"""`report.html` of an evaluation: tables and figures in one page that needs no network."""

from base64 import b64encode
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rephase.io.atomic_files import write_whole
from rephase.logs import counted
from rephase.study.evaluation_figures import FIGURES
from rephase.study.results import EvaluationResults
from rephase.study.results_text import EXPLANATION, HEADERS, common_title, subtitle_of, table_rows, title_of

Rows = list[tuple[str, str]]


def write_report(output: Path, results: EvaluationResults, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    output
        Directory with the figures.
    results
        What is said.
    path
        File to write, in place of any of that name.
    """
    images = {name: b64encode((output / f"{name}.png").read_bytes()).decode() for name in FIGURES}
    write_whole(path, render_report(results, images).encode())


def render_report(results: EvaluationResults, images: dict[str, str]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    results
        What is said.
    images
        Figures by name, PNG in base 64.
    """
    environment = _environment("rephase.study")
    css_loader = _environment("rephase.report")
    source = css_loader.loader
    if source is None:
        raise RuntimeError("no templates")
    tables = {"All crystals": table_rows(results.columns, results.study.settings)}
    if results.common:
        number = next(iter(results.common.values())).examples
        tables[common_title(number)] = table_rows(results.common, results.study.settings)
    return environment.get_template("evaluation.html.j2").render(
        title=title_of(results),
        subtitle=subtitle_of(results),
        headers=HEADERS,
        tables=tables,
        explanation=EXPLANATION,
        figures=[(name, caption, images[name]) for name, caption in FIGURES.items()],
        facts=_facts(results),
        command=results.command,
        css=source.get_source(css_loader, "report.css")[0],
    )


def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _facts(results: EvaluationResults) -> Rows:
    record, crystals, study = results.network.record, results.set, results.study
    versions = results.versions
    rows = [
        ("Network", f"{record.network.kind}, {results.network.parameters:,} weights"),
        ("Trained on", f"{record.examples:,} examples"),
        ("Weights", f"{results.network.weights}, SHA-256 {results.network.sha256}"),
        ("Passes", f"{study.passes} with its own density before the last prediction"),
        ("Settings of the axes", str(study.settings)),
        ("Crystals", f"{crystals.examples} of {crystals.name}, split {crystals.split}; exact amplitudes, P1"),
        ("Unlike those of the training", counted(crystals.outside, "crystal")),
        ("Seed", str(study.seed)),
    ]
    if study.phasing:
        rows.append(("Phasing", f"at most {study.time_limit:g} s of search for a crystal"))
    programs = f"rephase {versions.rephase}, Python {versions.python}, torch {versions.torch}"
    return [*rows, ("Versions", programs), ("Device", versions.device)]
