"""How far `rephase modify` improves phases: simulated crystals of the val split, and measured data.

    python benchmarks/modify.py [--json FILE] [--codes 1ptf,1shg] [--errors 45,60,75] [--measured 1rx2,1aba]
        [--prior NAME|PATH|none] [--cycles 60]

Simulated: structure factors of deposited models in their own cells with bulk solvent, 3 % missing, noise of
3 % of F and 2 % of its mean; start from von Mises errors of that mean size ("uniform": everywhere alike;
"falling": larger for weak and high-resolution reflections), or from the model without every other dozen of
residues. Measured: the starts of ../shared/data/modify beside what Parrot makes of them, and models of
../shared/data/observed without half of their residues; the phases of the whole model, or PHIT, are the truth.
Mean |Δφ| in degrees, unweighted and weighted with F times the figure of merit.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from forward import hardware
from model_crystals import SHARED, ModelCrystal, entries, read_crystal, structure_factors
from phasing_ways import prior_sum
from rephase.crystal.solvent import cell_content
from rephase.io.observations import Observations, read_observations
from rephase.io.phased import hendrickson_lattman
from rephase.io.sequence import read_sequence
from rephase.io.start_phases import read_start_phases
from rephase.logs import format_table
from rephase.phasing.modification.combination import calculated_hl, phases_of_hl
from rephase.phasing.modification.cycles import ModifiedPhases, best_of, modify_phases
from rephase.phasing.modification.estimates import assess
from rephase.phasing.modification.modified_density import SolventAndHistogram
from rephase.phasing.modification.prior_density import PriorDensity
from rephase.phasing.modification.prior_passes import pass_through_prior
from rephase.phasing.modification.sigma_a import resolution_shells
from rephase.phasing.modification.unique_grid import UniqueGrid, unique_grid
from rephase.phasing.prepare import PreparedData, prepare
from rephase.phasing.prior_choice import NO_PRIOR, ChosenPrior, choose_prior

FloatArray = NDArray[np.float64]

CPU = torch.device("cpu")
D_MIN = 1.8
MISSING = 0.03
LOWEST = 40.0  # Å
RELATIVE_NOISE, FLAT_NOISE = 0.03, 0.02
DOZEN = 12  # residues that are removed and kept in turn
PARROT = {"1rx2_start47": 37.0, "1rx2_start66": 70.5, "1rx2_start78": 85.6}
MODELS = {"1aba": "1aba.mtz", "1t00": "1t00.mtz", "1ubq": "1ubq_fexp.mtz"}


@dataclass(frozen=True)
class Case:
    """One start and what became of it; errors in degrees."""

    crystal: str
    start: str
    solvent: float
    start_error: float
    start_weighted: float
    parrot: float | None
    classical: float
    classical_weighted: float
    classical_fom: float
    classical_cos: float
    classical_seconds: float
    prior: float | None = None
    prior_weighted: float | None = None
    prior_fom: float | None = None
    prior_cos: float | None = None
    prior_seconds: float | None = None


def simulated(crystal: ModelCrystal, d_min: float, seed: int) -> tuple[PreparedData, FloatArray, float]:
    """Measure a model: prepared data, true phases in radians, solvent fraction."""
    rng = np.random.default_rng(seed)
    hkl, F = structure_factors(crystal, d_min)
    kept = (rng.random(len(hkl)) > MISSING) & (crystal.cell.calculate_d_array(hkl) < LOWEST)
    hkl, F = hkl[kept], F[kept]
    sigma = RELATIVE_NOISE * np.abs(F) + FLAT_NOISE * np.abs(F).mean()
    measured = np.abs(np.abs(F) + sigma * rng.normal(size=len(F)))
    labels = ("F", "SIGF")
    prepared = prepare(
        Observations(
            hkl,
            measured,
            sigma,
            "amplitude",
            labels,
            crystal.cell,
            crystal.spacegroup,
            gemmi.Mtz(),
            None,
            None,
            (),
        )
    )
    return prepared, phases_at(prepared, hkl, F), cell_content_of(crystal)


def cell_content_of(crystal: ModelCrystal) -> float:
    """Solvent fraction of the model's own cell."""
    return cell_content(crystal.cell, crystal.spacegroup, crystal.mass).solvent_fraction


def phases_at(prepared: PreparedData, hkl: NDArray[np.int32], F: NDArray[np.complex128]) -> FloatArray:
    """Phases of listed structure factors at the prepared reflections, radians."""
    listed = dict(zip(map(tuple, hkl.tolist()), np.angle(F), strict=True))
    return np.array([listed[tuple(one)] for one in prepared.reflections.hkl.tolist()])


