"""A crystal on its way from starting phases to the truth: what a pool of training holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from rephase.io.config import Config
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import PriorStates, advanced
from rephase.train.prior.truth import cosine_of, in_nearer_hand, moved_to

_CLEAR = 0.35
"""Mean cos Δφ from which a state is taken to be on its way to the mirror image: well above what random phases
reach at the best origin, so that no state is turned to and fro by chance."""


@dataclass(frozen=True, eq=False)
class Aim:
    """Where the states of a trajectory are to go.

    Attributes
    ----------
    truth
        Coefficients, complex, shape ``(states, u, v, w//2 + 1)``.
    mirrored
        Whether they are those of the mirror image, bool, shape ``(states,)``.
    """

    truth: Tensor
    mirrored: Tensor


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States of one crystal, and how much further they are followed.

    Attributes
    ----------
    number
        Of the crystal.
    begun
        Step of the training at which it was begun.
    passes_left
        How often the prior is still to be given its states.
    origin_free
        Whether the states began from random phases, so that the truth is wherever they take it.
    hand_free
        Whether it is also in the hand that they take.
    data
        The crystal.
    truth
        Its coefficients, complex, shape ``(u, v, w//2 + 1)``.
    states
        Where they are.
    noise, beyond
        Of the steps of each state, shape ``(states, 1, 1, 1)``; see `rephase.models.prior_states.advanced`.
    """

    number: int
    begun: int
    passes_left: int
    origin_free: bool
    hand_free: bool
    data: PriorData
    truth: Tensor
    states: PriorStates
    noise: Tensor
    beyond: Tensor

    def to(self, device: torch.device | str) -> "Trajectory":
        """Return it on a device, its tensors laid out in memory as those of a checkpoint are.

        Sums are rounded otherwise in another order, and a run that was taken up would differ.
        """
        data = self.data.to(device)
        on_grid = (data.amplitude, data.expected, data.known, data.within)
        return replace(
            self,
            data=PriorData(data.cell, data.d_min, data.shape, *(one.contiguous() for one in on_grid)),
            truth=self.truth.to(device).contiguous(),
            states=PriorStates(*(one.to(device).contiguous() for one in _of_states(self.states))),
            noise=self.noise.to(device),
            beyond=self.beyond.to(device),
        )

    @torch.no_grad()
    def aim(self, predicted: Tensor) -> Aim:
        """Return the truth that predictions, ``(states, u, v, w//2 + 1)``, are to be compared with."""
        if self.hand_free:
            return Aim(*in_nearer_hand(self.truth, predicted, self.data))
        truth = moved_to(self.truth, predicted, self.data) if self.origin_free else self.truth
        unmirrored = torch.zeros(len(predicted), dtype=torch.bool, device=predicted.device)
        return Aim(truth.expand_as(predicted), unmirrored)

    @torch.no_grad()
    def after(self, predicted: Tensor, aim: Aim, seed: int) -> "Trajectory":
        """Return where it is after a prediction; the noise follows from seed, crystal and pass.

        States that are clearly on their way to the mirror image are mirrored, and go on in the right hand:
        only that one has the handedness of protein, which the prior is to learn.
        """
        generator = torch.Generator().manual_seed(seed_of_pass(seed, self, _OF_NOISE))
        states = advanced(
            self.states, predicted, self.data, noise=self.noise, beyond=self.beyond, generator=generator
        )
        if self.hand_free:
            clear = cosine_of(predicted, aim.truth, self.data) > _CLEAR
            states = _mirrored(states, aim.mirrored & clear)
        states = PriorStates(*(one.contiguous() for one in _of_states(states)))
        return replace(self, states=states, passes_left=self.passes_left - 1)


def seed_of_pass(seed: int, trajectory: Trajectory, purpose: int) -> int:
    """Return the seed of what is drawn at one pass; those of other purposes end in other numbers."""
    words = [seed, trajectory.number, trajectory.passes_left, purpose]
    mixed = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return int(mixed[0] >> np.uint64(1))


class TrajectoryRecord(Config):
    """What is not a tensor of a trajectory; the fields are those of `Trajectory` and `PriorData`."""

    number: int = Field(ge=0)
    begun: int = Field(ge=0)
    passes_left: int = Field(ge=0)
    origin_free: bool
    hand_free: bool
    d_min: float
    shape: tuple[int, int, int]


def trajectory_tensors(trajectory: Trajectory) -> dict[str, Tensor]:
    """Return its tensors by name, on the CPU; complex ones as pairs of real numbers."""
    data = trajectory.data
    tensors = {name: getattr(data, name) for name in _OF_DATA}
    tensors |= dict(zip(_OF_STATES, _of_states(trajectory.states), strict=True))
    tensors |= {"truth": trajectory.truth, "noise": trajectory.noise, "beyond": trajectory.beyond}
    return {name: _real(tensor).cpu().contiguous() for name, tensor in tensors.items()}


def trajectory_record(trajectory: Trajectory) -> TrajectoryRecord:
    """Return the rest of it."""
    return TrajectoryRecord(
        number=trajectory.number,
        begun=trajectory.begun,
        passes_left=trajectory.passes_left,
        origin_free=trajectory.origin_free,
        hand_free=trajectory.hand_free,
        d_min=trajectory.data.d_min,
        shape=trajectory.data.shape,
    )


def trajectory_from(record: TrajectoryRecord, tensors: Mapping[str, Tensor]) -> Trajectory:
    """Put a trajectory together again; KeyError where a tensor is missing.

    Tensors in the bytes of a file may begin anywhere; they are copied, since the rounding of Fourier
    transforms depends on it.
    """
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    cell, *on_grid = (tensors[name] for name in _OF_DATA)
    return Trajectory(
        number=record.number,
        begun=record.begun,
        passes_left=record.passes_left,
        origin_free=record.origin_free,
        hand_free=record.hand_free,
        data=PriorData(cell, record.d_min, record.shape, *on_grid),
        truth=torch.view_as_complex(tensors["truth"]),
        states=PriorStates(*(torch.view_as_complex(tensors[name]) for name in _OF_STATES)),
        noise=tensors["noise"],
        beyond=tensors["beyond"],
    )


_OF_DATA = ("cell", "amplitude", "expected", "known", "within")
_OF_STATES = ("current", "predicted", "given")
_OF_NOISE = 3  # other seeds of a run end in other numbers


def _of_states(states: PriorStates) -> tuple[Tensor, Tensor, Tensor]:
    return states.current, states.predicted, states.given


def _mirrored(states: PriorStates, which: Tensor) -> PriorStates:
    """Invert some of the states, by a mask."""
    chosen = which[:, None, None, None]
    return PriorStates(*(torch.where(chosen, one.conj(), one) for one in _of_states(states)))


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
