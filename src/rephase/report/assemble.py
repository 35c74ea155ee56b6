"""The record of a run put together from its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.quality import LOW_RESOLUTION
from rephase.io.observations import Observations
from rephase.io.sequence import Sequence as ProteinSequence
from rephase.phasing.exploration import FROM_GIVEN, FROM_RANDOM
from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.network_choice import ChosenNetwork
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_choice import ChosenPrior
from rephase.report.advice import next_steps
from rephase.report.citations import citations
from rephase.report.data_record import DataQuality, InputData, LTest, PseudoTranslation, WilsonPlot
from rephase.report.method_record import hand_record, network_record, prior_record
from rephase.report.provenance import versions
from rephase.report.results import (
    FigureOfMerit,
    OperatorAgreement,
    OutputFile,
    Phasing,
    Results,
    Shell,
    StageTime,
    Verdict,
)

FloatArray = NDArray[np.float64]

FIGURE_NAME = "free correlation"


@dataclass(frozen=True, eq=False)
class Run:
    """All that one run read, did and wrote.

    Attributes
    ----------
    data
        The user's file.
    command
        What was typed, or would have to be.
    observations, sequence
        As read.
    prepared, solution
        Of the phasing.
    kept
        What became of the hand.
    network
        The network that was asked; None without one.
    prior
        The density prior that took part; None without one.
    start_phases
        The user's, file and columns; None without any.
    seed, device
        Of the phasing.
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
    prepared: PreparedData
    solution: Solution
    kept: KeptHand
    network: ChosenNetwork | None
    prior: ChosenPrior | None
    start_phases: str | None
    seed: int
    device: torch.device
    files: tuple[OutputFile, ...]
    warnings: Sequence[str]
    timings: Mapping[str, float]


def assemble(run: Run) -> Results:
    """Put the record of a run together."""
    overall = overall_shell(run.prepared, run.solution)
    return Results(
        title=f"Phases of {run.data.name.split('.')[0]}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=run.command,
        verdict=verdict(run.solution),
        input=input_data(run),
        data_quality=data_quality(run.prepared),
        phasing=phasing(run),
        shells=shells(run.prepared, run.solution),
        overall=overall,
        files=run.files,
        warnings=tuple(run.warnings),
        next_steps=next_steps(run.prepared, run.solution, run.kept),
        versions=versions(run.device),
        timings=tuple(StageTime(stage=name, seconds=seconds) for name, seconds in run.timings.items()),
        citations=citations(
            projections=uses_projections(run.solution),
            intensities=run.observations.kind == "intensity",
            envelope=uses_envelope(run.solution),
            sequence=run.sequence is not None,
            l_test=run.prepared.quality.l_test.twinned is not None,
            network=run.network is not None,
        ),
    )


def verdict(solution: Solution) -> Verdict:
    """Return the verdict; its sentence begins with the word."""
    judgement = solution.judgement
    return Verdict(
        word=judgement.word,
        probability=judgement.probability,
        figure=FigureOfMerit(
            name=FIGURE_NAME,
            value=judgement.figure,
            solved_above=judgement.solved_above,
            doubtful_above=judgement.doubtful_above,
            explanation="Correlation of measured and predicted E of reflections left out of the search.",
        ),
        sentence=f"{judgement.word.capitalize()}: {judgement.sentence}",
    )


def input_data(run: Run) -> InputData:
    """Describe what was phased."""
    observed, prepared = run.observations, run.prepared
    residues = run.sequence.residues * copies_assumed(run) if run.sequence is not None else None
    free = observed.free_label
    a, b, c, alpha, beta, gamma = observed.cell.parameters
    return InputData(
        file=run.data.name,
        columns=observed.labels,
        kind="intensities" if observed.kind == "intensity" else "amplitudes",
        cell=(a, b, c, alpha, beta, gamma),
        spacegroup=observed.spacegroup.xhm(),
        d_max=prepared.reflections.d_max,
        d_min=prepared.reflections.d_min,
        n_reflections=len(prepared),
        sequence_residues=residues,
        free_set=f"{free}, {observed.test_value} marks the test set; copied as it is" if free else None,
    )


def copies_assumed(run: Run) -> int:
    """Return the copies of the sequence in the asymmetric unit that the kept search assumed."""
    likeliest = run.prepared.copies or 1
    if not uses_envelope(run.solution):
        return likeliest
    protein = 1.0 - run.solution.problem.recipe.solvent
    return max(1, round(likeliest * protein / max(1.0 - run.prepared.solvent_fraction, 1e-6)))