def perturbed(
    crystal: UniqueGrid, true: FloatArray, error: float, falling: bool, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Give true phases von Mises errors of this mean size in degrees; with figures of merit."""
    strength = crystal.e * np.exp(-3.0 * crystal.inv_d2) if falling else np.ones(len(crystal))
    low, high = 1e-3, 50.0
    for _ in range(30):  # bisection
        kappa = np.sqrt(low * high) * strength
        rng = np.random.default_rng(seed)
        flipped = np.where(rng.random(len(crystal)) > 1.0 / (1.0 + np.exp(-2.0 * kappa)), np.pi, 0.0)
        wrong = np.where(crystal.centric, flipped, rng.vonmises(0.0, kappa))
        too_wrong = np.degrees(np.abs(wrong)).mean() > error
        low, high = (np.sqrt(low * high), high) if too_wrong else (low, np.sqrt(low * high))
    return true + wrong, np.where(crystal.centric, np.tanh(kappa), i1e(kappa) / i0e(kappa))


def from_half_the_model(
    crystal: UniqueGrid, model: ModelCrystal, prepared: PreparedData
) -> tuple[FloatArray, FloatArray]:
    """Phases of every other dozen of residues, with Sim weights from the amplitudes."""
    half = model.structure.clone()
    for chain in half[0]:
        for place in reversed(range(len(chain))):
            if (place // DOZEN) % 2 == 0:
                del chain[place]
    d_min = prepared.reflections.d_min * (1.0 - 1e-6)
    hkl, F = structure_factors(ModelCrystal(model.code, half, model.cell, model.spacegroup), d_min, k_sol=0.0)
    listed = dict(zip(map(tuple, hkl.tolist()), F, strict=True))
    found = np.array([listed[tuple(one)] for one in prepared.reflections.hkl.tolist()])
    estimate = assess(crystal, found, resolution_shells(crystal.inv_d2))
    hl = calculated_hl(
        crystal.e, estimate.e, np.angle(found), estimate.sigma_a.at(crystal.inv_d2), crystal.centric
    )
    return phases_of_hl(hl, crystal.hkl, crystal.spacegroup)


def improve(
    name: str,
    start: str,
    crystal: UniqueGrid,
    phases: tuple[FloatArray, FloatArray, FloatArray],
    true: FloatArray,
    solvent: float,
    options: argparse.Namespace,
) -> Case:
    """Modify phases (radians, figures of merit, coefficients) without and with the prior; compare."""
    phi, fom, hl = phases
    classical = SolventAndHistogram(crystal, 1.0 - solvent)
    begin = time.process_time()
    found = modify_phases(crystal, hl, classical, options.cycles)
    seconds = time.process_time() - begin
    case = Case(
        name,
        start,
        solvent,
        mean_error(phi, true),
        mean_error(phi, true, crystal.amplitude * fom),
        PARROT.get(f"{name}_{start}"),
        *figures(crystal, found, true),
        seconds,
    )
    chosen: ChosenPrior | None = choose_prior(options.prior, crystal.d_min, CPU)
    if chosen is None:
        return case
    begin = time.process_time()
    density = PriorDensity(crystal, chosen.trained, phi, fom)
    with_prior = best_of([found, pass_through_prior(crystal, hl, density, options.cycles)])
    values = zip(
        ("prior", "prior_weighted", "prior_fom", "prior_cos"), figures(crystal, with_prior, true), strict=True
    )
    return Case(**(asdict(case) | dict(values) | {"prior_seconds": time.process_time() - begin}))


def figures(
    crystal: UniqueGrid, found: ModifiedPhases, true: FloatArray
) -> tuple[float, float, float, float]:
    """Mean error, weighted error, mean figure of merit and mean cos Δφ."""
    return (
        mean_error(found.phi, true),
        mean_error(found.phi, true, crystal.amplitude * found.fom),
        float(found.fom.mean()),
        float(np.cos(found.phi - true).mean()),
    )


def mean_error(phi: FloatArray, true: FloatArray, weight: FloatArray | None = None) -> float:
    """Mean |Δφ| in degrees."""
    return float(np.average(np.degrees(np.abs(np.angle(np.exp(1j * (phi - true))))), weights=weight))


def simulated_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Improve simulated crystals of the val split."""
    for code, path in entries("val", 2.5, (30, 400)):
        model = read_crystal(code, path) if code in options.codes else None
        if model is None:
            continue
        prepared, true, solvent = simulated(model, D_MIN, seed=1)
        crystal = unique_grid(prepared, CPU)
        for error in options.errors:
            for falling in (False, True):
                phi, fom = perturbed(crystal, true, error, falling, seed=2)
                hl = hendrickson_lattman(phi, fom, crystal.centric)
                start = f"{error:g}{' falling' if falling else ' uniform'}"
                yield improve(code, start, crystal, (phi, fom, hl), true, solvent, options)
        phi, fom = from_half_the_model(crystal, model, prepared)
        hl = hendrickson_lattman(phi, fom, crystal.centric)
        yield improve(code, "half model", crystal, (phi, fom, hl), true, solvent, options)


def measured_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Improve the measured starts, and halves of deposited models with their measured amplitudes."""
    for start in ("start47", "start66", "start78") if "1rx2" in options.measured else ():
        file = SHARED / "modify" / f"1rx2_{start}.mtz"
        observed = read_observations(file, "FP,SIGFP")
        prepared = prepare(observed, read_sequence(SHARED / "modify" / "1rx2.fasta"))
        crystal = unique_grid(prepared, CPU)
        rows = rows_of(observed, prepared)
        given = read_start_phases(f"{file}:PHIB,FOM", observed).select(rows)
        true = read_start_phases(f"{file}:PHIT", observed).select(rows).phi
        phases = (given.phi, given.fom, given.hl)
        yield improve("1rx2", start, crystal, phases, true, prepared.solvent_fraction, options)
    for code, file in MODELS.items():
        if code not in options.measured:
            continue
        model = read_crystal(code, SHARED / "observed" / f"{code}.pdb")
        prepared = prepare(read_observations(SHARED / "observed" / file))
        crystal = unique_grid(prepared, CPU)
        d_min = prepared.reflections.d_min * (1.0 - 1e-6)
        here = ModelCrystal(code, model.structure, prepared.reflections.cell, model.spacegroup)
        true = phases_at(prepared, *structure_factors(here, d_min))
        phi, fom = from_half_the_model(crystal, here, prepared)
        hl = hendrickson_lattman(phi, fom, crystal.centric)
        yield improve(code, "half model", crystal, (phi, fom, hl), true, cell_content_of(here), options)


def rows_of(observed: Observations, prepared: PreparedData) -> NDArray[np.intp]:
    """Rows of the observations that were kept."""
    place = {tuple(hkl): row for row, hkl in enumerate(observed.hkl.tolist())}
    return np.array([place[tuple(hkl)] for hkl in prepared.reflections.hkl.tolist()], dtype=np.intp)


def line(case: Case) -> list[str]:
    """One row of the table."""
    values = (
        (case.start_error, case.start_weighted),
        (case.classical, case.classical_weighted),
        (case.prior, case.prior_weighted),
    )
    shown = ["-" if one is None else f"{one:.1f} / {weighted:.1f}" for one, weighted in values]
    parrot = "-" if case.parrot is None else f"{case.parrot:.1f}"
    honest = f"{case.classical_fom:.2f} / {case.classical_cos:.2f}"
    return [case.crystal, case.start, f"{case.solvent:.0%}", shown[0], parrot, *shown[1:], honest]


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    listed = lambda text: [one for one in text.split(",") if one]  # noqa: E731
    parser.add_argument("--json", type=Path)
    parser.add_argument("--codes", type=listed, default=["1ptf", "1shg", "1mgr", "1t2i", "1bgc"])
    parser.add_argument(
        "--errors", type=lambda text: [float(one) for one in listed(text)], default=[45, 60, 75]
    )
    parser.add_argument("--measured", type=listed, default=["1rx2", *MODELS])
    parser.add_argument("--prior")
    parser.add_argument("--cycles", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = []
    for source in (simulated_cases, measured_cases):
        for case in source(options):
            cases.append(case)
            print("  ".join(line(case)), flush=True)
    headers = ["crystal", "start", "solvent", "start °", "Parrot", "classical", "with prior", "<FOM> / <cos>"]
    print(format_table(headers, [line(case) for case in cases]))
    if options.json is not None:
        prior = None if options.prior == NO_PRIOR else prior_sum(options.prior)
        record = {"command": " ".join(sys.argv), "prior": prior, "hardware": hardware()}
        record["cases"] = [asdict(case) for case in cases]
        options.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
