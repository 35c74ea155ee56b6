"""The figures of an evaluation, as files."""

from pathlib import Path

import pyarrow as pa

from rephase.models.trained import TrainedNetwork
from rephase.report.figure_style import save_figure
from rephase.study.curve_figures import correlation_figure, phase_figure
from rephase.study.density_figure import density_figure
from rephase.study.results import EvaluationResults
from rephase.study.results_text import title_of
from rephase.study.study_set import StudySet

FIGURES = {
    "phases": "Mean phase error by resolution, and the part of the crystals whose mean is below 60°. Bands: "
    "95 % intervals by a bootstrap over PDB entries. Amplitudes put back leave the phases as they are.",
    "correlations": "The part of the crystals that reaches each correlation with the true density.",
    "densities": "The crystals that the network alone predicted best, as usual, and worst: density, mean "
    "along c, with the true atoms. Maps from phasing are moved to the true origin.",
}
"""Names of the files without suffix, and their captions."""
SUFFIXES = (".png", ".pdf")


def write_figures(
    output: Path,
    trained: TrainedNetwork,
    study_set: StudySet,
    table: pa.Table,
    results: EvaluationResults,
) -> None:
    """Draw all figures and save them as .png and .pdf.

    Parameters
    ----------
    output
        Directory.
    trained, study_set
        As in the study.
    table, results
        What it found.
    """
    figures = {
        "phases": phase_figure(results),
        "correlations": correlation_figure(table, results),
        "densities": density_figure(trained, study_set, table, results.study, title_of(results)),
    }
    for name, figure in figures.items():
        for suffix in SUFFIXES:
            save_figure(figure, output / f"{name}{suffix}")


def figure_files() -> list[str]:
    """List the names of all files."""
    return [f"{name}{suffix}" for name in FIGURES for suffix in SUFFIXES]
