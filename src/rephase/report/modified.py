"""What a run of `rephase modify` says on the terminal, and the record it leaves."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from rephase.io.observations import Observations
from rephase.io.sequence import Sequence as ProteinSequence
from rephase.io.start_phases import StartPhases
from rephase.logs import Log, counted
from rephase.phasing.modification.cycles import Cycle, ModifiedPhases
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_choice import ChosenPrior
from rephase.report.assemble import FIGURE_NAME, data_quality
from rephase.report.citations import modification_citations
from rephase.report.data_record import InputData
from rephase.report.directory import MAP, REPORT
from rephase.report.method_record import prior_record
from rephase.report.output_files import PHASED
from rephase.report.provenance import versions
from rephase.report.results import (
    Convergence,
    FigureOfMerit,
    Hand,
    OutputFile,
    Phasing,
    Results,
    Shell,
    StageTime,
    Verdict,
)
from rephase.report.viewers import COOT_SCRIPT

_EXPLANATION = (
    "Correlation of measured E and that of the modified density, each reflection left out of its own "
    "estimate."
)


CLASSICAL, BY_PRIOR = "solvent and histogram", "the density prior"
"""What the two ways are called, in the order in which they are tried."""


@dataclass(frozen=True, eq=False)
class ModifyRun:
    """All that one run read, did and wrote.

    Attributes
    ----------
    data
        The user's file.
    command
        What was typed, or would have to be.
    observations, sequence, start
        As read.
    prepared, modified
        Data, and the phases that were kept.
    ways
        All that was tried.
    solvent
        Fraction that was assumed.
    prior
        None without one.
    device
        Of the calculation.
    files
        What the output directory holds.
    warnings
        All of them.
    timings
        Seconds by stage.
    """

    data: Path
    command: str
    observations: Observations
    sequence: ProteinSequence | None
    start: StartPhases
    prepared: PreparedData
    modified: ModifiedPhases
    ways: tuple[ModifiedPhases, ...]
    solvent: float
    prior: ChosenPrior | None
    device: torch.device
    files: tuple[OutputFile, ...]
    warnings: Sequence[str]
    timings: Mapping[str, float]


def assemble_modified(run: ModifyRun) -> Results:
    """Put the record of a run together."""
    return Results(
        title=f"Modified phases of {run.data.name.split('.')[0]}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=run.command,
        verdict=modified_verdict(run.modified),
        input=_input_data(run),
        data_quality=data_quality(run.prepared),
        phasing=_phasing(run),
        shells=_shells(run),
        overall=_overall(run),
        files=run.files,
        warnings=tuple(run.warnings),
        next_steps=_next_steps(run),
        versions=versions(run.device),
        timings=tuple(StageTime(stage=name, seconds=seconds) for name, seconds in run.timings.items()),
        citations=modification_citations(
            intensities=run.observations.kind == "intensity",
            sequence=run.sequence is not None,
            l_test=run.prepared.quality.l_test.twinned is not None,
        ),
    )


def modified_verdict(modified: ModifiedPhases) -> Verdict:
    """Say whether the modified density told anything of reflections that it had not seen."""
    improved = modified.kept is not None
    sentence = (
        "Improved: the modified density tells the amplitudes of reflections left out"
        if improved
        else "Unchanged: no modified density told anything of the amplitudes of reflections left out"
    )
    shown = modified.kept or modified.cycles[-1]
    return Verdict(
        word="improved" if improved else "unchanged",
        probability=None,
        figure=FigureOfMerit(
            name=FIGURE_NAME,
            value=shown.free_correlation,
            explanation=_EXPLANATION,
        ),
        sentence=f"{sentence}; mean figure of merit {np.mean(modified.fom):.2f}.",
    )


def tell_start(log: Log, start: StartPhases, prepared: PreparedData) -> None:
    """Say what phases were found and how good they are said to be."""
    known = start.known
    d = prepared.reflections.d[known]
    log.say(
        f"{start.path}: {', '.join(start.labels)}; phases of {np.count_nonzero(known)} of {len(known)} "
        f"reflections, {d.max():.2f} – {d.min():.2f} Å, mean figure of merit {start.fom[known].mean():.2f}"
    )


def tell_cycles(log: Log, name: str, modified: ModifiedPhases) -> ModifiedPhases:
    """Print the table of the cycles of one way, and return what it found."""
    log.say(name)
    headers = ["cycle", FIGURE_NAME, "free gain", "<FOM>", "<|Δφ|> to start"]
    log.table(headers, [_row(cycle) for cycle in modified.cycles])
    return modified


def tell_kept(log: Log, modified: ModifiedPhases, ways: Sequence[ModifiedPhases], cycles: int) -> None:
    """Say which phases are kept, the best of all ways, and whether more `cycles` may help."""
    if modified.kept is None:
        log.say("no cycle says more than chance of the reflections left out: the starting phases are kept")
        return
    name = (CLASSICAL, BY_PRIOR)[[way is modified for way in ways].index(True)]
    log.say(f"cycle {modified.kept.number} of {name} is kept")
    if modified.kept.number == cycles:
        log.say(f"it was still improving: try --cycles {2 * cycles}")


def tell_modified(log: Log, output: Path, results: Results) -> None:
    """End with the verdict, the files and the next step."""
    log.say(f"{results.verdict.sentence}\n")
    log.say(f"report  {output / REPORT}")
    log.say(f"phases  {output / PHASED}")
    log.say(f"map     {output / MAP}")
    if results.verdict.word == "unchanged":
        log.say("\n".join(["", *(f"- {step}" for step in results.next_steps)]))
    else:
        log.say(f"\nnext: coot --script {shlex.quote(str(output / COOT_SCRIPT))}")


def _row(cycle: Cycle) -> list[str | int | float]:
    return [
        cycle.number,
        cycle.free_correlation,
        f"{cycle.free_gain:.4f}",
        f"{cycle.mean_fom:.2f}",
        f"{cycle.phase_change_deg:.1f}°",
    ]


def _input_data(run: ModifyRun) -> InputData:
    observed, prepared = run.observations, run.prepared
    residues = run.sequence.residues * (prepared.copies or 1) if run.sequence is not None else None
    free = observed.free_label
    a, b, c, alpha, beta, gamma = observed.cell.parameters
    return InputData(
        file=run.data.name,
        columns=(*observed.labels, *run.start.labels),
        kind="intensities" if observed.kind == "intensity" else "amplitudes",
        cell=(a, b, c, alpha, beta, gamma),
        spacegroup=observed.spacegroup.xhm(),
        d_max=prepared.reflections.d_max,
        d_min=prepared.reflections.d_min,
        n_reflections=len(prepared),
        sequence_residues=residues,
        free_set=f"{free}, {observed.test_value} marks the test set; copied as it is" if free else None,
    )


def _phasing(run: ModifyRun) -> Phasing:
    method = "given phases; solvent flattening, histogram matching"
    return Phasing(
        method=f"{method}, density prior" if run.prior is not None else method,
        prior=prior_record(run.prior) if run.prior is not None else None,
        start_phases=f"{run.start.path.name}:{','.join(run.start.labels)}",
        n_starts=len(run.ways),
        n_iterations=sum(len(way.cycles) for way in run.ways),
        seed=0,
        best_start=[way is run.modified for way in run.ways].index(True),
        convergence=tuple(
            Convergence(
                start=number,
                iteration=tuple(cycle.number for cycle in way.cycles),
                value=tuple(cycle.free_correlation for cycle in way.cycles),
            )
            for number, way in enumerate(run.ways)
        ),
        solvent_fraction=run.solvent,
        hand=Hand(status="decided", decided_by="the starting phases"),
    )


def _shells(run: ModifyRun) -> tuple[Shell, ...]:
    """Return ten shells of equal volume, low to high resolution, without empty ones."""
    data, quality = run.prepared.reflections, run.prepared.quality
    division = quality.shells
    counts = np.bincount(division.assign(data.inv_d2), minlength=len(division))
    signal = division.means(data.inv_d2, data.f / data.sigf)
    fom = division.means(data.inv_d2, run.modified.fom)
    return tuple(
        Shell(
            d_max=float(d_max),
            d_min=float(d_min),
            n=int(counts[i]),
            completeness=quality.shell_completeness[i],
            mean_f_over_sigma=signal[i],
            mean_fom=fom[i],
        )
        for i, (d_max, d_min) in enumerate(division.d_range)
        if counts[i]
    )


def _overall(run: ModifyRun) -> Shell:
    data = run.prepared.reflections
    return Shell(
        d_max=data.d_max,
        d_min=data.d_min,
        n=len(data),
        completeness=run.prepared.quality.completeness,
        mean_f_over_sigma=float(np.mean(data.f / data.sigf)),
        mean_fom=float(np.mean(run.modified.fom)),
    )


def _next_steps(run: ModifyRun) -> tuple[str, ...]:
    look = f"Look at the map: coot --script {COOT_SCRIPT}"
    if run.modified.kept is not None:
        return (look, "Build and refine a model; only a refined model is proof.")
    steps = [look, "The starting phases are too poor, or right already: better ones are needed."]
    if run.sequence is None:
        steps.append("Give the sequence with --sequence, or the solvent content with --solvent.")
    done = counted(len(run.modified.cycles), "cycle")
    return (*steps, f"Try more cycles than the {done} done: --cycles.")
