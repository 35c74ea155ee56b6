"""The card of a density prior: what it is for, how it was trained, how good it is, and where it fails."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rephase.errors import UserError
from rephase.evaluate.reliability import wilson_interval
from rephase.models.trained import span_text
from rephase.models.trained_prior import PriorRecord, TrainedPrior, solvent_text
from rephase.study.model_card import errors_text, markdown_row, markdown_table
from rephase.study.prior_figures import (
    BasinRecord,
    KnownSums,
    ModifyCase,
    PriorFigures,
    SolveSummary,
    known_sums,
    pooled,
)
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.run_facts import RunFacts

_WAYS = {"classical": "without a prior", "prior": "prior alone", "both": "search with the prior"}
_WITHOUT = "classical search"
"""How benchmarks/solve.py ends the title of a case that uses no prior."""

_LIMITS = """\
- Resolution limits outside the range above: the program warns.
- Anything but protein: nucleic acids, sugars, ligands and metals it has seen only where entries of proteins
  have them.
- Random phases in crystals with symmetry: it was never trained on them.
- D-amino acids: it takes their mirror image for the right hand."""


def prior_card(
    trained: TrainedPrior,
    weights: Path,
    run: RunFacts[PriorTrainConfig] | None = None,
    figures: Sequence[PriorFigures] = (),
    hardware: str = "",
    notes: str = "",
) -> str:
    """Write the card of a prior in Markdown.

    Parameters
    ----------
    trained, weights
        The prior and its file.
    run
        Its training.
    figures
        Of this very prior, or of all that lie beside it.
    hardware
        What it was trained on, in words.
    notes
        Markdown on what the figures do not say; they close the part on failures.

    Raises
    ------
    UserError
        When figures are of other priors.
    """
    known = known_sums(weights)
    parts = [
        _title(trained, weights),
        "## Crystals it is for\n\n" + markdown_table(_range_rows(trained.record)),
        f"## Use\n\n{_use(trained.record, weights)}",
        "## Training\n\n" + markdown_table(_training_rows(trained.record, run, hardware)),
        *(
            ["## Figures\n\n" + "\n\n".join(_figures(one, known, weights) for one in figures)]
            if figures
            else []
        ),
        "## Where it fails\n\n" + "\n".join([_LIMITS, *([notes.strip()] if notes else [])]),
        "## Licence\n\nMIT, as the program.",
    ]
    return "\n\n".join(parts) + "\n"


def _title(trained: TrainedPrior, weights: Path) -> str:
    name = trained.record.name or weights.stem
    number = sum(weight.numel() for weight in trained.network.parameters())
    size = weights.stat().st_size / 2**20
    return (
        f"# {name}\n\nA density prior with {number:,} weights ({size:.1f} MiB): from a map with phase errors "
        "and the measured amplitudes it predicts the density that they most likely stand for."
    )


def _range_rows(record: PriorRecord) -> list[tuple[str, str]]:
    return [
        ("resolution limit", f"{span_text(record.trained.d_min)} Å"),
        ("solvent content", solvent_text(record.trained)),
        ("cell, space group", "any; it works on all of the primitive cell"),
    ]


def _use(record: PriorRecord, weights: Path) -> str:
    called = record.name or weights
    commands = [
        f"rephase solve data.mtz --prior {called} -o solved",
        f"rephase modify data.mtz:F,PHI,FOM --prior {called} -o modified",
    ]
    return "\n".join(["```", *commands, "```"])


def _training_rows(
    record: PriorRecord, run: RunFacts[PriorTrainConfig] | None, hardware: str
) -> list[tuple[str, str]]:
    network = f"{record.network.blocks} blocks, {record.network.width} channels, {record.network.maps} maps"
    rows = [("network", network), ("states seen in the last run", f"{record.examples:,}")]
    if run is not None:
        config, how = run.config, run.config.crystals.measurement
        rows += [
            ("weights at the start", "random" if config.start is None else config.start),
            ("set", config.set.name),
            (
                "whole proteins, pieces of them",
                f"{_percent(config.crystals.proteins)}, {_percent(config.crystals.pieces)}",
            ),
            ("errors and gaps of the data", f"{_percent(how.noisy)} with {errors_text(how.of_fragments)}"),
            ("weight of random starts", f"{span_text(config.starts.random)}, hand: {config.starts.hand}"),
            ("steps", f"{run.steps:,} of {config.crystals_per_step}"),
            ("optimiser", f"{config.optimiser.kind}, rate {config.optimiser.rate:g}, {config.schedule.kind}"),
            ("wall time of the steps", f"{run.hours:.2f} h"),
        ]
        if run.best is not None:
            rows.append(("best mean cos Δφ in a validation", f"{run.best:.3f}"))
    return [*rows, ("hardware", hardware)] if hardware else rows


def _figures(found: PriorFigures, known: KnownSums, weights: Path) -> str:
    strange = found.sums - {known.own, known.released}
    if strange or not found.sums:
        what = "other weights" if strange else "no prior"
        raise UserError(f"figures of {weights}", f"those of {what}, by {found.command}", "measure this file")
    whose = (
        "this prior" if found.sums == {known.own} else "the released priors, one of which the program chooses"
    )
    tables = [*_solve_tables(found), *_basin_table(found.records), *_modify_table(found.cases)]
    return "\n\n".join([f"`{found.command}`, with {whose}:", *tables])


def _solve_tables(found: PriorFigures) -> Iterator[str]:
    if not found.sets:
        return
    head = ["case", "crystals", "solved", "right hand", "phase error of the solved", "called so wrongly"]
    rows = [_solve_row(title, case.summary) for title, case in found.sets.items()]
    yield _table([*head, "not called so", "AUROC", "s each"], rows)
    with_prior = [case.summary for title, case in found.sets.items() if not title.endswith(_WITHOUT)]
    stated = [one for one in pooled(with_prior) if one.stated is not None and one.found is not None]
    if stated:
        yield "Stated probability of a solution, and how often it is right:"
        bins = [
            (f"{b.low:.1f}–{b.high:.1f}", f"{b.count}", f"{b.stated:.2f}", f"{b.found:.2f}") for b in stated
        ]
        yield _table(["probability", "crystals", "mean", "right"], bins)


def _solve_row(title: str, found: SolveSummary) -> list[str]:
    part, low, high = (100.0 * value for value in found.solved)
    error = found.error_of_solved
    return [
        title,
        f"{found.n}",
        f"{part:.0f} % [{low:.0f}–{high:.0f}]",
        "–" if found.right_hand is None else _percent(found.right_hand),
        "–" if error is None else f"{error[0]:.1f}° [{error[1]:.1f}–{error[2]:.1f}]",
        f"{found.false_solved}",
        f"{found.missed}",
        "–" if found.auroc is None else f"{found.auroc:.3f}",
        f"{found.median_seconds:.0f}",
    ]


def _basin_table(records: Sequence[BasinRecord]) -> Iterator[str]:
    """Lay out solve rates by what differs from the most frequent value of each setting."""
    if not records:
        return
    usual = {
        key: Counter(repr(one.setting.get(key)) for one in records).most_common(1)[0][0]
        for key in records[0].setting
    }
    rows: dict[str, dict[str, list[bool]]] = {}
    for one in records:
        rows.setdefault(_changes(one.setting, usual), {}).setdefault(one.way, []).append(one.solved)
    yield f"Starts otherwise: {_said(usual)}. Solved, [95 % interval], crystals:"
    lines = [[name, *(_rate(found.get(way, [])) for way in _WAYS)] for name, found in rows.items()]
    yield _table(["crystals and starts", *_WAYS.values()], lines)


def _changes(setting: dict[str, Any], usual: dict[str, str]) -> str:
    changed = {key: repr(value) for key, value in setting.items() if repr(value) != usual.get(key)}
    return _said(changed) or "as above"


def _said(settings: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _rate(solved: Sequence[bool]) -> str:
    if not solved:
        return "–"
    low, high = wilson_interval(sum(solved), len(solved))
    return f"{_percent(sum(solved) / len(solved))} [{100 * low:.0f}–{100 * high:.0f}], {len(solved)}"


def _percent(part: float) -> str:
    return f"{100.0 * part:.0f} %"


def _modify_table(cases: Sequence[ModifyCase]) -> Iterator[str]:
    if cases:
        head = ["crystal", "start", "mean phase error", "modified without a prior", "with the prior"]
        yield _table(head, [_modify_row(one) for one in cases])


def _modify_row(one: ModifyCase) -> list[str]:
    with_prior = "–" if one.prior is None else f"{one.prior:.1f}°"
    return [one.crystal, one.start, f"{one.start_error:.1f}°", f"{one.classical:.1f}°", with_prior]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([markdown_row(head), "|---" * len(head) + "|", *map(markdown_row, rows)])
