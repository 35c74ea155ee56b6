"""Answers of the density prior, right and wrong ones, with what is known of them without the truth."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from confidence_crystals import PROTEINS, Answerable, Subject
from phasing_ways import prior_sum
from rephase.crystal.primitive import PrimitiveSetting, primitive_setting
from rephase.crystal.symmetry import centric_phase
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.models.trained_prior import TrainedPrior, load_prior
from rephase.phasing.agreement import agreement_of_starts
from rephase.phasing.confidence import Evidence, lower_bound
from rephase.phasing.evidence import evidence_of
from rephase.phasing.exploration import finished_round, round_from_given
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.phase import pose, project_prior
from rephase.phasing.prior_choice import prior_of_search
from rephase.phasing.prior_finish import finish_by_prior
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.prior_rounds import FIRST_NOISE, PASSES, Schedule, prior_round, random_phases
from rephase.phasing.recipes import recipes_for
from rephase.phasing.search import Problem, Round, redraw_omitted
from seeds import random_errors
from truth import compare_with_truth

FloatArray = NDArray[np.float64]
Record = dict[str, Any]

GOOD, POOR = (50.0, 72.0), (66.0, 84.0)
"""Mean |Δφ| of starting phases in degrees, drawn for each crystal: with figures of merit and without."""

BETTER = 22.0  # degrees by which those of proteins are, most of which are beyond help otherwise

CLAIMED = 66.0
"""Error in degrees that wrong starting phases are said to have."""

RANDOM_STARTS = 4  # of a round from random phases, or of the classical search
UNSAID = 0.34  # figure of merit of starting phases that are no evidence
NEVER = float("inf")


@dataclass(frozen=True, eq=False)
class Task:
    """A crystal of some kind with the prior at work on it, and the seed of all that is drawn."""

    kind: str
    data: Answerable
    setting: PrimitiveSetting
    hkl: NDArray[np.int32]
    problem: Problem
    projection: PriorProjection
    seed: int


def task_of(subject: Subject) -> tuple[str, Task]:
    """Make a crystal and set the prior to work that `rephase solve` takes; return its name, too."""
    data = subject.make()
    setting = primitive_setting(data.prepared.reflections.cell, data.prepared.reflections.spacegroup)
    hkl = setting.hkl_to_primitive(data.prepared.reflections.hkl)
    recipe = replace(recipes_for(data.prepared)[0], most_starts=RANDOM_STARTS)
    problem = pose(data.prepared, recipe, setting, hkl, subject.seed, torch.device("cpu"))
    name = prior_of_search(data.prepared)
    projection = project_prior(_prior(name), problem, data.prepared)
    return name, Task(subject.kind, data, setting, hkl, problem, projection, subject.seed)


@cache
def _prior(name: str) -> TrainedPrior:
    return load_prior(name)


def good_seed(task: Task) -> Round:
    """Start from true phases with errors, and honest figures of merit."""
    return _from_given(task, _seed(task, GOOD, 0))


def poor_seed(task: Task) -> Round:
    """Start from phases that are no evidence."""
    seed = _seed(task, POOR, 1)
    return _from_given(task, replace(seed, fom=np.full_like(seed.fom, UNSAID), evidence=False))


def wrong_seed(task: Task) -> Round:
    """Start from random phases that are said to be good."""
    rng = np.random.default_rng([task.seed, 2])
    data = task.data.prepared.reflections
    allowed = centric_phase(data.hkl, data.spacegroup)
    free = rng.uniform(-np.pi, np.pi, len(allowed))
    phi = np.where(np.isfinite(allowed), allowed + np.pi * (free > 0.0), free)
    fom = random_errors(task.data.true_phi, CLAIMED, rng, np.isfinite(allowed)).fom
    return _from_given(task, GivenPhases(phi, fom, evidence=True))


def random_start(task: Task) -> Round:
    """Search from random phases as in the first round of `rephase solve`, with few starts."""
    phi = random_phases(task.projection, RANDOM_STARTS, task.seed)
    return prior_round(
        task.projection,
        redraw_omitted(task.problem, task.seed),
        lambda working: working.start(phi),
        Schedule(PASSES, FIRST_NOISE),
        seed=task.seed,
        deadline=NEVER,
        on_step=_ignore,
    )


def classical_start(task: Task) -> Round:
    """Let the prior go on with the best starts of a classical round."""
    *_, found = finished_round(task.projection, task.problem, 0, task.seed, NEVER, _ignore)
    return found


PEPTIDE_STARTS: dict[str, Callable[[Task], Round]] = {
    "good seed": good_seed,
    "random": random_start,
    "poor seed": poor_seed,
    "classical": classical_start,
    "wrong seed": wrong_seed,
}
PROTEIN_STARTS = {name: PEPTIDE_STARTS[name] for name in ("good seed", "wrong seed", "poor seed", "random")}


def starts_of(subject: Subject) -> dict[str, Callable[[Task], Round]]:
    """Say how answers for a crystal are made; the classical search takes too long in large cells."""
    return PROTEIN_STARTS if subject.kind == PROTEINS else PEPTIDE_STARTS


def answers(subject: Subject, wanted: list[str]) -> Iterator[Record]:
    """Make answers for a crystal and compare them with the truth; one record each."""
    name, task = task_of(subject)
    for start in wanted:
        found = starts_of(subject)[start](task)
        head = {"kind": subject.kind, "id": subject.id, "entry": subject.entry, "start": start}
        yield head | {"prior": name, "sum": prior_sum(name)} | judged(task, found)


def judged(task: Task, found: Round) -> Record:
    """Finish a round, collect the evidence, and look at the truth."""
    number = found.merit.best()
    finished = finish_by_prior(
        task.projection,
        found.problem,
        found.phases()[number],
        task.hkl,
        task.setting.operations,
        placed=found.symmetric,
    )
    evidence = evidence_of(found, finished, task.projection)
    (same, compared), _ = agreement_of_starts(found, len(task.hkl))
    data = task.data.prepared.reflections
    truth = compare_with_truth(data.hkl, data.f, finished.phi_asu, task.data.true_phi, data.spacegroup)
    return {
        "d_min": data.d_min,
        "correlation": truth.correlation,
        "right": truth.correlation >= SOLVED_MAP_CORRELATION,
        "hand": truth.hand,
        "hand_log_odds": evidence.prior.log_odds,
        "bound": lower_bound(evidence),
        "symmetry": evidence.symmetry,
        "figures": candidates(evidence, found) | {"starts": (same - 1) / max(compared - 1, 1)},
        "fom": float(finished.fom.mean()),
        "cos": float(truth.cos_error.mean()),
    }


def candidates(evidence: Evidence, found: Round) -> dict[str, float]:
    """List all figures that might tell right from wrong; more of each is better."""
    number = found.merit.best()
    return {
        "free correlation": lower_bound(evidence),
        "agreement with the prior": evidence.prior.agreement,
        "cross-validation": evidence.cross_validated,
        "working correlation": float(found.merit.cc_work[number]),
        "closeness of amplitudes": -float(found.merit.r_work[number]),
        "skewness": float(found.merit.skewness[number]),
    }


def _from_given(task: Task, given: GivenPhases) -> Round:
    return round_from_given(task.projection, task.problem, given, 0, task.seed, NEVER, _ignore)


def _seed(task: Task, errors: tuple[float, float], number: int) -> GivenPhases:
    rng = np.random.default_rng([task.seed, number])
    data = task.data.prepared.reflections
    centric = np.isfinite(centric_phase(data.hkl, data.spacegroup))
    error = rng.uniform(*errors) - (BETTER if task.kind == PROTEINS else 0.0)
    seed = random_errors(task.data.true_phi, error, rng, centric)
    return GivenPhases(seed.phi, seed.fom, evidence=True)


def _ignore(_: int) -> None:
    """Show no progress."""
