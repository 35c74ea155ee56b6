"""What is tried, and how often: classical rounds finished by the prior, and rounds of the prior alone."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from rephase.phasing.given_phases import STARTS, GivenPhases, prior_states_of
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.prior_rounds import (
    FINISHED_STARTS,
    FINISHING_PASSES,
    FIRST_NOISE,
    PASSES,
    Schedule,
    prior_round,
    prior_starts,
    random_phases,
)
from rephase.phasing.search import Problem, Round, redraw_omitted, rounds, run_round

FROM_RANDOM = "density prior from random phases"
FROM_GIVEN = "density prior from the given phases"
_CURIOSITY = 0.2  # free correlation by which a way tried once may be worse and be tried again: a guess

ITERATIONS_A_PASS = 100
"""Iterations of the classical search that take as long as one pass of the prior, of as many starts: 65 to 150
in tight cells, on one core with AMX."""

OnStep = Callable[[int], None]
Rounds = Callable[[int, int], Iterator[Round]]


@dataclass(eq=False)
class _Way:
    """One kind of trial, ``rounds(turn, seed)``; the best free correlation of each turn; the work of all."""

    rounds: Rounds
    figures: list[float] = field(default_factory=list)
    work: float = 0.0

    def promise(self, turns: int, work: float) -> float:
        """Upper confidence bound of the figure of its next turn, of `turns` in all (Auer et al., 2002).

        It counts as tried as often as turns of the average work, of `work` in all, would have been made in
        its own time: what takes long comes less often.
        """
        if not self.figures:
            return math.inf
        tried = self.work / work * turns
        return float(np.mean(self.figures)) + _CURIOSITY * math.sqrt(math.log(turns) / tried)


def explore(
    problems: list[Problem],
    projection: PriorProjection | None,
    given: GivenPhases | None,
    seed: int,
    deadline: float,
    on_step: OnStep,
) -> Iterator[Round]:
    """Try everything once, then what went best, until the deadline; what goes alike shares the time.

    Parameters
    ----------
    problems
        Of the classical search, one for each recipe, the most promising first.
    projection
        The prior at work on the crystal; None without one: the recipes then take turns.
    given
        Phases of the unique reflections to start from; None without.
    seed
        Of the first turn; each turn adds one.
    deadline
        `time.monotonic` value after which nothing is begun.
    on_step
        Called with the number of iterations or passes done since the last call.
    """
    if projection is None:
        yield from rounds(problems, seed, deadline, on_step)
        return
    ways = [_Way(way) for way in _ways(problems, projection, given, deadline, on_step)]
    turns = 0
    while turns == 0 or time.monotonic() < deadline:
        work = sum(one.work for one in ways)
        way = max(ways, key=lambda one: one.promise(turns, work))
        figure = -1.0
        for found in way.rounds(len(way.figures), seed + turns):
            figure = max(figure, found.figure)
            way.work += _work(found)
            yield found
        way.figures.append(figure)
        turns += 1


def _work(found: Round) -> float:
    """Work of a round in iterations of one start of the classical search."""
    steps = found.iterations * len(found.merit.r_work)
    return float(steps * (ITERATIONS_A_PASS if found.by_prior else 1))


def _ways(
    problems: list[Problem],
    projection: PriorProjection,
    given: GivenPhases | None,
    deadline: float,
    on_step: OnStep,
) -> Iterator[Rounds]:
    """All kinds of trial; those that come first are tried first."""
    first = problems[0]

    def from_given(turn: int, seed: int) -> Iterator[Round]:
        assert given is not None
        yield round_from_given(projection, first, given, turn, seed, deadline, on_step)

    def from_random(turn: int, seed: int) -> Iterator[Round]:
        yield round_from_random(projection, first, turn, seed, deadline, on_step)

    def classical(recipes: list[Problem]) -> Rounds:
        def run(turn: int, seed: int) -> Iterator[Round]:
            repeated, number = divmod(turn, len(recipes))
            yield from finished_round(projection, recipes[number], repeated, seed, deadline, on_step)

        return run

    predicted = [problem for problem in problems if problem.recipe.predicted]
    others = [problem for problem in problems if not problem.recipe.predicted]
    if given is not None:
        yield from_given
    if predicted:
        yield classical(predicted)
    yield from_random
    if others:
        yield classical(others)


def round_from_random(
    projection: PriorProjection, problem: Problem, turn: int, seed: int, deadline: float, on_step: OnStep
) -> Round:
    """Run the prior from random phases; the rounds of later turns are longer."""
    phi = random_phases(projection, prior_starts(projection), seed)
    schedule = Schedule(PASSES * 2 ** min(2, turn // 2), FIRST_NOISE)
    named = _named(redraw_omitted(problem, seed), FROM_RANDOM, given=False)
    return prior_round(
        projection,
        named,
        lambda working: working.start(phi),
        schedule,
        seed=seed,
        deadline=deadline,
        on_step=on_step,
    )


def round_from_given(
    projection: PriorProjection,
    problem: Problem,
    given: GivenPhases,
    turn: int,
    seed: int,
    deadline: float,
    on_step: OnStep,
) -> Round:
    """Run the prior from given phases, at their origin, where the symmetry of the crystal holds."""
    grid = problem.grid
    rows = given.on(grid.expansion)
    symmetric = len(grid.expansion) > len(given.phi)
    schedule = Schedule(PASSES, FIRST_NOISE if turn else 0.0)
    starts = min(STARTS, prior_starts(projection))
    return prior_round(
        replace(projection, symmetric=symmetric),
        _named(redraw_omitted(problem, seed), FROM_GIVEN, given=True),
        lambda working: prior_states_of(rows, starts, seed, working),
        schedule,
        seed=seed,
        deadline=deadline,
        on_step=on_step,
    )


def finished_round(
    projection: PriorProjection, problem: Problem, turn: int, seed: int, deadline: float, on_step: OnStep
) -> Iterator[Round]:
    """Run a classical round, then let the prior go on with its best starts in both hands."""
    length = 500 * 2 ** min(3, turn // 2)
    found = run_round(redraw_omitted(problem, seed), seed, length, deadline, on_step)
    yield found
    if time.monotonic() > deadline:
        return
    best = np.argsort(found.merit.r_work, kind="stable")[:FINISHED_STARTS]
    phi = found.phases()[best]
    hands = [phi] if problem.recipe.given else [phi, -phi]
    yield prior_round(
        projection,
        _named(found.problem, f"{problem.recipe.name}, then density prior"),
        lambda working: working.start(np.concatenate(hands)),
        Schedule(FINISHING_PASSES),
        seed=seed,
        deadline=deadline,
        on_step=on_step,
    )


def _named(problem: Problem, name: str, given: bool | None = None) -> Problem:
    given = problem.recipe.given if given is None else given
    return replace(problem, recipe=replace(problem.recipe, name=name, given=given))
