"""Starts that variants of the density prior are judged on, the ways they go on from there, and how far."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from annealed_denoiser import annealed
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import advanced, starting_states
from rephase.physics.density import friedel_weights
from rephase.train.prior.crystal_source import CrystalSource
from rephase.train.prior.crystals import TrueCrystal
from rephase.train.prior.phase_errors import phases_with_errors
from rephase.train.prior.prior_trainer import prediction
from rephase.train.prior.truth import cosine_of, loss_of, moved_to
from rephase.train.run_config import Machine
from seeds import sigma_of

STATES = 2  # of every crystal at every level
Record = dict[str, Any]


@dataclass(frozen=True)
class Level:
    """Phases with Gaussian errors of this mean, with figures of merit or not, and passes to judge after."""

    error_deg: float
    told: bool
    passes: tuple[int, ...]

    @property
    def name(self) -> str:
        """As in the file."""
        return f"{self.error_deg:g}{' told' if self.told else ''}"

    @property
    def cosine(self) -> float:
        """Mean cos Δφ."""
        return math.exp(-0.5 * sigma_of(self.error_deg) ** 2)


UNTOLD = tuple(Level(error, told=False, passes=(1, 3, 9)) for error in (45.0, 70.0))
TOLD = tuple(Level(error, told=True, passes=(12,)) for error in (60.0, 70.0))


@dataclass(frozen=True, eq=False)
class Start:
    """Some states of a crystal.

    Attributes
    ----------
    level
        How good they are.
    number, crystal
        Of the crystal.
    phi
        Radians, shape ``(states, u, v, w//2 + 1)``.
    """

    level: Level
    number: int
    crystal: TrueCrystal
    phi: Tensor


Way = Callable[[DensityPrior, Start, Machine], dict[int, Tensor]]
"""From a start to predictions, by the number of passes they took; those of the level of the start."""


def starts_of(source: CrystalSource, crystals: int) -> list[Start]:
    """Draw the starts; they follow from the source and the number of each crystal."""
    found = []
    for number in range(crystals):
        crystal, generator = source.crystal(number), torch.Generator().manual_seed(number)
        for level in (*UNTOLD, *TOLD):
            sigma = sigma_of(level.error_deg)
            phi = [phases_with_errors(crystal, sigma, generator) for _ in range(STATES)]
            found.append(Start(level, number, crystal, torch.stack(phi)))
    return found


def passed(network: DensityPrior, start: Start, machine: Machine) -> dict[int, Tensor]:
    """Predict again and again, from the phases of the last prediction and the measured amplitudes."""
    data, found = start.crystal.data, {}
    fom = torch.full_like(start.phi, start.level.cosine) if start.level.told else None
    states = starting_states(data, start.phi, fom)
    for number in range(1, max(start.level.passes) + 1):
        predicted = prediction(network, states, data, machine)
        states = advanced(states, predicted, data)
        if number in start.level.passes:
            found[number] = predicted
    return found


def passed_with_noise(network: DensityPrior, start: Start, machine: Machine) -> dict[int, Tensor]:
    """Remove noise that falls, in as many passes as are wanted; how good a start is has to be known."""
    found = {}
    for passes in start.level.passes:
        generator = torch.Generator().manual_seed(start.number)
        found[passes] = annealed(
            network, start.phi, start.level.cosine, start.crystal.data, passes, machine, generator
        )
    return found


@torch.inference_mode()
def reached(network: DensityPrior, way: Way, start: Start, machine: Machine) -> list[Record]:
    """Compare what a network predicts with the truth, for each state of a start."""
    data, truth = start.crystal.data, start.crystal.truth
    found = way(network, start, machine)
    of_states = truth.expand_as(start.phi)
    figures = {f"cosine {passes}": cosine_of(one, of_states, data) for passes, one in found.items()}
    figures["loss"] = loss_of(found[min(found)], of_states, data)
    figures["correlation"] = map_correlation(found[max(found)], truth, data)
    head = {"level": start.level.name, "crystal": start.number}
    return [
        head | {name: round(float(values[state]), 4) for name, values in figures.items()}
        for state in range(len(start.phi))
    ]


def map_correlation(predicted: Tensor, truth: Tensor, data: PriorData) -> Tensor:
    """Correlate maps of the measured amplitudes with the true one, at the best origin, ``(states,)``."""
    current = torch.polar(data.amplitude.expand(predicted.shape), predicted.angle())
    moved = moved_to(truth, current, data)
    weight = friedel_weights(data.shape, data.amplitude)

    def product(one: Tensor, other: Tensor) -> Tensor:
        return ((one * other.conj()).real * weight).sum((-3, -2, -1))

    return product(current, moved) / (product(current, current) * product(moved, moved)).sqrt()