def uses_envelope(solution: Solution) -> bool:
    """Tell whether the kept search relied on a molecular envelope, and so on a solvent content."""
    return "envelope" in solution.problem.recipe.name


def uses_projections(solution: Solution) -> bool:
    """Tell whether the classical search had a part in the kept phases; else they are the prior's alone."""
    return solution.problem.recipe.name not in (FROM_RANDOM, FROM_GIVEN)


def data_quality(prepared: PreparedData) -> DataQuality:
    """Copy the figures and curves of the data."""
    q = prepared.quality
    peak = q.pseudo_translation
    test = q.l_test
    fitted = q.wilson.inv_d2[q.wilson.fitted][[0, -1]]
    return DataQuality(
        completeness=q.completeness,
        completeness_low=q.low_completeness,
        low_limit_d=LOW_RESOLUTION,
        mean_i_over_sigma=q.mean_signal,
        second_moment_acentric=q.moment_acentric,
        second_moment_centric=q.moment_centric,
        mean_abs_l=test.mean_abs_l,
        mean_l_squared=test.mean_l2,
        twinning={None: "cannot be told: too few pairs", True: "suspected", False: "no sign"}[test.twinned],
        wilson_b=q.wilson.b,
        anisotropy_delta_b=q.anisotropy.delta_b,
        pseudo_translation=PseudoTranslation(vector_frac=peak.vector_frac, height=peak.height)
        if peak
        else None,
        n_outliers=len(q.outliers),
        wilson_plot=WilsonPlot(
            inv_d2=tuple(q.wilson.inv_d2),
            ln_i=tuple(q.wilson.ln_i),
            fit_inv_d2=tuple(fitted),
            fit_ln_i=tuple(q.wilson.line(fitted)),
        ),
        l_test=LTest(abs_l=tuple(test.abs_l), cumulative=tuple(test.cumulative)) if test.pairs else None,
    )


def phasing(run: Run) -> Phasing:
    """Describe the search and the symmetry found in its phases."""
    solution = run.solution
    recipe = solution.problem.recipe
    return Phasing(
        method=f"{_method(solution)}: {recipe.name}; then symmetry averaging",
        network=network_record(run.network) if run.network is not None else None,
        prior=prior_record(run.prior) if run.prior is not None else None,
        start_phases=run.start_phases,
        n_starts=len(solution.starts),
        n_iterations=sum(start.iterations for start in solution.starts),
        seed=run.seed,
        best_start=solution.best_start,
        start_figures=tuple(start.cc_free for start in solution.starts),
        solvent_fraction=recipe.solvent if uses_envelope(solution) else None,
        hand=hand_record(run.kept),
        symmetry=tuple(
            OperatorAgreement(operator=operator, agreement=agreement)
            for operator, agreement in solution.finished.fit.by_operator.items()
        ),
        time_limit_hit=solution.time_limit_hit,
    )


def _method(solution: Solution) -> str:
    by_prior = solution.starts[solution.best_start].by_prior
    return "Density prior in P1" if by_prior else "RAAR in P1"


def shells(prepared: PreparedData, solution: Solution) -> tuple[Shell, ...]:
    """Return ten shells of equal volume, low to high resolution, without empty ones."""
    data, quality = prepared.reflections, prepared.quality
    division = quality.shells
    counts = np.bincount(division.assign(data.inv_d2), minlength=len(division))
    signal = division.means(data.inv_d2, data.f / data.sigf)
    fom = division.means(data.inv_d2, np.clip(solution.fom, 0.0, 1.0))
    difference = division.means(data.inv_d2, solution.difference_deg)
    return tuple(
        Shell(
            d_max=float(d_max),
            d_min=float(d_min),
            n=int(counts[i]),
            completeness=quality.shell_completeness[i],
            mean_f_over_sigma=signal[i],
            mean_fom=fom[i],
            start_difference_deg=difference[i],
        )
        for i, (d_max, d_min) in enumerate(division.d_range)
        if counts[i]
    )


def overall_shell(prepared: PreparedData, solution: Solution) -> Shell:
    """Return the same figures over all reflections."""
    data = prepared.reflections
    return Shell(
        d_max=data.d_max,
        d_min=data.d_min,
        n=len(data),
        completeness=prepared.quality.completeness,
        mean_f_over_sigma=float(np.mean(data.f / data.sigf)),
        mean_fom=float(np.mean(np.clip(solution.fom, 0.0, 1.0))),
        start_difference_deg=float(np.mean(solution.difference_deg)),
    )
