"""How trajectories begin: from which phases, in how many states, and for how many passes."""

import math

import numpy as np
import torch
from torch import Tensor

from rephase.models.prior_states import starting_states
from rephase.train.prior.crystals import TrueCrystal
from rephase.train.prior.phase_errors import (
    PhaseErrors,
    StartingPhases,
    erroneous_phases,
    noisy_phases,
    partial_model_phases,
    random_phases,
)
from rephase.train.prior.prior_config import PriorStarts
from rephase.train.prior.trajectory import Trajectory

_KINDS: tuple[PhaseErrors, ...] = (random_phases, erroneous_phases, noisy_phases, partial_model_phases)
_OF_START = 7  # other seeds of a run end in other numbers


def begun_trajectory(
    crystal: TrueCrystal, number: int, config: PriorStarts, *, seed: int, step: int, part: float
) -> Trajectory:
    """Begin a trajectory; it follows from the arguments alone.

    Parameters
    ----------
    crystal
        The crystal.
    number
        Its number.
    config
        Settings.
    seed
        Of the run.
    step
        Of the training, noted in the trajectory.
    part
        Part of the run that was over when the trajectory was ordered, 0–1: random starts get more frequent.
    """
    rng = np.random.default_rng([seed, number, _OF_START])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    kind = _kind(crystal, config, part, rng)
    points = math.prod(crystal.data.shape)
    count = int(np.clip(round(config.points / points), 1, config.most_states))
    starts = [_start(crystal, _KINDS[kind], config.unknown, rng, generator) for _ in range(count)]
    phi, fom = (torch.stack(values) for values in zip(*((one.phi, one.fom) for one in starts), strict=True))
    return Trajectory(
        number=number,
        begun=step,
        passes_left=_passes(crystal, config, rng, from_random=kind == 0),
        origin_free=kind == 0,
        hand_free=kind == 0 and config.hand == "either",
        data=crystal.data,
        truth=crystal.truth,
        states=starting_states(crystal.data, phi, fom.clamp(0.0, 1.0)),
        noise=_sometimes(config.noise, (0.0, config.noise_up_to), count, rng),
        beyond=_sometimes(config.beyond, config.beyond_between, count, rng),
    )


def _kind(crystal: TrueCrystal, config: PriorStarts, part: float, rng: np.random.Generator) -> int:
    own = (config.erroneous, config.noisy, config.partial_model)
    weights = (config.random_at(part), *own) if crystal.floating else (0.0, *config.symmetric)
    return int(rng.choice(len(_KINDS), p=np.array(weights) / sum(weights)))


def _start(
    crystal: TrueCrystal,
    phases: PhaseErrors,
    unknown: float,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> StartingPhases:
    start = phases(crystal, generator)
    if rng.random() < unknown:
        return StartingPhases(start.phi, torch.zeros_like(start.fom))
    return start


def _passes(crystal: TrueCrystal, config: PriorStarts, rng: np.random.Generator, *, from_random: bool) -> int:
    wanted = config.passes_from_random if from_random else config.passes
    passes = int(rng.integers(*wanted, endpoint=True))
    if not crystal.floating:
        passes = min(passes, config.most_passes_with_symmetry)
    if math.prod(crystal.data.shape) > config.large:
        passes = min(passes, config.most_passes_of_large)
    return passes


def _sometimes(share: float, between: tuple[float, float], count: int, rng: np.random.Generator) -> Tensor:
    """Draw a number for this part of the states, 0 for the others, shape ``(count, 1, 1, 1)``."""
    values = [float(rng.uniform(*between)) if rng.random() < share else 0.0 for _ in range(count)]
    return torch.tensor(values).view(-1, 1, 1, 1)
