"""The density prior as a denoiser that knows the level of the noise, used while that falls.

Coefficients are true ones with white noise of σ times their expected size. The network is shown them, their
phases with the measured amplitudes, and the level; what it adds to them is weighted as Karras et al. (2022,
arXiv:2206.00364, table 1) do, and so is its loss. In use the answer gets the measured amplitudes, and noise
of the next level (as Zhu et al., 2023, arXiv:2305.08995, do for linear measurements). It keeps no memory of
the start or of earlier answers.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import hyp2f1
from torch import Tensor

from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.train.precision import reduced_precision
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.trajectory import Trajectory, seed_of_pass
from rephase.train.prior.truth import loss_of
from rephase.train.run_config import Machine

LEVELS = (0.1, 4.0)
"""σ at the end of phasing, and that of phases with mean errors of 78°; trained evenly in its logarithm."""

_DIMS = (-3, -2, -1)
_OF_LEVELS = 11  # seeds of a pass for other purposes end in other numbers


def noisy(F: Tensor, sigma: Tensor, data: PriorData, generator: torch.Generator) -> Tensor:
    """Add white noise to coefficients, ``(states, u, v, w//2 + 1)``; σ of shape ``(states, 1, 1, 1)``."""
    white = torch.randn((len(sigma), *data.shape), generator=generator).to(data.amplitude)
    drawn = torch.fft.rfftn(white, dim=_DIMS, norm="ortho")
    return F + sigma * drawn * data.expected * data.within


def denoised(network: DensityPrior, x: Tensor, sigma: Tensor, data: PriorData, machine: Machine) -> Tensor:
    """Predict coefficients from noisy ones, the same shape."""
    power = 1.0 + sigma.square()
    phased = torch.polar(data.amplitude.expand(x.shape), x.angle())
    shown = data.maps(torch.stack([x * power.rsqrt(), phased], dim=1))
    level = (0.5 * sigma.log()).expand(-1, *data.shape)
    with reduced_precision(data.cell.device, machine):
        density = network(torch.cat([shown, level[:, None]], dim=1), data)
    return x / power + sigma * power.rsqrt() * data.coefficients(density.float())


def denoising_lesson(
    network: DensityPrior, trajectory: Trajectory, config: PriorTrainConfig
) -> tuple[Tensor, Trajectory]:
    """Learn to remove noise of any level from the true coefficients, wherever the states are."""
    data, count = trajectory.data, len(trajectory.states)
    generator = torch.Generator().manual_seed(seed_of_pass(config.seed, trajectory, _OF_LEVELS))
    low, high = (math.log(level) for level in LEVELS)
    drawn = torch.rand((count, 1, 1, 1), generator=generator)
    sigma = torch.exp(low + (high - low) * drawn).to(data.amplitude)
    truth = trajectory.truth.expand(count, -1, -1, -1)
    found = denoised(network, noisy(truth, sigma, data, generator), sigma, data, config.machine)
    weight = (1.0 + sigma.square()) / sigma.square()
    loss = (weight.flatten() * loss_of(found, truth, data)).mean()
    return loss, replace(trajectory, passes_left=trajectory.passes_left - 1)


def annealed(
    network: DensityPrior,
    phi: Tensor,
    cosine: float,
    data: PriorData,
    passes: int,
    machine: Machine,
    generator: torch.Generator,
) -> Tensor:
    """Improve phases, ``(states, u, v, w//2 + 1)``, with a known mean cos Δφ; return the last prediction."""
    levels = np.geomspace(level_of(cosine), LEVELS[0], passes)
    sigma = torch.full((len(phi), 1, 1, 1), levels[0], dtype=data.amplitude.dtype)
    known = torch.polar(data.amplitude.expand(phi.shape), phi)
    x = known * (1.0 + sigma.square()).sqrt()
    found = denoised(network, x, sigma, data, machine)
    for level in levels[1:].tolist():
        sigma = torch.full_like(sigma, level)
        put_back = torch.polar(data.amplitude.expand(phi.shape), found.angle())
        x = noisy(torch.where(data.known, put_back, found), sigma, data, generator)
        found = denoised(network, x, sigma, data, machine)
    return found


def cosine_at(sigma: float) -> float:
    """Mean cos Δφ of normal complex numbers of variance 1 after noise of variance σ²."""
    rho = 1.0 / math.sqrt(1.0 + sigma**2)
    return math.pi / 4.0 * rho * float(hyp2f1(0.5, 0.5, 2.0, rho**2))


def level_of(cosine: float) -> float:
    """Invert `cosine_at`, within `LEVELS`."""
    if not cosine_at(LEVELS[1]) < cosine < cosine_at(LEVELS[0]):
        raise ValueError(f"phases with a mean cos Δφ of {cosine:.2f} are at none of the levels")
    return float(brentq(lambda sigma: cosine_at(sigma) - cosine, *LEVELS))
