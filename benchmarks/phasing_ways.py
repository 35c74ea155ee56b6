"""Three ways from starting phases to a solution, and what is kept of each crystal."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.evaluate.map_figures import is_solved, mean_phase_error
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.kept_hand import keep_hand
from rephase.phasing.phase import phase, pose, project_prior
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.recipes import recipes_for
from seeds import Seed
from simulated import Simulated
from truth import Agreement, compare_with_truth

FloatArray = NDArray[np.float64]

CLASSICAL, PRIOR, BOTH = "classical", "prior", "both"
WAYS = (CLASSICAL, PRIOR, BOTH)
LABELS = {CLASSICAL: "classical search", PRIOR: "prior alone", BOTH: "both, as in solve"}

PASSES = 60
SETTLED = np.radians(1.0)
"""Amplitude-weighted mean change of phase in a pass, after which the prior alone makes no more."""


@dataclass(frozen=True)
class Limits:
    """Seconds that a search may take, and the seed of its random numbers."""

    seconds: float
    seed: int = 0


def found_phases(
    way: str, crystal: Simulated, seed: Seed, prior: TrainedPrior | None, limits: Limits
) -> tuple[FloatArray, float | None]:
    """Phase a crystal from a seed: phases in radians, ``(n,)``, and the probability that they are right."""
    if way == PRIOR:
        if prior is None:
            raise ValueError("the prior alone needs one")
        return prior_alone(crystal, seed, prior), None
    solution = phase(
        crystal.prepared,
        seed=limits.seed,
        device=torch.device("cpu"),
        time_limit=limits.seconds,
        prior=prior if way == BOTH else None,
        given=GivenPhases(seed.phi, seed.fom, evidence=True),
    )
    kept = keep_hand(crystal.prepared, solution, limits.seed)
    return kept.phi, solution.judgement.probability


def prior_alone(crystal: Simulated, seed: Seed, prior: TrainedPrior) -> FloatArray:
    """Pass a seed through the prior until it hardly changes, without any search; radians, ``(n,)``."""
    projection = projection_of(crystal, prior)
    expansion = projection.grid.expansion
    rows = expansion.asu_index
    states = projection.start(expansion.phases(seed.phi)[None], seed.fom[rows][None])
    weight = projection.amplitude / projection.amplitude.sum()
    phi = projection.phases(states)[0]
    for _ in range(PASSES):
        states = projection.step(states)
        before, phi = phi, projection.phases(states)[0]
        if np.abs(np.angle(np.exp(1j * (phi - before)))) @ weight < SETTLED:
            break
    found = np.zeros(len(crystal.prepared))
    found[rows] = expansion.phases_to_asu(phi)  # one row for each reflection of P1
    return found


def projection_of(crystal: Simulated, prior: TrainedPrior) -> PriorProjection:
    """Set the prior to work on a crystal of P1, as `rephase solve` does."""
    prepared = crystal.prepared
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    hkl = setting.hkl_to_primitive(prepared.reflections.hkl)
    problem = pose(prepared, recipes_for(prepared)[0], setting, hkl, 0, torch.device("cpu"))
    return project_prior(prior, problem, prepared)


def record_of(
    way: str, crystal: Simulated, seed: Seed, prior: TrainedPrior | None, limits: Limits
) -> dict[str, Any]:
    """Phase a crystal, compare with the truth, and keep what tables and figures need."""
    begin, work = time.perf_counter(), time.process_time()
    phi, probability = found_phases(way, crystal, seed, prior, limits)
    seconds, work = time.perf_counter() - begin, time.process_time() - work
    found = agreement(crystal, phi)
    return {
        "id": crystal.id,
        "residues": crystal.sequence.residues,
        "solvent": solvent_fraction(crystal.model),
        "d_min": crystal.prepared.reflections.d_min,
        "reflections": len(crystal.prepared),
        "seed_error": mean_phase_error(seed.phi, crystal.true_phi),
        "correlation": found.correlation,
        "phase_error": found.phase_error,
        "hand": found.hand,
        "solved": is_solved(found.correlation, found.hand),
        "probability": probability,
        "seconds": seconds,
        "cpu_seconds": work,
    }


def agreement(crystal: Simulated, phi: FloatArray) -> Agreement:
    """Compare phases with the true ones at the best origin and hand."""
    data = crystal.prepared.reflections
    return compare_with_truth(data.hkl, data.f, phi, crystal.true_phi, data.spacegroup)
