"""Measured amplitudes to phases: the search, the best start, its origin, and whether to believe it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.primitive import PrimitiveSetting, primitive_setting
from rephase.io.sequence import Sequence
from rephase.models.trained import TrainedNetwork
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.agreement import agreement_of_starts
from rephase.phasing.amplitude_grid import amplitude_grid
from rephase.phasing.confidence import Evidence, Judgement, judge_solution
from rephase.phasing.evidence import evidence_of
from rephase.phasing.exploration import explore
from rephase.phasing.finish import FinishedPhases, finish
from rephase.phasing.given_phases import GivenPhases, at_given_origin, from_given
from rephase.phasing.merit import choose_omitted
from rephase.phasing.prediction_start import from_predictions
from rephase.phasing.predictions import Predictions, predict
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_finish import finish_by_prior
from rephase.phasing.prior_projection import PriorProjection, prior_projection
from rephase.phasing.recipes import recipes_for
from rephase.phasing.search import CONVINCING, PROMISING, Problem, Recipe, Round

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class StartRecord:
    """One start of a search, for the log and the report.

    Attributes
    ----------
    recipe, solvent
        The kind of search and the solvent fraction it assumed.
    seed
        Of its round.
    iterations
        Done; of a round of the density prior, its passes.
    cc_free, r_work, skewness
        See `rephase.phasing.merit.Merit`.
    by_prior
        Whether the prior took the part of the density constraint.
    """

    recipe: str
    solvent: float
    seed: int
    iterations: int
    cc_free: float
    r_work: float
    skewness: float
    by_prior: bool = False

    @property
    def steps(self) -> str:
        """What its iterations are called."""
        return "passes" if self.by_prior else "iterations"


@dataclass(frozen=True, eq=False)
class Solution:
    """Phases of one crystal and how they were found.

    Attributes
    ----------
    phi
        Phases of the prepared reflections, radians, shape ``(n,)``.
    fom
        Expected ⟨cos Δφ⟩ of each, 0–1, shape ``(n,)``.
    finished
        The P1 phases, the symmetry, the cross-validation.
    setting
        The primitive cell in which the crystal was phased.
    problem
        Recipe, grid and amplitudes of the best start.
    evidence
        What speaks for it.
    judgement
        Whether to believe it.
    starts
        Every start, in order.
    best_start
        Index of the start that was kept.
    agreeing
        Starts of the best round with the same map (the best one included), and how many there were.
    difference_deg
        Mean amplitude-weighted phase difference in degrees of those starts to the best one, per prepared
        reflection, shape ``(n,)``; NaN where only one start found it.
    time_limit_hit
        True if the search ended for lack of time.
    predictions
        What the network said; None without one.
    prior
        The density prior at work on this crystal; None without one.
    """

    phi: FloatArray
    fom: FloatArray
    finished: FinishedPhases
    setting: PrimitiveSetting
    problem: Problem
    evidence: Evidence
    judgement: Judgement
    starts: tuple[StartRecord, ...]
    best_start: int
    agreeing: tuple[int, int]
    difference_deg: FloatArray
    time_limit_hit: bool
    predictions: Predictions | None = None
    prior: PriorProjection | None = None


class _Kept:
    """The best round so far; its end game is played once, and only when asked for."""

    def __init__(self, best: Round, start: int, task: "_Task") -> None:
        self.round = best
        self.start = start
        self._task = task

    @property
    def promising(self) -> bool:
        """Whether the end game is worth its time."""
        return self.round.figure > (PROMISING if self.round.by_prior else CONVINCING)

    @property
    def rank(self) -> tuple[float, float]:
        """Probability where it is worth finding out, then the free correlation: higher is better."""
        return self.judgement.probability if self.promising else 0.0, self.round.figure

    @cached_property
    def finished(self) -> FinishedPhases:
        """Phases of the best start at an origin of the group, of the end game that predicts better.

        What started from given phases stays at their origin.
        """
        best, task = self.round, self._task
        number = best.merit.best()
        operations = task.setting.operations
        found = []
        if not best.by_prior:
            found.append(finish(best.problem, best.maps[number], task.hkl, operations))
        if task.projection is not None:
            phi = best.phases()[number]
            found.append(
                finish_by_prior(
                    task.projection, best.problem, phi, task.hkl, operations, placed=best.symmetric
                )
            )
        better = max(found, key=lambda one: one.cross_validated)
        if task.given is None or not best.problem.recipe.given:
            return better
        return at_given_origin(better, task.given, task.prepared, best.problem.grid.expansion)

    @cached_property
    def agreement(self) -> tuple[tuple[int, int], FloatArray]:
        """See `agreement_of_starts`."""
        return agreement_of_starts(self.round, len(self._task.hkl))

    @cached_property
    def evidence(self) -> Evidence:
        """What speaks for them."""
        return evidence_of(self.round, self.finished, self._task.projection)

    @cached_property
    def judgement(self) -> Judgement:
        """Verdict on them."""
        return judge_solution(self.evidence)


@dataclass(frozen=True, eq=False)
class _Task:
    """The crystal: data, setting, unique reflections in it; the prior at work on it; given phases."""

    prepared: PreparedData
    setting: PrimitiveSetting
    hkl: NDArray[np.int32]
    projection: PriorProjection | None
    given: GivenPhases | None


def ignore(_: object) -> None:
    """Tell nobody how a search goes on."""


def phase(
    prepared: PreparedData,
    *,
    seed: int,
    device: torch.device,
    time_limit: float,
    network: TrainedNetwork | None = None,
    sequence: Sequence | None = None,
    prior: TrainedPrior | None = None,
    given: GivenPhases | None = None,
    on_step: Callable[[int], None] = ignore,
    on_round: Callable[[list[StartRecord]], None] = ignore,
) -> Solution:
    """Phase a crystal from its amplitudes, and from starting phases if there are any.

    Parameters
    ----------
    prepared
        Amplitudes and E values.
    seed
        Of all random numbers.
    device
        Where to compute.
    time_limit
        Seconds after which no further search iterations are made; the end game adds a few seconds.
    network
        Its predictions start the first round, and a round in every turn of the recipes. On the device.
    sequence
        Content of the asymmetric unit: a network is not asked for the hand of other molecules than it knows.
    prior
        Density prior that searches beside the classical recipes, and finishes what they find. On the device.
    given
        Phases of the prepared reflections to start from, tried first.
    on_step
        Called with the number of iterations or passes done since the last call.
    on_round
        Called with the starts of each finished round.

    Raises
    ------
    UserError
        When the grid of the crystal does not suit the network.
    """
    deadline = time.monotonic() + time_limit
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    hkl = setting.hkl_to_primitive(prepared.reflections.hkl)
    predictions = None
    if network is not None:
        predictions = predict(prepared, setting, network, device, sequence=sequence)
    seeded = [from_given(given, prepared)] if given is not None else []
    seeded += [from_predictions(predictions)] if predictions is not None else []
    recipes = [*seeded, *recipes_for(prepared)]
    problems = [pose(prepared, recipe, setting, hkl, seed, device) for recipe in recipes]
    projection = project_prior(prior, problems[0], prepared) if prior is not None else None
    task = _Task(prepared, setting, hkl, projection, given)
    starts: list[StartRecord] = []
    kept: _Kept | None = None
    for current in explore(problems, projection, given, seed, deadline, on_step):
        records = _records(current)
        on_round(records)
        candidate = _Kept(current, len(starts) + current.merit.best(), task)
        starts += records
        if kept is None or candidate.rank > kept.rank:
            kept = candidate
        if kept.promising and kept.judgement.word == "solved":
            break
    if kept is None:
        raise RuntimeError("the search made no round")
    finished = kept.finished
    agreeing, difference = kept.agreement
    return Solution(
        phi=finished.phi_asu,
        fom=finished.fom,
        finished=finished,
        setting=setting,
        problem=kept.round.problem,
        evidence=kept.evidence,
        judgement=kept.judgement,
        starts=tuple(starts),
        best_start=kept.start,
        agreeing=agreeing,
        difference_deg=difference,
        time_limit_hit=kept.judgement.word != "solved",
        predictions=predictions,
        prior=projection,
    )


def project_prior(prior: TrainedPrior, problem: Problem, prepared: PreparedData) -> PriorProjection:
    """Set a prior to work on a crystal in P1."""
    amplitude = prepared.e * np.sqrt(prepared.reflections.epsilon)
    return prior_projection(prior, problem.grid, np.maximum(amplitude, 1e-3))


def pose(
    prepared: PreparedData,
    recipe: Recipe,
    setting: PrimitiveSetting,
    hkl: NDArray[np.int32],
    seed: int,
    device: torch.device,
) -> Problem:
    """Set up amplitudes, E values and the omitted reflections of one recipe.

    Parameters
    ----------
    prepared
        Amplitudes and E values, n unique reflections.
    recipe
        Kind of search.
    setting, hkl
        Primitive cell and the indices in it, shape ``(n, 3)``.
    seed
        Of the choice of omitted reflections.
    device
        Where the grid lives.
    """
    p = recipe.sharpening
    e = np.maximum(prepared.e, 1e-6)
    f = prepared.f_isotropic / np.sqrt(np.mean(prepared.f_isotropic**2))
    amplitude = np.maximum(f, 1e-6) ** (1.0 - p) * e**p
    grid = amplitude_grid(setting.cell, setting.operations, hkl, amplitude, device, recipe.zero_mean)
    full = np.abs(grid.at_reflections(grid.amplitude.to(torch.complex64)))
    index = grid.expansion.asu_index
    fraction = float(np.clip(200.0 / len(hkl), 0.04, 0.12))
    return Problem(
        recipe=recipe,
        grid=grid,
        full=full,
        to_e=e[index] / np.maximum(full, 1e-9),
        omitted=choose_omitted(len(hkl), index, fraction, np.random.default_rng(seed)),
    )


def _records(current: Round) -> list[StartRecord]:
    merit, recipe = current.merit, current.problem.recipe
    return [
        StartRecord(
            recipe=recipe.name,
            solvent=recipe.solvent,
            seed=current.first_seed,
            iterations=current.iterations,
            cc_free=float(merit.cc_free[k]),
            r_work=float(merit.r_work[k]),
            skewness=float(merit.skewness[k]),
            by_prior=current.by_prior,
        )
        for k in range(len(merit.r_work))
    ]
