"""Where phasing with a density prior stands, and how it goes on: the same in training and in use."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rephase.models.prior_data import PriorData

_SMALLEST = 1e-6
_DIMS = (-3, -2, -1)


@dataclass(frozen=True, eq=False)
class PriorStates:
    """Some states of one crystal, on the half-complex grid and on the scale of the standard amplitudes.

    Attributes
    ----------
    current
        Coefficients with the known amplitudes, complex, shape ``(states, u, v, w//2 + 1)``.
    predicted
        The last prediction; zero at first.
    given
        The starting coefficients weighted by their figures of merit; zero where nothing was given.
    """

    current: Tensor
    predicted: Tensor
    given: Tensor

    def __len__(self) -> int:
        return len(self.current)

    def maps(self, data: PriorData) -> Tensor:
        """Return what the prior is shown, shape ``(states, 3, u, v, w)``."""
        return data.maps(torch.stack([self.current, self.predicted, self.given], dim=1))

    def chosen(self, which: Tensor) -> "PriorStates":
        """Return some of the states, by indices or by a mask."""
        return PriorStates(self.current[which], self.predicted[which], self.given[which])


def starting_states(data: PriorData, phi: Tensor, fom: Tensor | None = None) -> PriorStates:
    """Begin from phases.

    Parameters
    ----------
    data
        The crystal.
    phi
        Radians, shape ``(states, u, v, w//2 + 1)``.
    fom
        What ⟨cos Δφ⟩ they are thought to have, 0–1, the same shape; None where nothing is known of them, so
        that they are a place to begin, and no evidence.
    """
    current = torch.polar(data.amplitude.expand_as(phi), phi)
    given = torch.zeros_like(current) if fom is None else current * fom
    return PriorStates(current, torch.zeros_like(current), given)


def figure_of_merit(predicted: Tensor, data: PriorData) -> Tensor:
    """|P| / |A| where the amplitude is known, at most 1; else 0. Any leading dimensions."""
    return (predicted.abs() / data.amplitude.clamp(min=_SMALLEST)).clamp(max=1.0) * data.known


def advanced(
    states: PriorStates,
    predicted: Tensor,
    data: PriorData,
    *,
    noise: Tensor | float = 0.0,
    beyond: Tensor | float = 0.0,
    generator: torch.Generator | None = None,
) -> PriorStates:
    """Let states go on from predictions: their phases, and the amplitudes that are known.

    Parameters
    ----------
    states
        As they were shown to the prior.
    predicted
        Coefficients of its density, shape ``(states, u, v, w//2 + 1)``.
    data
        The crystal.
    noise
        How much of what a prediction leaves open, |A|√(1 − FOM²), is drawn at random, 0–1: one number, or of
        shape ``(states, 1, 1, 1)``.
    beyond
        How far the step goes beyond the prediction, in terms of the change; the same shapes.
    generator
        Draws the noise, on the CPU; not needed without noise.
    """
    fom = figure_of_merit(predicted, data)
    step = predicted + beyond * (predicted - states.current * fom)
    if generator is not None:
        white = torch.randn((len(predicted), *data.shape), generator=generator).to(fom)
        drawn = torch.fft.rfftn(white, dim=_DIMS, norm="ortho")
        step = step + noise * drawn * data.amplitude * (1.0 - fom.square()).sqrt()
    known = torch.polar(data.amplitude.expand_as(fom), step.angle())
    return replace(states, current=torch.where(data.known, known, predicted), predicted=predicted)
