"""Three ways from starting phases to a solution, and what is kept of each crystal."""

import time
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.evaluate.map_figures import is_solved, mean_phase_error
from rephase.io.checksums import sha256_of
from rephase.models.trained import released_names, weights_path
from rephase.models.trained_prior import TrainedPrior, released_priors
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.kept_hand import KeptHand, keep_hand
from rephase.phasing.network_choice import choose_network
from rephase.phasing.phase import Solution, phase, pose, project_prior
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_choice import choose_prior, prior_of_search
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.recipes import recipes_for
from seeds import Seed
from simulated import Simulated
from truth import Agreement, calibration_bins, compare_with_truth

FloatArray = NDArray[np.float64]

CLASSICAL, PRIOR, BOTH = "classical", "prior", "both"
WAYS = (CLASSICAL, PRIOR, BOTH)
CPU = torch.device("cpu")
LABELS = {CLASSICAL: "classical search", PRIOR: "prior alone", BOTH: "both, as in solve"}

PASSES = 60
SETTLED = np.radians(1.0)
"""Amplitude-weighted mean change of phase in a pass, after which the prior alone makes no more."""


@dataclass(frozen=True)
class Limits:
    """Seconds that a search may take, and the seed of its random numbers."""

    seconds: float
    seed: int = 0


def prior_for(name: str | None, prepared: PreparedData) -> TrainedPrior | None:
    """Choose the prior as `rephase solve --prior NAME` does, None for its own choice."""
    chosen = choose_prior(name, prepared.reflections.d_min, CPU, prior_of_search(prepared))
    if chosen is None or (name is None and chosen.outside):
        return None
    return chosen.trained


@cache
def prior_sum(name: str | None) -> str:
    """SHA-256 of the file of a prior, or of the list of all that are released."""
    if name is not None:
        return sha256_of(weights_path(name, released_priors()))
    released = [weights_path(one, released_priors()) for one in released_names(released_priors())]
    return sha256(" ".join(map(sha256_of, released)).encode()).hexdigest()


def searched(
    way: str, crystal: Simulated, seed: Seed | None, prior: str | None, limits: Limits
) -> tuple[Solution, KeptHand]:
    """Phase a crystal as `rephase solve` does, from random phases or from a seed.

    Parameters
    ----------
    way
        `CLASSICAL`, which knows no network of any kind, or `BOTH`.
    crystal, seed
        The data and the starting phases.
    prior
        As for `prior_for`.
    limits
        Of the search.
    """
    prepared, learned = crystal.prepared, way == BOTH
    network = choose_network(None, prepared, crystal.sequence, CPU) if learned else None
    solution = phase(
        prepared,
        seed=limits.seed,
        device=CPU,
        time_limit=limits.seconds,
        network=network.trained if network is not None else None,
        sequence=crystal.sequence,
        prior=prior_for(prior, prepared) if learned else None,
        given=None if seed is None else GivenPhases(seed.phi, seed.fom, evidence=True),
    )
    return solution, keep_hand(prepared, solution, limits.seed)


def prior_alone(crystal: Simulated, seed: Seed, prior: str | None) -> FloatArray:
    """Pass a seed through the prior until it hardly changes, without any search; radians, ``(n,)``.

    Raises
    ------
    ValueError
        When there is no prior for the crystal.
    """
    trained = prior_for(prior, crystal.prepared)
    if trained is None:
        raise ValueError(f"no density prior for {crystal.id}: name one")
    projection = projection_of(crystal, trained)
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
    problem = pose(prepared, recipes_for(prepared)[0], setting, hkl, 0, CPU)
    return project_prior(prior, problem, prepared)


def record_of(way: str, crystal: Simulated, seed: Seed, prior: str | None, limits: Limits) -> dict[str, Any]:
    """Phase a crystal from a seed, compare with the truth, and keep what tables and figures need."""
    begin, work = time.perf_counter(), time.process_time()
    if way == PRIOR:
        phi, probability = prior_alone(crystal, seed, prior), None
    else:
        solution, kept = searched(way, crystal, seed, prior, limits)
        phi, probability = kept.phi, solution.judgement.probability
    seconds, work = time.perf_counter() - begin, time.process_time() - work
    record, _ = compared(crystal, phi)
    error = mean_phase_error(seed.phi, crystal.true_phi)
    return record | {
        "seed_error": error,
        "probability": probability,
        "seconds": seconds,
        "cpu_seconds": work,
    }


def solve_record(
    way: str, crystal: Simulated, seed: Seed | None, prior: str | None, limits: Limits
) -> dict[str, Any]:
    """Phase a crystal as `rephase solve` does, and keep what it says of its answer beside what is true."""
    begin = time.perf_counter()
    solution, kept = searched(way, crystal, seed, prior, limits)
    seconds = time.perf_counter() - begin
    record, agreement = compared(crystal, kept.phi)
    judgement = solution.judgement
    fom = solution.fom * judgement.probability  # as in the file
    return record | {
        "verdict": judgement.word,
        "probability": judgement.probability,
        "free_correlation": judgement.figure,
        "hand_from": kept.decision.source,
        "hand_open": kept.other is not None,
        "mean_fom": float(fom.mean()),
        "calibration": calibration_bins(fom, agreement.cos_error),
        "seconds": seconds,
        "starts": len(solution.starts),
    }


def compared(crystal: Simulated, phi: FloatArray) -> tuple[dict[str, Any], Agreement]:
    """Compare phases with the true ones at the best origin and hand."""
    data = crystal.prepared.reflections
    found = compare_with_truth(data.hkl, data.f, phi, crystal.true_phi, data.spacegroup)
    record = {
        "id": crystal.id,
        "residues": crystal.sequence.residues,
        "solvent": solvent_fraction(crystal.model),
        "d_min": data.d_min,
        "reflections": len(data),
        "correlation": found.correlation,
        "phase_error": found.phase_error,
        "hand": found.hand,
        "solved": is_solved(found.correlation, found.hand),
    }
    return record, found
