"""What a run says on the terminal: the data, each round of starts, the verdict and the next step."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rephase.io.observations import Observations
from rephase.logs import Log
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.network_choice import ChosenNetwork
from rephase.phasing.phase import Solution, StartRecord
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_choice import ChosenPrior
from rephase.phasing.recipes import ATOMIC_D_MIN, solvent_hypotheses
from rephase.report.assemble import FIGURE_NAME
from rephase.report.directory import MAP, REPORT
from rephase.report.method_record import hand_record
from rephase.report.output_files import OTHER_MAP, OTHER_PHASED, PHASED
from rephase.report.results import Results
from rephase.report.viewers import COOT_SCRIPT


def tell_data(log: Log, data: Path, observed: Observations, prepared: PreparedData) -> None:
    """Say what was read, how good it is, and which solvent contents will be tried."""
    tell_measured(log, data, observed, prepared)
    tried = " or ".join(f"{fraction:.0%}" for fraction in solvent_hypotheses(prepared))
    if prepared.reflections.d_min <= ATOMIC_D_MIN:
        log.say("atomic resolution: no solvent content is needed")
    elif prepared.copies is None:
        log.say(f"solvent to be tried: {tried}, as no sequence is given")
    elif prepared.copies == 1:
        log.say(f"{tried} solvent with one copy of the sequence")
    else:
        log.say(f"solvent to be tried: {tried}, with 1 or {prepared.copies} copies of the sequence")


def tell_measured(log: Log, data: Path, observed: Observations, prepared: PreparedData) -> None:
    """Say what was read and how good it is."""
    quality, measured = prepared.quality, prepared.reflections
    cell = " ".join(f"{x:g}" for x in np.round(observed.cell.parameters, 3))
    log.say(f"{data}: {', '.join(observed.labels)} ({observed.kind})")
    log.say(f"{observed.spacegroup.xhm()}, cell {cell}")
    log.say(
        f"{len(prepared)} reflections, {measured.d_max:.2f} – {measured.d_min:.2f} Å, "
        f"{quality.completeness:.1%} complete, <I/σ> {quality.mean_signal:.1f}, "
        f"Wilson B {prepared.wilson_b:.1f} Å²\n"
    )
    log.table(
        ["d_max", "d_min", "reflections", "complete", "<I/σ>"],
        [
            [f"{high:.2f}", f"{low:.2f}", int(n), f"{complete:.1%}", f"{signal:.1f}"]
            for (high, low), n, complete, signal in zip(
                quality.shells.d_range,
                quality.shell_count,
                quality.shell_completeness,
                quality.shell_signal,
                strict=True,
            )
        ],
        [
            *(f"{measured.d_max:.2f}", f"{measured.d_min:.2f}", quality.count),
            *(f"{quality.completeness:.1%}", f"{quality.mean_signal:.1f}"),
        ],
    )
    for note in prepared.notes:
        log.warn(note)


def tell_network(log: Log, network: ChosenNetwork, asked_for: bool) -> None:
    """Say which network is asked, and warn of what it does not know.

    Parameters
    ----------
    log
        Where to say it.
    network
        The network.
    asked_for
        Whether the user named it, or it was chosen for the crystal.
    """
    examples = f"{network.trained.record.examples:,}".replace(",", " ")
    why = "" if asked_for else ", as it was trained on such crystals (--weights none does without)"
    log.say(f"starts predicted by the network {network.name}, trained on {examples} examples{why}")
    for difference in network.outside:
        log.warn(f"The network {network.name} does not know such crystals: {difference}.")


def tell_prior(log: Log, prior: ChosenPrior, d_min: float, asked_for: bool) -> ChosenPrior | None:
    """Say which density prior takes part, or why it does not.

    Parameters
    ----------
    log
        Where to say it.
    prior
        The prior.
    d_min
        High-resolution limit of the data, Å.
    asked_for
        Whether the user named it: it then takes part whatever the data.

    Returns
    -------
    The prior if it takes part.
    """
    outside = "; ".join(prior.outside)
    if not outside:
        log.say(f"density prior {prior.name}{'' if asked_for else ' (--prior none does without)'}")
        return prior
    if asked_for:
        log.warn(f"The density prior {prior.name} does not know such data: {outside}.")
        return prior
    finest = prior.trained.record.trained.d_min[0]
    known = f"leave out finer data with --d-min {finest:g}, or " if d_min < finest else ""
    log.warn(
        f"The density prior is not used, as it does not know such data: {outside}. For its help {known}"
        f"ask for it with --prior {prior.name}."
    )
    return None


def tell_given(log: Log, given: GivenPhases) -> None:
    """Say how many phases there are to start from, and how good they are said to be."""
    known = given.fom > 0.0
    log.say(f"starting phases of {np.count_nonzero(known)} of {len(known)} reflections")
    if given.evidence:
        log.say(f"their mean figure of merit: {np.mean(given.fom[known]):.2f}")
    else:
        log.warn(
            "The starting phases have no figures of merit: they are a place to begin, but no evidence. "
            "Name such a column as FILE:PHI,FOM."
        )


def describe_round(starts: Sequence[StartRecord]) -> str:
    """Say in a line what one round of starts gave."""
    figures = [start.cc_free for start in starts]
    first = starts[0]
    solvent = f", {first.solvent:.0%} solvent" if "envelope" in first.recipe else ""
    return (
        f"{first.recipe}{solvent}: {len(starts)} starts, {first.iterations} {first.steps}, "
        f"{FIGURE_NAME} {min(figures):.2f} to {max(figures):.2f}"
    )


def tell_solution(log: Log, solution: Solution) -> None:
    """Say what the best round came to."""
    same, compared = solution.agreeing
    log.say(f"{same} of {compared} starts of the best round agree")
    for operator, agreement in solution.finished.fit.by_operator.items():
        log.say(f"operator {operator}: <cos Δφ> {agreement:.2f} before averaging")
    log.say(f"mean figure of merit {np.mean(solution.fom):.2f}")


def tell_hand(log: Log, kept: KeptHand) -> None:
    """Say what became of the hand."""
    record = hand_record(kept)
    log.say(f"{record.status}: {record.decided_by}")
    if kept.other is not None:
        log.say(f"the mirror image explains the data as well: {OTHER_PHASED}, {OTHER_MAP}")
    if kept.warning:
        log.warn(kept.warning)


def tell_results(log: Log, output: Path, results: Results) -> None:
    """End with the verdict, the files and the next step."""
    verdict = results.verdict
    log.say(f"verdict: {verdict.word}; probability of being right {verdict.chance_in_words}")
    log.say(f"{verdict.sentence}\n")
    log.say(f"report  {output / REPORT}")
    log.say(f"phases  {output / PHASED}")
    log.say(f"map     {output / MAP}")
    if results.verdict.word == "not solved":
        log.say("\n".join(["", *(f"- {step}" for step in results.next_steps)]))
    else:
        log.say(f"\nnext: coot --script {shlex.quote(str(output / COOT_SCRIPT))}")
