"""From given phases to better ones: the whole story of density modification."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from rephase.crystal.density_map import density_map
from rephase.errors import UserError
from rephase.io.ccp4map import write_ccp4_map
from rephase.io.example_files import check_new_directory
from rephase.io.observations import Observations, read_observations
from rephase.io.phase_sets import split_selector
from rephase.io.phased import hendrickson_lattman, write_phased_mtz
from rephase.io.sequence import read_sequence
from rephase.io.start_phases import StartPhases, measured_columns, read_start_phases
from rephase.logs import Log
from rephase.phasing.modification.cycles import ModifiedDensity, ModifiedPhases, best_of, modify_phases
from rephase.phasing.modification.modified_density import SolventAndHistogram
from rephase.phasing.modification.prior_density import PriorDensity
from rephase.phasing.modification.prior_passes import pass_through_prior
from rephase.phasing.modification.start_weight import estimate_fom
from rephase.phasing.modification.unique_grid import UniqueGrid, unique_grid
from rephase.phasing.prepare import PreparedData, prepare
from rephase.phasing.prior_choice import ChosenPrior, choose_prior
from rephase.phasing.unusual_content import unusual_content
from rephase.report.directory import MAP, RESULTS, report_of_directory
from rephase.report.modified import (
    BY_PRIOR,
    CLASSICAL,
    ModifyRun,
    assemble_modified,
    tell_cycles,
    tell_kept,
    tell_modified,
    tell_start,
)
from rephase.report.output_files import MODIFY_LOG, PHASED, describe_files, make_room
from rephase.report.provenance import command_line
from rephase.report.results import Results, write_results
from rephase.report.terminal import tell_measured
from rephase.report.viewers import write_viewer_scripts
from rephase.solve import choose_device


def modify(
    data: str,
    output: Path,
    *,
    sequence: Path | None = None,
    observations: str | None = None,
    d_min: float | None = None,
    cycles: int = 60,
    solvent: float | None = None,
    prior: str | None = None,
    device: str = "auto",
    force: bool = False,
) -> Results:
    """Improve given phases by density modification and write the results to a new directory.

    Parameters
    ----------
    data
        Reflection file with measured data and starting phases, also as ``FILE:F,PHI,FOM``; columns that are
        not named are found by type.
    output
        Directory to make. Nothing is touched before the input has been accepted.
    sequence
        FASTA file of the contents of the asymmetric unit: gives the solvent content.
    observations
        Measured columns such as ``F,SIGF``, where `data` names none and the file holds several.
    d_min
        Leave out reflections beyond this resolution, Å.
    cycles
        At most so many.
    solvent
        Fraction of the cell, in place of that from the sequence, or of the average crystal.
    prior
        Density prior: the name of a released one, the path of a file, ``"none"``, or None for the one that
        comes with the program.
    device
        ``"auto"`` (CUDA when there is some), ``"cpu"`` or ``"cuda"``.
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
        command="modify",
        sequence=sequence,
        observations=observations,
        d_min=d_min,
        cycles=cycles,
        solvent=solvent,
        prior=prior,
        device=device,
    )
    torch_device = choose_device(device)
    check_new_directory(output, force)
    path = split_selector(data)[0]
    protein = read_sequence(sequence) if sequence is not None else None
    observed = read_observations(path, chosen_columns(data, observations), d_min)
    prepared = prepare(observed, protein, d_min)
    start = matching_rows(read_start_phases(data, observed), observed, prepared)
    chosen = choose_prior(prior, prepared.reflections.d_min, torch_device)
    fraction = prepared.solvent_fraction if solvent is None else solvent
    make_room(output)

    with Log(output / MODIFY_LOG) as log:
        log.stage("data")
        log.timings["data"] = time.perf_counter() - begin
        tell_measured(log, path, observed, prepared)
        for warning in unusual_content(prepared, protein):
            log.warn(warning)

        log.stage("starting phases")
        crystal = unique_grid(prepared, torch_device)
        classical = SolventAndHistogram(crystal, 1.0 - fraction)
        start = weighted_start(log, crystal, start, classical)
        tell_start(log, start, prepared)

        log.stage("modification")
        log.say(f"{fraction:.0%} solvent, {origin_of_solvent(prepared, solvent)}")
        ways = [tell_cycles(log, CLASSICAL, by_solvent(log, crystal, classical, start, cycles))]
        if chosen is not None:
            ways.append(
                tell_cycles(log, f"{BY_PRIOR} {chosen.name}", by_prior(log, crystal, chosen, start, cycles))
            )
        modified = best_of(ways)
        tell_kept(log, modified, ways, cycles)

        log.stage("files")
        write_modified(log, output, observed, prepared, modified)

        log.stage("report")
        results = assemble_modified(
            ModifyRun(
                data=path,
                command=command,
                observations=observed,
                sequence=protein,
                start=start,
                prepared=prepared,
                modified=modified,
                ways=tuple(ways),
                solvent=fraction,
                prior=chosen,
                device=torch_device,
                files=describe_files(output),
                warnings=log.warnings,
                timings=log.timings,
            )
        )
        write_results(results, output / RESULTS)
        report_of_directory(output)
        tell_modified(log, output, results)
    return results


