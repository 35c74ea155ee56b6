"""One step of training: batches to maps, maps to a loss, gradients of all processes to new weights."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.map_batches import MapBatch, maps_of
from rephase.models.losses import density_loss, hand_loss
from rephase.models.network import DensityNetwork
from rephase.models.network_input import network_input
from rephase.models.recycling import density_of_passes
from rephase.models.trained import NetworkRecord, TrainedRange, save_network
from rephase.train.averaging import average_of, update_average
from rephase.train.hand_examples import densities_with_phase_errors
from rephase.train.optimisers import build_optimiser, set_rate
from rephase.train.precision import reduced_precision
from rephase.train.ranks import Ranks
from rephase.train.running_statistics import RunningStatistics
from rephase.train.step_figures import StepFigures, gradients_of
from rephase.train.train_config import TrainConfig


@dataclass(eq=False)
class Trainer:
    """A network in training.

    Attributes
    ----------
    config
        Settings.
    network
        Its weights, on the device.
    trained
        The crystals it is to see.
    steps, epoch_examples
        Steps of the whole run, and examples of an epoch.
    ranks
        The processes.
    step, examples, skipped, best
        Steps done, examples seen, steps in a row that were passed over, and the best validation so far.
    optimiser, average
        Made of the network.
    """

    config: TrainConfig
    network: DensityNetwork
    trained: TrainedRange
    steps: int
    epoch_examples: int
    ranks: Ranks = field(default_factory=Ranks)
    step: int = 0
    examples: int = 0
    skipped: int = 0
    best: float | None = None
    optimiser: torch.optim.Optimizer = field(init=False)
    average: DensityNetwork | None = field(init=False)

    def __post_init__(self) -> None:
        self.optimiser = build_optimiser(self.config.optimiser, self.network)
        self.average = None if self.config.average is None else average_of(self.network)

    @property
    def validate_every(self) -> int:
        """Steps between two validations."""
        return self.config.validation.every

    @property
    def best_network(self) -> DensityNetwork:
        """The network to judge and to keep: the average where there is one."""
        return self.network if self.average is None else self.average

    def save_weights(self, path: Path) -> None:
        """Write the network to keep; it is to take as many passes as it takes at most in the training."""
        config = self.config
        record = NetworkRecord(
            network=config.model,
            maps=config.maps,
            grid=config.stream.grid,
            passes=config.passes[1],
            trained=self.trained,
            examples=self.examples,
        )
        save_network(path, self.best_network, record)

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        epoch = self.examples / self.epoch_examples
        return self.config.optimiser.rate * self.config.schedule.factor(self.step, self.steps, epoch)

    def take_step(self, batches: Iterator[CrystalBatch], rate: float) -> StepFigures:
        """Move the weights once, by the mean gradient of this process's share of batches and the others'.

        Everything drawn at random follows from the seed and the number of the step, so there is no state of
        a generator to save. A step whose loss or gradient is not finite leaves the weights as they are.
        """
        config, network, parameters = self.config, self.network, list(self.network.parameters())
        network.train()
        passes = self._passes()
        statistics = RunningStatistics(network)
        total = torch.zeros((), device=parameters[0].device)
        for batch in islice(batches, config.batches_per_step // self.ranks.count):
            maps = maps_of(batch.to(total.device), config.maps)
            with statistics.of_a_batch():
                loss = self._loss(maps, batch.noise_seed, passes) / config.batches_per_step
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self.ranks.add_up([*gradients_of(parameters), total])
        gradient = nn.utils.clip_grad_norm_(parameters, config.clip or math.inf)
        figures = StepFigures(float(total), float(gradient), rate, done=bool((total + gradient).isfinite()))
        if figures.done:
            statistics.keep(config.batches_per_step, self.ranks)
            set_rate(self.optimiser, rate)
            self.optimiser.step()
        else:
            statistics.undo()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.examples += config.batches_per_step * config.stream.batch_size
        self.skipped = 0 if figures.done else self.skipped + 1
        if figures.done and self.average is not None and config.average is not None:
            update_average(self.average, network, config.average, self.step)
        return figures

    def _loss(self, maps: MapBatch, seed: int, passes: int) -> Tensor:
        config, judge, loss = self.config, self.network.judge, maps.cell.new_zeros(())
        if config.loss.of_density:
            with reduced_precision(maps.cell.device, config.machine):
                density = density_of_passes(self.network, network_input(maps), passes)
            loss = loss + density_loss(density, maps.density.values, config.loss)
        if judge is not None and config.loss.judge > 0.0:
            shown = densities_with_phase_errors(maps, seed)
            loss = loss + config.loss.judge * hand_loss(judge(shown, maps.cell))
        return loss

    def _passes(self) -> int:
        """Draw how often the network sees its own density: the same for all batches of a step."""
        rng = np.random.default_rng([self.config.stream.seed, self.step, _OF_PASSES])
        return int(rng.integers(*self.config.passes, endpoint=True))


_OF_PASSES = 5  # the seeds of the stream end in 0 to 4
