"""What the judge of the hand is shown while a prior is trained: the same crystals, with phase errors."""

import torch
from torch import Tensor

from rephase.models.hand_judge import HandJudge
from rephase.models.losses import hand_loss
from rephase.models.prior_data import relative_s2
from rephase.train.prior.phase_errors import gaussian_errors
from rephase.train.prior.trajectory import Trajectory, seed_of_pass

LARGEST_ERROR = 0.9
"""Radians, at 0.6 of the largest 1/d²; the standard deviation of the phase errors of a map is drawn evenly
from 0 to this."""

DRAWS = 3
"""Maps of a crystal that the judge is shown at a time."""

_STEEPER = 0.5
_OF_JUDGE = 5  # other seeds of a run end in other numbers


def loss_of_judge(judge: HandJudge, trajectory: Trajectory, seed: int) -> Tensor:
    """Return the cross entropy of what a judge says of a crystal in its own hand, a scalar.

    Whatever hand its states are about to find: the judge learns from the truth.

    Parameters
    ----------
    judge
        In training.
    trajectory
        The crystal, and the pass at which it is.
    seed
        Of the run; errors follow from it, the crystal and the pass.
    """
    shown = maps_with_phase_errors(trajectory, seed)
    return hand_loss(judge(shown, trajectory.data.cell.expand(len(shown), -1)))


@torch.no_grad()
def maps_with_phase_errors(trajectory: Trajectory, seed: int) -> Tensor:
    """Draw maps with the known amplitudes and true phases with Gaussian errors, ``(draws, u, v, w)``.

    Errors of standard deviation σ grow with resolution, and coefficients are weighted by their ⟨cos Δφ⟩,
    exp(−σ²/2), as those of a phased map are.
    """
    data, truth = trajectory.data, trajectory.truth
    generator = torch.Generator().manual_seed(seed_of_pass(seed, trajectory, _OF_JUDGE))
    sizes = LARGEST_ERROR * torch.rand((DRAWS, 1, 1, 1), generator=generator).to(data.amplitude)
    drawn = [gaussian_errors(data.shape, generator) for _ in range(DRAWS)]
    sigma = sizes * torch.exp(_STEEPER * (relative_s2(data) - 0.6))
    phi = truth.angle() + sigma * torch.stack(drawn).to(sigma)
    return data.maps(torch.polar(data.amplitude * torch.exp(-0.5 * sigma.square()), phi))
