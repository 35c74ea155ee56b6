"""From a measured file to phases, a map and a report: the whole story."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rephase.errors import UserError
from rephase.io.example_files import check_new_directory
from rephase.io.observations import Observations, read_observations
from rephase.io.sequence import Sequence, read_sequence
from rephase.io.start_phases import read_start_phases
from rephase.logs import Log
from rephase.models.trained import TrainedNetwork
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.given_phases import GivenPhases, given_phases
from rephase.phasing.kept_hand import KeptHand, keep_hand
from rephase.phasing.network_choice import choose_network
from rephase.phasing.phase import Solution, StartRecord, phase
from rephase.phasing.prepare import PreparedData, prepare
from rephase.phasing.prior_choice import choose_prior, prior_of_search
from rephase.phasing.recipes import ATOMIC_D_MIN
from rephase.phasing.unusual_content import unusual_content
from rephase.report.assemble import Run, assemble
from rephase.report.directory import MAP, PEAKS, RESULTS, report_of_directory
from rephase.report.output_files import (
    LOG,
    OTHER_MAP,
    OTHER_PHASED,
    PHASED,
    describe_files,
    make_room,
    write_hand,
    write_peaks,
)
from rephase.report.provenance import command_line
from rephase.report.results import Results, write_results
from rephase.report.terminal import (
    describe_round,
    tell_data,
    tell_given,
    tell_hand,
    tell_network,
    tell_prior,
    tell_results,
    tell_solution,
)
from rephase.report.viewers import write_viewer_scripts

if TYPE_CHECKING:
    import torch


_LOWEST_CHANCE = 0.01  # of being right; less would only make the numbers of the map hard to read


def solve(
    data: Path,
    output: Path,
    *,
    sequence: Path | None = None,
    observations: str | None = None,
    d_min: float | None = None,
    in_p1: bool = False,
    weights: str | None = None,
    prior: str | None = None,
    start_phases: str | None = None,
    seed: int = 0,
    device: str = "auto",
    time_limit: float = 600.0,
    force: bool = False,
) -> Results:
    """Phase measured data and write the results to a new directory.

    Parameters
    ----------
    data
        Reflection file, MTZ or structure-factor mmCIF, also gzipped.
    output
        Directory to make. Nothing is touched before the input has been accepted.
    sequence
        FASTA file of the contents of the asymmetric unit.
    observations
        Columns to use, such as ``F,SIGF``; found by type if not given.
    d_min
        Leave out reflections beyond this resolution, Å.
    in_p1
        Forget the space group.
    weights
        Network whose predictions are the first starts: the name of a released one or the path of a file,
        ``"none"``, or None for a released one that was trained on such crystals, if there is any.
    prior
        Density prior that takes part in the search: the name of a released one or the path of a file,
        ``"none"``, or None for the one that comes with this version, where it knows such data.
    start_phases
        Phases to start from, ``FILE`` or ``FILE:PHI,FOM``, see `rephase.io.start_phases`.
    seed
        Of every random number.
    device
        ``"auto"`` (CUDA when there is some), ``"cpu"`` or ``"cuda"``.
    time_limit
        Seconds after which no new start is made.
    force
        Replace the results in an existing directory.

    Returns
    -------
    The record that `results.json` holds.

    Raises
    ------
    UserError
        For a mistake in the input or the options, before anything is written; for a full disk.
    """
    begin = time.perf_counter()
    command = command_line(
        data,
        output,
        in_p1=in_p1,
        sequence=sequence,
        observations=observations,
        d_min=d_min,
        weights=weights,
        prior=prior,
        start_phases=start_phases,
        seed=seed,
        device=device,
        time_limit=time_limit,
    )
    torch_device = choose_device(device)
    check_new_directory(output, force)
    protein = read_sequence(sequence) if sequence is not None else None
    observed = read_observations(data, observations, d_min, in_p1)
    prepared = prepare(observed, protein, d_min)
    given = read_given_phases(start_phases, observed, prepared)
    network = choose_network(weights, prepared, protein, torch_device)
    density_prior = choose_prior(prior, prepared.reflections.d_min, torch_device, prior_of_search(prepared))
    make_room(output)

    with Log(output / LOG) as log:
        log.stage("data")
        log.timings["data"] = time.perf_counter() - begin
        tell_data(log, data, observed, prepared)
        for warning in unusual_content(prepared, protein):
            log.warn(warning)

        log.stage("phasing")
        if network is not None:
            tell_network(log, network, asked_for=weights is not None)
        if given is not None:
            tell_given(log, given)
        if density_prior is not None:
            density_prior = tell_prior(
                log, density_prior, prepared.reflections.d_min, asked_for=prior is not None
            )
        means = Means(
            network.trained if network is not None else None,
            density_prior.trained if density_prior is not None else None,
            given,
            protein,
        )
        solution = search(log, prepared, means, seed, torch_device, time_limit)

        log.stage("hand")
        kept = keep_hand(prepared, solution, seed)
        tell_hand(log, kept)

        log.stage("files")
        write_phases(log, output, observed, protein, prepared, solution, kept)

        log.stage("report")
        results = assemble(
            Run(
                data=data,
                command=command,
                observations=observed,
                sequence=protein,
                prepared=prepared,
                solution=solution,
                kept=kept,
                network=network,
                prior=density_prior,
                start_phases=start_phases,
                seed=seed,
                device=torch_device,
                files=describe_files(output),
                warnings=log.warnings,
                timings=log.timings,
            )
        )
        write_results(results, output / RESULTS)
        report_of_directory(output)
        tell_results(log, output, results)
    return results


def choose_device(name: str) -> "torch.device":
    """Return the device of this name; ``"auto"`` takes CUDA when there is some.

    Raises
    ------
    UserError
        If CUDA is asked for and there is none.
    """
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("a CUDA device", "none that torch can use", "type --device cpu, or leave it out")
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(automatic if name == "auto" else name)


def read_given_phases(
    selector: str | None, observed: Observations, prepared: PreparedData
) -> GivenPhases | None:
    """Read starting phases and check them; None if there are none.

    Raises
    ------
    UserError
        When they are of another crystal, or of no use.
    """
    if selector is None:
        return None
    return given_phases(read_start_phases(selector, observed), observed.hkl, prepared)


@dataclass(frozen=True, eq=False)
class Means:
    """What helps the search, each None where there is none."""

    network: TrainedNetwork | None
    prior: TrainedPrior | None
    given: GivenPhases | None
    sequence: Sequence | None


def search(
    log: Log,
    prepared: PreparedData,
    means: Means,
    seed: int,
    device: "torch.device",
    time_limit: float,
) -> Solution:
    """Phase, with a line for each round of starts and a bar that shows the time used.

    Figures of merit hold if the solution is right; they are multiplied by the probability that it is.
    """
    begin, shown = time.monotonic(), 0
    with log.progress(round(time_limit), "seconds of the time limit") as advance:

        def on_step(_: int) -> None:
            nonlocal shown
            passed = int(time.monotonic() - begin)
            advance(passed - shown)
            shown = passed

        def on_round(starts: list[StartRecord]) -> None:
            log.say(describe_round(starts))

        solution = phase(
            prepared,
            network=means.network,
            prior=means.prior,
            given=means.given,
            sequence=means.sequence,
            seed=seed,
            device=device,
            time_limit=time_limit,
            on_step=on_step,
            on_round=on_round,
        )
    solution = replace(solution, fom=solution.fom * max(solution.judgement.probability, _LOWEST_CHANCE))
    tell_solution(log, solution)
    return solution


def write_phases(
    log: Log,
    output: Path,
    observed: Observations,
    protein: Sequence | None,
    prepared: PreparedData,
    solution: Solution,
    kept: KeptHand,
) -> None:
    """Write MTZ files, maps, peaks and viewer scripts."""
    density, notes = write_hand(output / PHASED, output / MAP, observed, prepared, solution, kept.phi)
    if kept.other is not None:
        write_hand(output / OTHER_PHASED, output / OTHER_MAP, observed, prepared, solution, kept.other)
    if solution.judgement.word != "not solved" and prepared.reflections.d_min <= ATOMIC_D_MIN:
        atoms = protein.heavy_atoms * (prepared.copies or 1) if protein is not None else None
        write_peaks(output / PEAKS, density, prepared, atoms)
    rms = float(np.sqrt(np.mean(np.square(density, dtype=np.float64))))
    write_viewer_scripts(output, rms, PEAKS if (output / PEAKS).exists() else None)
    for note in notes:
        log.warn(note)
    for file in describe_files(output):
        log.say(f"{file.name:<22} {file.what}")
