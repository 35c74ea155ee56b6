"""From a measured file to phases, a map and a report: the whole story."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.evaluate.origins import moved_phases, origin_shifts
from rephase.io.example_files import check_new_directory
from rephase.io.observations import Observations, read_observations
from rephase.io.sequence import read_sequence
from rephase.logs import Log
from rephase.phasing.phase import Solution, StartRecord, phase
from rephase.phasing.prepare import PreparedData, prepare
from rephase.report.assemble import Run, assemble
from rephase.report.directory import MAP, RESULTS, report_of_directory
from rephase.report.output_files import (
    LOG,
    OTHER_MAP,
    OTHER_PHASED,
    PHASED,
    list_files,
    make_room,
    write_hand,
)
from rephase.report.results import Hand, OutputFile, Results, write_results
from rephase.report.terminal import describe_round, tell_data, tell_results, tell_solution
from rephase.report.viewers import write_viewer_scripts

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KeptHand:
    """Phases of the hand that is kept, and of the other one where both are open.

    Attributes
    ----------
    phi
        Phases in radians, shape ``(n,)``.
    other
        Those of the mirror image at a permissible origin, shape ``(n,)``; None where the hand is decided.
    record
        For the report.
    """

    phi: FloatArray
    other: FloatArray | None
    record: Hand


def solve(
    data: Path,
    output: Path,
    *,
    sequence: Path | None = None,
    observations: str | None = None,
    d_min: float | None = None,
    in_p1: bool = False,
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
    torch_device = choose_device(device)
    check_new_directory(output, force)
    protein = read_sequence(sequence) if sequence is not None else None
    observed = read_observations(data, observations, d_min, in_p1)
    prepared = prepare(observed, protein, d_min)
    make_room(output)

    with Log(output / LOG) as log:
        log.stage("data")
        log.timings["data"] = time.perf_counter() - begin
        tell_data(log, data, observed, prepared)

        log.stage("phasing")
        solution = search(log, prepared, seed, torch_device, time_limit)

        log.stage("hand")
        kept = keep_hand(prepared, solution)
        log.say(tell_hand(kept))

        log.stage("files")
        files = write_phases(log, output, observed, prepared, solution, kept)

        log.stage("report")
        results = assemble(
            Run(
                data=data,
                command=command_line(
                    data, output, sequence, observations, d_min, in_p1, seed, device, time_limit
                ),
                observations=observed,
                sequence=protein,
                prepared=prepared,
                solution=solution,
                hand=kept.record,
                seed=seed,
                device=describe_device(torch_device),
                files=files,
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


def describe_device(device: "torch.device") -> str:
    """Name a device in words."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def search(
    log: Log, prepared: PreparedData, seed: int, device: "torch.device", time_limit: float
) -> Solution:
    """Phase, with a line for each round of starts and a bar that shows the time used."""
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
            prepared, seed=seed, device=device, time_limit=time_limit, on_step=on_step, on_round=on_round
        )
    tell_solution(log, solution)
    return solution


def keep_hand(prepared: PreparedData, solution: Solution) -> KeptHand:
    """Keep one hand, and the other beside it where nothing decides between them."""
    data = prepared.reflections
    shifts = origin_shifts(data.spacegroup, data.spacegroup, "other")
    if shifts is None:
        reason = f"the screw axes of {data.spacegroup.xhm()}, if the space group is right"
        return KeptHand(solution.phi, None, Hand(status="decided", decided_by=reason))
    if solution.judgement.word == "not solved":
        return KeptHand(solution.phi, None, Hand(status="undecided", decided_by="there is no solution"))
    mirrored = moved_phases(data.hkl, solution.phi, shifts.discrete[0], "other")
    return KeptHand(solution.phi, mirrored, Hand(status="undecided"))


def tell_hand(kept: KeptHand) -> str:
    """Say what became of the hand."""
    if kept.record.status == "decided":
        return f"decided by {kept.record.decided_by}"
    if kept.other is None:
        return f"undecided: {kept.record.decided_by}"
    return f"undecided: the mirror image explains the data as well and is in {OTHER_PHASED}"


def write_phases(
    log: Log,
    output: Path,
    observed: Observations,
    prepared: PreparedData,
    solution: Solution,
    kept: KeptHand,
) -> tuple[OutputFile, ...]:
    """Write MTZ files, maps and viewer scripts; return the list of all files of the directory."""
    paths = output / PHASED, output / MAP
    rms, notes = write_hand(paths, observed, prepared, solution, kept.phi)
    if kept.other is not None:
        write_hand((output / OTHER_PHASED, output / OTHER_MAP), observed, prepared, solution, kept.other)
    write_viewer_scripts(output, rms)
    for note in notes:
        log.warn(note)
    files = list_files(kept.other is not None)
    for file in files:
        log.say(f"{file.name:<22} {file.what}")
    return files


def command_line(
    data: Path,
    output: Path,
    sequence: Path | None,
    observations: str | None,
    d_min: float | None,
    in_p1: bool,
    seed: int,
    device: str,
    time_limit: float,
) -> str:
    """Return the command that repeats this run."""
    words = ["rephase", "solve", str(data)]
    given = {"--sequence": sequence, "--observations": observations, "--d-min": d_min}
    for option, value in given.items():
        words += [option, str(value)] if value is not None else []
    words += ["--in-p1"] if in_p1 else []
    words += ["--seed", str(seed), "--device", device, "--time-limit", f"{time_limit:g}", "-o", str(output)]
    return shlex.join(words)
