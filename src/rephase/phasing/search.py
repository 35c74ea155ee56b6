"""Multi-start search for phases in P1: rounds of random starts until one is convincing or time is up."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import Constraint
from rephase.phasing.merit import Merit, choose_omitted, judge
from rephase.phasing.relaxation import relax

FloatArray = NDArray[np.float64]

CONVINCING = 0.60  # cc_free; wrong starts of validation fragments stay far below (LOG.md)
PROMISING = 0.35  # the same of a round of the density prior, which has more to say of a solution
JUDGE_EVERY = 50  # iterations
SETTLING = 2  # further judgements after the first convincing one, so that the others can join
_POINTS_PER_BATCH = 500_000  # grid points of a batch that stay in the caches of a desktop processor
MOST_STARTS = 16


@dataclass(frozen=True)
class Recipe:
    """How one kind of search is run.

    Attributes
    ----------
    name
        For logs and results.
    solvent
        Solvent fraction it assumes.
    sharpening
        Exponent p in |F|^(1−p) |E|^p: 0 for amplitudes as measured, 1 for normalised ones.
    beta
        Relaxation of RAAR.
    zero_mean
        Whether F000 is held at zero, so that levels count from the mean of the map, or left to the density.
    constraint
        Makes the constraint for a grid.
    start
        Makes the starting maps ``(starts, nu, nv, nw)`` from the problem, the working grid, their number
        and a generator.
    most_starts
        Starts that are run together at most.
    predicted
        Whether it starts from the prediction of a network for this very crystal, and so goes first.
    given
        Whether it starts from the user's phases, in their hand.
    """

    name: str
    solvent: float
    sharpening: float
    beta: float
    zero_mean: bool
    constraint: Callable[[AmplitudeGrid], Constraint]
    start: "Callable[[Problem, AmplitudeGrid, int, torch.Generator], Tensor]"
    most_starts: int = MOST_STARTS
    predicted: bool = False
    given: bool = False


@dataclass(frozen=True, eq=False)
class Problem:
    """Amplitudes of one recipe with the reflections that the search must not see.

    Attributes
    ----------
    recipe
        The kind of search.
    grid
        All amplitudes.
    full
        Amplitudes at the rows of the expansion on the grid's scale, shape ``(m,)``.
    to_e
        Factor that makes E values of them, shape ``(m,)``.
    omitted
        Rows left out of the search, shape ``(m,)``.
    """

    recipe: Recipe
    grid: AmplitudeGrid
    full: FloatArray
    to_e: FloatArray
    omitted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Round:
    """Outcome of one batch of starts.

    Attributes
    ----------
    problem
        What was phased.
    maps
        Maps of measured amplitudes at the end, shape ``(starts, nu, nv, nw)``.
    merit
        Their figures.
    iterations
        Iterations done.
    first_seed
        Seed of the batch.
    by_prior
        Whether the constrained density is that of the density prior.
    symmetric
        Whether the phases were made to obey the symmetry, so that their agreement with it proves nothing.
    """

    problem: Problem
    maps: Tensor
    merit: Merit
    iterations: int
    first_seed: int
    by_prior: bool = False
    symmetric: bool = False

    def phases(self) -> FloatArray:
        """Phases of the starts at the rows of the expansion, radians, shape ``(starts, m)``."""
        grid = self.problem.grid
        return np.angle(grid.at_reflections(grid.structure_factors(self.maps)))

    @property
    def figure(self) -> float:
        """Free correlation of the start that satisfies both constraints best."""
        return float(self.merit.cc_free[self.merit.best()])


def batch_size(grid: AmplitudeGrid) -> int:
    """Choose the number of starts that are run together."""
    return int(np.clip(_POINTS_PER_BATCH // int(np.prod(grid.shape)), 4, MOST_STARTS))


def rounds(
    problems: list[Problem], seed: int, deadline: float, on_step: Callable[[int], None]
) -> Iterator[Round]:
    """Run rounds of starts, the recipes in turn, ever longer ones, until the deadline.

    Parameters
    ----------
    problems
        One for each recipe.
    seed
        Of the first round; each round adds one.
    deadline
        `time.monotonic` value after which no further iterations are made.
    on_step
        Called with the number of iterations done since the last call.
    """
    number = 0
    while number == 0 or time.monotonic() < deadline:
        problem = redraw_omitted(problems[number % len(problems)], seed + number)
        length = 500 * 2 ** min(3, number // (2 * len(problems)))
        yield run_round(problem, seed + number, length, deadline, on_step)
        number += 1


def redraw_omitted(problem: Problem, seed: int) -> Problem:
    """Leave out other reflections, as many on average: one unlucky draw must not mislead every round."""
    index, rng = problem.grid.expansion.asu_index, np.random.default_rng(seed)
    rows = int(index.max()) + 1
    return replace(problem, omitted=choose_omitted(rows, index, float(problem.omitted.mean()), rng))


def run_round(
    problem: Problem, seed: int, iterations: int, deadline: float, on_step: Callable[[int], None]
) -> Round:
    """Run one batch of random starts, stopping early when it is convincing.

    Parameters
    ----------
    problem
        What to phase.
    seed
        Of the random phases.
    iterations
        At most so many.
    deadline
        `time.monotonic` value after which the batch is cut short.
    on_step
        Called with the number of iterations done since the last call.
    """
    working = problem.grid.without(problem.omitted)
    constraint = problem.recipe.constraint(working)
    generator = torch.Generator().manual_seed(seed)
    starts = min(batch_size(working), problem.recipe.most_starts)
    rho = problem.recipe.start(problem, working, starts, generator)
    more = None
    for done, maps in relax(rho, working, constraint, iterations, problem.recipe.beta, JUDGE_EVERY):
        merit = judge(maps, working, constraint, problem.full, problem.to_e, problem.omitted)
        result = Round(problem, maps, merit, done, seed)
        on_step(min(JUDGE_EVERY, done))
        if more is None and result.figure > CONVINCING:
            more = SETTLING
        elif more is not None:
            more -= 1
        if more == 0 or time.monotonic() > deadline:
            break
    return result
