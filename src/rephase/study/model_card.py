"""The card of a network: what it is for, how it was trained, how good it is, and where it fails."""

from collections.abc import Sequence
from pathlib import Path

from rephase.data.stream.stream_config import Measurement, RateGrid, SpacingGrid
from rephase.errors import UserError
from rephase.logs import counted
from rephase.models.trained import NetworkRecord, TrainedNetwork, molecule_text, span_text
from rephase.study.parts import digest_of
from rephase.study.results import EvaluationResults
from rephase.study.results_text import EXPLANATION, HEADERS, table_rows
from rephase.study.study_config import AMPLITUDES, SEEDED, column_label
from rephase.study.summary import Part
from rephase.train.run_facts import RunFacts
from rephase.train.train_config import TrainConfig


def model_card(
    trained: TrainedNetwork,
    weights: Path,
    run: RunFacts[TrainConfig] | None = None,
    evaluations: Sequence[EvaluationResults] = (),
    hardware: str = "",
    notes: str = "",
) -> str:
    """Write the card of a network in Markdown.

    Parameters
    ----------
    trained, weights
        The network and its file.
    run
        Its training.
    evaluations
        Of this very network.
    hardware
        What it was trained on, in words.
    notes
        Markdown on what the figures do not say; they close the part on failures.

    Raises
    ------
    UserError
        When an evaluation is of another network.
    """
    for one in evaluations:
        if one.network.sha256 != digest_of(trained):
            found = f"one of {one.network.weights} on {one.set.name}, other weights or another record"
            raise UserError(f"evaluations of {weights}", found, "evaluate this file")
    name = trained.record.name or weights.stem
    parts = [
        _title(trained, name, weights),
        "## Crystals it is for\n\n" + markdown_table(_range_rows(trained.record)),
        f"## Use\n\n{_use(trained.record, weights)}",
        "## Training\n\n" + markdown_table(_training_rows(trained.record, run, hardware)),
        *(["## Figures\n\n" + "\n\n".join(map(_figures, evaluations))] if evaluations else []),
        "## Where it fails\n\n" + "\n\n".join([_failures(evaluations), *([notes.strip()] if notes else [])]),
        "## Licence\n\nMIT, as the program.",
    ]
    return "\n\n".join(parts) + "\n"


def _title(trained: TrainedNetwork, name: str, weights: Path) -> str:
    number = sum(weight.numel() for weight in trained.network.parameters())
    size = weights.stat().st_size / 2**20
    return (
        f"# {name}\n\nA network `{trained.record.network.kind}` with {number:,} weights ({size:.1f} MiB), "
        "which predicts the electron density of a crystal, and so its phases, from its Patterson function."
    )


def _range_rows(record: NetworkRecord) -> list[tuple[str, str]]:
    trained, maps = record.trained, record.maps
    return [
        ("molecule", molecule_text(trained)),
        ("cell edges, primitive", f"{span_text(trained.edges)} Å"),
        ("cell angles", f"{span_text(trained.angles)}°"),
        ("resolution limit", f"{span_text(trained.d_min)} Å"),
        ("Patterson map", f"{maps.patterson}, scale: {maps.patterson_scale}"),
        ("density", f"scale: {maps.density_scale}"),
        ("grid", _grid(record.grid)),
        ("passes over its own density", str(record.passes)),
    ]


def _grid(grid: RateGrid | SpacingGrid) -> str:
    if isinstance(grid, SpacingGrid):
        return f"points at most {grid.spacing:g} Å apart"
    return f"{span_text(grid.rate)} points per resolution limit"


def _use(record: NetworkRecord, weights: Path) -> str:
    called = record.name or weights
    commands = [
        f"rephase solve data.mtz --weights {called} -o solved",
        f"rephase evaluate {called} SET -o evaluated",
    ]
    return "\n".join(["```", *commands, "```"])


def _training_rows(
    record: NetworkRecord, run: RunFacts[TrainConfig] | None, hardware: str
) -> list[tuple[str, str]]:
    rows = [("examples seen by these weights", f"{record.examples:,}")]
    if run is not None:
        config = run.config
        batch = f"{config.batches_per_step} × {config.stream.batch_size} examples"
        loss = ", ".join(f"{name} {value}" for name, value in config.loss.model_dump().items() if value)
        rows += [
            ("weights at the start", "random" if config.start is None else config.start),
            ("set", f"{config.set.name}, split {config.stream.split}"),
            ("B values", f"mean {span_text(config.stream.b_iso)} Å², spread {config.stream.b_spread:g}"),
            ("errors and gaps of the data", errors_text(config.stream.measurement)),
            ("steps", f"{run.steps:,} of {batch}"),
            ("loss", loss),
            ("optimiser", f"{config.optimiser.kind}, rate {config.optimiser.rate:g}, {config.schedule.kind}"),
            ("wall time of the steps", f"{run.hours:.2f} h"),
        ]
        if run.best is not None:
            rows.append(("best median Pearson in a validation", f"{run.best:.3f}"))
    return [*rows, ("hardware", hardware)] if hardware else rows


def errors_text(measurement: Measurement) -> str:
    """Name the settings that are not those of exact and complete data."""
    exact, found = Measurement().model_dump(), measurement.model_dump()
    return ", ".join(f"{name} {value}" for name, value in found.items() if value != exact[name]) or "none"


def markdown_table(rows: Sequence[tuple[str, str]]) -> str:
    """Write pairs of a name and a value as a table without a head."""
    return "\n".join(["| | |", "|---|---|", *map(markdown_row, rows)])


def markdown_row(cells: Sequence[str]) -> str:
    r"""Write a line of a table; a ``|`` inside a cell, as in |Fobs|, needs a ``\``."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _figures(results: EvaluationResults) -> str:
    """Lay out an evaluation as the terminal does."""
    crystals, settings = results.set, results.study.settings
    lines = [
        f"### {crystals.name}, {crystals.split}",
        "",
        f"{counted(crystals.examples, 'crystal')}, {crystals.outside} of them outside the ranges above.",
        "",
        markdown_row(HEADERS),
        "|---" * len(HEADERS) + "|",
        *map(markdown_row, table_rows(results.columns, settings)),
        "",
        f"{' '.join(EXPLANATION.split())} Times: {results.versions.device}.",
    ]
    return "\n".join(lines)


def _failures(evaluations: Sequence[EvaluationResults]) -> str:
    said = ["- Crystals outside the ranges above: nothing is known of them, and the program warns."]
    for results in evaluations:
        for column in (AMPLITUDES, SEEDED):
            if column in results.columns:
                one, label = results.columns[column], column_label(column, results.study.settings)
                said.append(
                    f"- {results.set.name}, {label}: {_missing(one.solved)} are not solved, "
                    f"{_missing(one.right_hand)} come in the wrong hand."
                )
    return "\n".join(said)


def _missing(one: Part) -> str:
    return f"{100.0 * (1.0 - one.value):.1f} %"