def origin_of_solvent(prepared: PreparedData, given: float | None) -> str:
    """Say where the solvent content comes from."""
    if given is not None:
        return "given"
    if prepared.copies is None:
        return "assumed: give --sequence or --solvent"
    return f"from the sequence, copies in the asymmetric unit: {prepared.copies}"


def chosen_columns(data: str, observations: str | None) -> str | None:
    """Return the measured columns that are named, in ``FILE:F,PHI,FOM`` or apart; None where none is.

    Raises
    ------
    UserError
        When both name some.
    """
    named = measured_columns(data)
    if named is not None and observations is not None:
        raise UserError(
            "measured columns named once",
            f"{named} in {data}, and --observations {observations}",
            "leave out one of them",
        )
    return named or observations


def matching_rows(start: StartPhases, observed: Observations, prepared: PreparedData) -> StartPhases:
    """Return the starting phases of the reflections that were kept in the preparation, in their order."""
    place = {tuple(hkl): row for row, hkl in enumerate(observed.hkl.tolist())}
    rows = [place[tuple(hkl)] for hkl in prepared.reflections.hkl.tolist()]
    return start.select(np.array(rows, dtype=np.intp))


def weighted_start(
    log: Log, crystal: UniqueGrid, start: StartPhases, density: ModifiedDensity
) -> StartPhases:
    """Return the starting phases with a figure of merit; estimated, with a warning, where none was given."""
    if start.fom_given:
        return start
    fom = estimate_fom(crystal, start.phi, start.known, density)
    log.warn(
        f"No figure of merit is given with {','.join(start.labels)}: {fom:.2f} is assumed for every phase, "
        "with which one cycle tells most of the amplitudes left out. Name a column if there is one."
    )
    weights = np.where(start.known, fom, 0.0)
    return replace(start, fom=weights, hl=hendrickson_lattman(start.phi, weights, crystal.centric))


def by_solvent(
    log: Log, crystal: UniqueGrid, classical: SolventAndHistogram, start: StartPhases, cycles: int
) -> ModifiedPhases:
    """Flatten solvent and match the histogram, cycle after cycle."""
    with log.progress(cycles, "cycles") as advance:
        return modify_phases(crystal, start.hl, classical, cycles, lambda _: advance(1))


def by_prior(
    log: Log, crystal: UniqueGrid, chosen: ChosenPrior, start: StartPhases, passes: int
) -> ModifiedPhases:
    """Let the density prior improve the starting phases."""
    for difference in chosen.outside:
        log.warn(f"The density prior {chosen.name} does not know such data: {difference}.")
    density = PriorDensity(crystal, chosen.trained, start.phi, start.fom)
    with log.progress(passes, "passes") as advance:
        return pass_through_prior(crystal, start.hl, density, passes, lambda _: advance(1))


def write_modified(
    log: Log, output: Path, observed: Observations, prepared: PreparedData, modified: ModifiedPhases
) -> None:
    """Write the MTZ file, the map and the viewer scripts."""
    data = prepared.reflections
    figure = (modified.kept or modified.cycles[-1]).free_correlation
    word = "improved" if modified.kept is not None else "unchanged"
    history = (f"rephase modify: {word}, free correlation {figure:.2f}",)
    notes = write_phased_mtz(
        output / PHASED,
        observed.source,
        data.hkl,
        modified.phi,
        modified.fom,
        data.f,
        history,
        modified.hl,
    )
    density = density_map(data.hkl, modified.fom * data.f, modified.phi, data.cell, data.spacegroup)
    write_ccp4_map(output / MAP, density, data.cell, data.spacegroup)
    write_viewer_scripts(output, float(np.sqrt(np.mean(np.square(density, dtype=np.float64)))))
    for note in notes:
        log.warn(note)
    for file in describe_files(output):
        log.say(f"{file.name:<22} {file.what}")
