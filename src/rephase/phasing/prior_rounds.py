"""Rounds of a search in which the density prior takes the part of the density constraint."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.models.prior_states import PriorStates
from rephase.phasing.merit import Merit, correlation, skewness
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.search import CONVINCING, MOST_STARTS, Problem, Round

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

PASSES = 30
"""Of a first round; later ones are longer, as those of the classical search are. 15 and 60 were neither
better nor worse within errors (LOG.md)."""

FINISHING_PASSES = 15
"""Of states that another search has found: right ones settle within ten."""

FIRST_NOISE = 0.5
"""Part of what the prior leaves open that is drawn at random in the first pass from random phases; it falls
to zero over `ANNEALED` of a round. 4 of 48 starts were right so and with 1, 2 without: nothing that was tried
is measurably better (LOG.md)."""

ANNEALED = 0.6
SETTLING = 4
"""Further passes after the first convincing one."""

PATIENCE = 8
"""Passes without a better free figure, once there is no noise, after which a round ends: a guess."""

FINISHED_STARTS = 2
"""Starts of a classical round that go on with the prior, each in both hands: the prior knows one of them."""

_POINTS_PER_BATCH = 100_000  # grid points of all starts of a pass: what the activations of 64 channels allow


@dataclass(frozen=True)
class Schedule:
    """How long a round of the prior is, and how much is drawn at random on the way.

    Attributes
    ----------
    passes
        At most.
    noise
        In the first pass, 0–1, see `rephase.models.prior_states.advanced`.
    """

    passes: int
    noise: float = 0.0

    def noise_of(self, number: int) -> float:
        """Noise of pass `number`, from 0."""
        return self.noise * max(0.0, 1.0 - number / (ANNEALED * self.passes))

    def quiet(self, number: int) -> bool:
        """Whether pass `number` is a plain one."""
        return self.noise_of(number) == 0.0

    def states(
        self, working: PriorProjection, states: PriorStates, generator: torch.Generator
    ) -> Iterator[PriorStates]:
        """Let states go on, and yield them after each pass."""
        for number in range(self.passes):
            noise = self.noise_of(number)
            states = working.step(states, noise=noise, generator=generator if noise > 0.0 else None)
            yield states


def prior_starts(projection: PriorProjection) -> int:
    """Choose the number of random starts that are run together."""
    return int(np.clip(_POINTS_PER_BATCH // math.prod(projection.grid.shape), 2, MOST_STARTS))


def random_phases(projection: PriorProjection, starts: int, seed: int) -> FloatArray:
    """Draw phases in radians at the rows of the expansion, shape ``(starts, m)``."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, (starts, len(projection.grid.expansion)))


def prior_round(
    projection: PriorProjection,
    problem: Problem,
    begin: Callable[[PriorProjection], PriorStates],
    schedule: Schedule,
    *,
    seed: int,
    deadline: float,
    on_step: Callable[[int], None],
) -> Round:
    """Let some starts go through the prior; each ends with the phases that predicted the free set best.

    Parameters
    ----------
    projection
        The prior at work on all reflections.
    problem
        Says which reflections the prior must not see.
    begin
        Makes the starts for the projection without those.
    schedule
        Length and noise.
    seed
        Of the noise.
    deadline
        `time.monotonic` value after which the round is cut short.
    on_step
        Called with the number of passes done since the last call.
    """
    working = projection.without(problem.omitted)
    generator = torch.Generator().manual_seed(seed)
    best = _Best(problem, projection)
    more = schedule.passes
    for number, states in enumerate(schedule.states(working, begin(working), generator)):
        on_step(1)
        best.take(working, states)
        more = min(more - 1, SETTLING) if best.figure > CONVINCING else more - 1
        stalled = schedule.quiet(number) and best.passes_since >= PATIENCE
        if more <= 0 or stalled or time.monotonic() > deadline:
            break
    return best.round(problem, number + 1, seed)


class _Best:
    """The phases of each start with the best free figure so far."""

    def __init__(self, problem: Problem, projection: PriorProjection) -> None:
        self._omitted = problem.omitted
        self._symmetric = projection.symmetric
        self._expected = projection.expected
        self._amplitude = projection.amplitude
        self._merit: list[FloatArray] = []
        self._predicted: ComplexArray | None = None
        self.passes_since = 0

    @property
    def figure(self) -> float:
        """Highest free correlation of any start."""
        return float(self._merit[0].max())

    def take(self, working: PriorProjection, states: PriorStates) -> None:
        """Look at the predictions of one pass."""
        predicted = working.predicted(states)
        merit = self._figures(predicted)
        if self._predicted is None:
            self._merit, self._predicted = merit, predicted
            return
        better = merit[0] > self._merit[0]
        self.passes_since = 0 if merit[0].max() > self._merit[0].max() else self.passes_since + 1
        self._merit = [np.where(better, new, old) for new, old in zip(merit, self._merit, strict=True)]
        self._predicted = np.where(better[:, None], predicted, self._predicted)

    def round(self, problem: Problem, passes: int, seed: int) -> Round:
        """Make the outcome; its maps hold the measured amplitudes of all reflections."""
        assert self._predicted is not None
        phases = np.exp(1j * np.angle(self._predicted))
        maps = problem.grid.density(problem.grid.from_reflections(problem.full * phases))
        free, work, gap = self._merit
        merit = Merit(cc_free=free, cc_work=work, r_work=gap, skewness=skewness(maps))
        return Round(problem, maps, merit, passes, seed, by_prior=True, symmetric=self._symmetric)

    def _figures(self, predicted: ComplexArray) -> list[FloatArray]:
        """Free and working correlation of E, and how far the amplitudes are apart, of each start."""
        omitted, used, size = self._omitted, ~self._omitted, np.abs(predicted)
        e, calculated = self._amplitude / self._expected, size / self._expected
        gap = np.abs(size - self._amplitude)[:, used].sum(axis=1) / self._amplitude[used].sum()
        free = correlation(calculated[:, omitted], e[omitted])
        return [free, correlation(calculated[:, used], e[used]), gap]
