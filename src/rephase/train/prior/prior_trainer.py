"""One step of training a prior: the next few crystals of the pool, each led on by one prediction."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import PriorStates
from rephase.models.trained_prior import PriorRange, PriorRecord, save_prior
from rephase.train.averaging import average_of, update_average
from rephase.train.optimisers import build_optimiser, set_rate
from rephase.train.precision import reduced_precision
from rephase.train.prior.judge_examples import loss_of_judge
from rephase.train.prior.pool import Pool
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.trajectory import Trajectory
from rephase.train.prior.truth import loss_of
from rephase.train.ranks import Ranks
from rephase.train.run_config import Machine
from rephase.train.step_figures import StepFigures, gradients_of

Lesson = Callable[[DensityPrior, Trajectory, PriorTrainConfig], tuple[Tensor, Trajectory]]
"""What a network is to learn from the next pass of a trajectory: its loss, and where that goes on from."""


def density_lesson(
    network: DensityPrior, trajectory: Trajectory, config: PriorTrainConfig
) -> tuple[Tensor, Trajectory]:
    """Compare the densities that a network predicts with the truth, and go on from them."""
    predicted = prediction(network, trajectory.states, trajectory.data, config.machine)
    aim = trajectory.aim(predicted)
    loss = loss_of(predicted, aim.truth, trajectory.data).mean()
    return loss, trajectory.after(predicted.detach(), aim, config.seed)


@dataclass(eq=False)
class PriorTrainer:
    """A prior in training.

    Attributes
    ----------
    config
        Settings.
    network
        Its weights, on the device.
    trained
        The crystals it is to see.
    ranks
        The processes.
    lesson
        What is learnt at each pass.
    step, examples, skipped, best
        Steps done, states predicted from, steps in a row that were passed over, the best validation so far.
    optimiser, average
        Made of the network.
    """

    config: PriorTrainConfig
    network: DensityPrior
    trained: PriorRange
    ranks: Ranks = field(default_factory=Ranks)
    lesson: Lesson = density_lesson
    step: int = 0
    examples: int = 0
    skipped: int = 0
    best: float | None = None
    optimiser: torch.optim.Optimizer = field(init=False)
    average: DensityPrior | None = field(init=False)

    def __post_init__(self) -> None:
        self.network.judge.requires_grad_(self.config.judge > 0.0)  # or it would decay untrained
        self.optimiser = build_optimiser(self.config.optimiser, self.network)
        self.average = None if self.config.average is None else average_of(self.network)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.config.steps

    @property
    def validate_every(self) -> int:
        """Steps between two validations."""
        return self.config.validation.every

    @property
    def best_network(self) -> DensityPrior:
        """The prior to judge and to keep: the average where there is one."""
        return self.network if self.average is None else self.average

    def save_weights(self, path: Path) -> None:
        """Write the prior to keep."""
        record = PriorRecord(network=self.config.model, trained=self.trained, examples=self.examples)
        save_prior(path, self.best_network, record)

    def rate(self) -> float:
        """Return the learning rate of the next step; an epoch is the whole run."""
        schedule, part = self.config.schedule, self.step / self.steps
        return self.config.optimiser.rate * schedule.factor(self.step, self.steps, part)

    def take_step(self, pool: Pool) -> StepFigures:
        """Move the weights once, by the mean gradient of this process's crystals and the others'.

        A crystal whose prediction is not finite is followed no further. A step with one, or whose gradient is
        not finite, leaves the weights as they are.
        """
        config, network = self.config, self.network.train()
        parameters = [weight for weight in network.parameters() if weight.requires_grad]
        losses: dict[int, Tensor] = {}
        states = 0
        for place, trajectory in pool.turn(self.step):
            loss, following = self.lesson(network, trajectory, config)
            loss = loss + self._judging(trajectory)
            (loss / config.crystals_per_step).backward()  # type: ignore[no-untyped-call]
            pool.keep(place, following)
            losses[place] = loss.detach()
            states += len(trajectory.states)
        self._drop_lost(pool, losses)
        total = torch.stack([*losses.values()]).sum() / config.crystals_per_step
        counted = total.new_tensor(float(states))
        self.ranks.add_up([*gradients_of(parameters), total, counted])
        self.examples += int(counted)
        return self._move(total)

    def _judging(self, trajectory: Trajectory) -> Tensor:
        weight = self.config.judge
        if weight == 0.0:
            return trajectory.noise.new_zeros(())
        return weight * loss_of_judge(self.network.judge, trajectory, self.config.seed)

    def _drop_lost(self, pool: Pool, losses: dict[int, Tensor]) -> None:
        finite = torch.stack([*losses.values()]).isfinite().tolist()  # the only wait for the device
        for place, fine in zip(losses, finite, strict=True):
            if not fine:
                pool.drop(place)

    def _move(self, loss: Tensor) -> StepFigures:
        config, rate = self.config, self.rate()
        gradient = self._clipped()
        figures = StepFigures(float(loss), float(gradient), rate, done=bool((loss + gradient).isfinite()))
        if figures.done:
            set_rate(self.optimiser, rate)
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.skipped = 0 if figures.done else self.skipped + 1
        if figures.done and self.average is not None and config.average is not None:
            update_average(self.average, self.network, config.average, self.step)
        return figures

    def _clipped(self) -> Tensor:
        """Clip the gradients of judge and density apart, since neither is to slow the other.

        Returns the norm of all of them as it was before.
        """
        judge, weights = self.network.judge.parameters(), self.network.named_parameters()
        others = [weight for name, weight in weights if not name.startswith("judge.")]
        largest = self.config.clip or math.inf
        return torch.hypot(*(nn.utils.clip_grad_norm_(part, largest) for part in (others, judge)))


def prediction(network: DensityPrior, states: PriorStates, data: PriorData, machine: Machine) -> Tensor:
    """Predict coefficients from states, complex, shape ``(states, u, v, w//2 + 1)``."""
    with reduced_precision(data.cell.device, machine):
        density = network(states.maps(data), data)
    return data.coefficients(density.float())
