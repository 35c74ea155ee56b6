"""Rounds of a search with a density prior that are compared, and the crystals that they are made on."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from basin_crystals import SEED_OF_ERRORS
from phasing_ways import CPU, prior_for
from prior_strategies import AveragedReflections, DifferenceMap, Halved, Overstepped, after_classical
from rephase.crystal.primitive import primitive_setting
from rephase.models.prior_states import PriorStates
from rephase.phasing.exploration import finished_round
from rephase.phasing.given_phases import GivenPhases, prior_states_of
from rephase.phasing.phase import pose, project_prior
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.prior_rounds import Schedule, prior_round, prior_starts, random_phases
from rephase.phasing.recipes import recipes_for
from rephase.phasing.search import Problem, Round, redraw_omitted
from seeds import random_errors
from simulated import NOISELESS, simulated
from solve_fragments import listed_crystals

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crystal:
    """A crystal at work.

    Attributes
    ----------
    name
        List and id.
    projection
        The prior at work on all reflections.
    problems
        Of the classical search, one for each recipe.
    given
        Phases to start from at the rows of the expansion; None for random ones.
    true_phi
        True phases there, radians, shape ``(m,)``.
    """

    name: str
    projection: PriorProjection
    problems: list[Problem]
    given: GivenPhases | None
    true_phi: FloatArray


@dataclass(frozen=True)
class Plan:
    """A round of the prior.

    Attributes
    ----------
    schedule
        Of its passes.
    starts
        Starts in terms of those of `prior_starts`.
    classical
        Iterations of the classical search before them, from random phases.
    """

    schedule: Schedule
    starts: float = 1.0
    classical: int = 0

    def run(self, crystal: Crystal, seed: int) -> Round:
        """Make one round."""
        projection, given = crystal.projection, crystal.given
        problem = redraw_omitted(crystal.problems[0], seed)
        starts = max(1, round(self.starts * prior_starts(projection)))

        def begin(working: PriorProjection) -> PriorStates:
            if given is not None:
                return prior_states_of(given, starts, seed, working)
            phi = random_phases(projection, starts, seed)
            return working.start(after_classical(problem, phi, self.classical) if self.classical else phi)

        return prior_round(
            projection, problem, begin, self.schedule, seed=seed, deadline=math.inf, on_step=lambda _: None
        )


@dataclass(frozen=True)
class ClassicalPlan:
    """A round of the classical search, finished by the prior as in `solve`; its recipes take turns."""

    def run(self, crystal: Crystal, seed: int) -> Round:
        """Make one round."""
        problem = crystal.problems[seed % len(crystal.problems)]
        *_, last = finished_round(crystal.projection, problem, 0, seed, math.inf, lambda _: None)
        return last


PLANS: dict[str, Plan | ClassicalPlan] = {
    "plain": Plan(Schedule(30)),
    "noise 0.5": Plan(Schedule(30, 0.5)),
    "noise 1": Plan(Schedule(30, 1.0)),
    "noise 0.5, 15 passes": Plan(Schedule(15, 0.5)),
    "noise 0.5, 60 passes": Plan(Schedule(60, 0.5)),
    "noise 1, 60 passes": Plan(Schedule(60, 1.0)),
    "noise 1, 120 passes": Plan(Schedule(120, 1.0)),
    "noise 0.5, half the starts": Plan(Schedule(30, 0.5), starts=0.5),
    "beyond 0.3": Plan(Overstepped(30, beyond=0.3)),
    "beyond 0.6": Plan(Overstepped(30, beyond=0.6)),
    "noise 0.5, beyond 0.3": Plan(Overstepped(30, 0.5, beyond=0.3)),
    "noise 1, beyond 0.6": Plan(Overstepped(30, 1.0, beyond=0.6)),
    "RAAR 0.7": Plan(AveragedReflections(30, beta=0.7)),
    "RAAR 0.8": Plan(AveragedReflections(30, beta=0.8)),
    "RAAR 0.9": Plan(AveragedReflections(30, beta=0.9)),
    "RAAR 0.7, rescaled": Plan(AveragedReflections(30, beta=0.7, rescaled=True)),
    "RAAR 0.9, rescaled": Plan(AveragedReflections(30, beta=0.9, rescaled=True)),
    "difference map": Plan(DifferenceMap(30, beta=1.0, rescaled=True)),
    "noise 0.5, halved after 8 and 16": Plan(Halved(30, 0.5, at=(8, 16)), starts=2.0),
    "50 classical iterations, noise 0.5": Plan(Schedule(30, 0.5), classical=50),
    "200 classical iterations, plain": Plan(Schedule(30), classical=200),
    "200 classical iterations, noise 0.5": Plan(Schedule(30, 0.5), classical=200),
    "classical search, then prior": ClassicalPlan(),
}


@cache
def crystal_of(name: str, number: int, prior: str | None, error: float | None = None) -> Crystal:
    """Make crystal `number` of a list, as `rephase solve` would take it.

    Parameters
    ----------
    name, number
        Of the list, and in it.
    prior
        As for `prior_for`.
    error
        Mean |Δφ| of starting phases in degrees; None for random ones.
    """
    listed, seed = listed_crystals(name, number + 1)[number]
    made = simulated(listed.id, listed.sequence, listed.model, listed.d_min, seed, signal=NOISELESS)
    prepared = made.prepared
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    hkl = setting.hkl_to_primitive(prepared.reflections.hkl)
    problems = [pose(prepared, recipe, setting, hkl, seed, CPU) for recipe in recipes_for(prepared)]
    trained = prior_for(prior, prepared)
    if trained is None:
        raise ValueError(f"no density prior for {listed.id}: name one")
    projection, expansion = project_prior(trained, problems[0], prepared), problems[0].grid.expansion
    given = None
    if error is not None:
        start = random_errors(made.true_phi, error, np.random.default_rng([seed, SEED_OF_ERRORS]))
        given = GivenPhases(start.phi, start.fom, evidence=True).on(expansion)
    true_phi = expansion.phases(made.true_phi)
    return Crystal(f"{name} {listed.id}", projection, problems, given, true_phi)
