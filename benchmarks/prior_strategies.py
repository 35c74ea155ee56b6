"""Ways to let a density prior search, beside those of `rephase.phasing.prior_rounds.Schedule`.

The prior was trained on maps of the measured amplitudes. So whatever else a strategy keeps, each shows it
p = P_A x, the measured amplitudes with the phases of its iterate x, and the prediction D(p) takes the place
of the projection onto densities that look like protein. Its amplitudes, |A|·FOM, stay as they are unless
they are said to be rescaled. Reflections that are not measured follow the prediction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.models.prior_data import PriorData
from rephase.models.prior_states import PriorStates
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.prior_rounds import ANNEALED, Schedule
from rephase.phasing.relaxation import relax
from rephase.phasing.search import Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Overstepped(Schedule):
    """Steps beyond the prediction, by ever less.

    Attributes
    ----------
    beyond
        In the first pass, see `rephase.models.prior_states.advanced`; it falls as noise does.
    """

    beyond: float = 0.0

    def quiet(self, number: int) -> bool:
        """Whether pass `number` is a plain one."""
        return number >= ANNEALED * self.passes

    def states(
        self, working: PriorProjection, states: PriorStates, generator: torch.Generator
    ) -> Iterator[PriorStates]:
        """Let states go on, and yield them after each pass."""
        for number in range(self.passes):
            part = max(0.0, 1.0 - number / (ANNEALED * self.passes))
            drawn = generator if part * self.noise > 0.0 else None
            states = working.step(states, noise=part * self.noise, beyond=part * self.beyond, generator=drawn)
            yield states


@dataclass(frozen=True)
class AveragedReflections(Schedule):
    """Relaxed averaged alternating reflections, amplitudes first, then plain passes.

    x → β (D(p) + x − p) + (1 − β) p (Luke, 2005): by what p and the prediction differ adds up in x, so that
    phases which the prior keeps contradicting turn in the end. The reflection 2p − x, which the method would
    show to D, has the phases of p wherever |x| < 2|A|, and is not shown.

    Attributes
    ----------
    beta
        Relaxation.
    until
        Part of the passes after which plain ones follow.
    rescaled
        Whether each prediction is scaled as a whole so that its amplitudes are nearest to the measured ones.
    """

    beta: float = 0.8
    until: float = 0.6
    rescaled: bool = False

    def quiet(self, number: int) -> bool:
        """Whether pass `number` is a plain one."""
        return number >= self.until * self.passes

    def states(
        self, working: PriorProjection, states: PriorStates, generator: torch.Generator
    ) -> Iterator[PriorStates]:
        """Let states go on, and yield them after each pass."""
        data, x = working.data, states.current
        for number in range(self.passes):
            if self.quiet(number):
                states = working.step(states)
            else:
                predicted = working.predict(states)
                x = self.iterate(x, states.current, predicted, data)
                x = torch.where(data.known, x, predicted)
                states = replace(states, current=with_amplitudes(x, data), predicted=predicted)
            yield states

    def iterate(self, x: Tensor, p: Tensor, predicted: Tensor, data: PriorData) -> Tensor:
        """Return the next iterate."""
        density = nearest_in_scale(predicted, data) if self.rescaled else predicted
        return self.beta * (density + x - p) + (1.0 - self.beta) * p


@dataclass(frozen=True)
class DifferenceMap(AveragedReflections):
    """Difference map, the prior first, then plain passes: x → x + β (P_A(2D(p) − x) − D(p)) (Elser, 2003)."""

    def iterate(self, x: Tensor, p: Tensor, predicted: Tensor, data: PriorData) -> Tensor:
        """Return the next iterate."""
        density = nearest_in_scale(predicted, data) if self.rescaled else predicted
        return x + self.beta * (with_amplitudes(2.0 * density - x, data) - density)


@dataclass(frozen=True)
class Halved(Schedule):
    """Give up the worse half of the starts, by Σ| |P| − A |, after some passes.

    Attributes
    ----------
    at
        Numbers of these passes.
    """

    at: tuple[int, ...] = ()

    def states(
        self, working: PriorProjection, states: PriorStates, generator: torch.Generator
    ) -> Iterator[PriorStates]:
        """Let those that are left go on, and yield all of them after each pass."""
        left = torch.arange(len(states))
        for number in range(self.passes):
            noise = self.noise_of(number)
            drawn = generator if noise > 0.0 else None
            some = working.step(states.chosen(left), noise=noise, generator=drawn)
            states = replace(
                states,
                current=states.current.index_copy(0, left, some.current),
                predicted=states.predicted.index_copy(0, left, some.predicted),
            )
            if number + 1 in self.at:
                apart = (some.predicted.abs() - working.data.amplitude).abs() * working.data.known
                order = apart.sum((-3, -2, -1)).argsort(stable=True)
                left = left[order[: len(order) // 2]].sort().values
            yield states


def with_amplitudes(x: Tensor, data: PriorData) -> Tensor:
    """P_A x: the measured amplitudes; where there are none x stays."""
    return torch.where(data.known, torch.polar(data.amplitude.expand_as(x.real), x.angle()), x)


def nearest_in_scale(predicted: Tensor, data: PriorData) -> Tensor:
    """Scale each prediction as a whole so that its amplitudes are nearest to the measured ones."""
    size = predicted.abs() * data.known
    scale = (size * data.amplitude).sum((-3, -2, -1)) / size.square().sum((-3, -2, -1)).clamp(min=1e-12)
    return predicted * scale[:, None, None, None]


def after_classical(problem: Problem, phi: FloatArray, iterations: int) -> FloatArray:
    """Phases after iterations of the classical search on all starts, radians, shape ``(starts, m)``."""
    grid = problem.grid.without(problem.omitted)
    amplitude = np.where(problem.omitted, 0.0, problem.full)
    rho = grid.density(grid.from_reflections(amplitude * np.exp(1j * phi)))
    constraint, beta = problem.recipe.constraint(grid), problem.recipe.beta
    ((_, maps),) = relax(rho, grid, constraint, iterations, beta, report_every=iterations)
    return np.asarray(np.angle(grid.at_reflections(grid.structure_factors(maps))))
