"""What the prior learns from a prediction: how far it is from the truth, at the origin where it fits best."""

import math

import torch
from torch import Tensor

from rephase.models.prior_data import PriorData
from rephase.physics.density import friedel_weights


def loss_of(predicted: Tensor, truth: Tensor, data: PriorData) -> Tensor:
    """Squared error of coefficients over the squared truth, shape ``(states,)``."""
    weight = friedel_weights(data.shape, data.amplitude) * data.within
    error = (predicted - truth).abs().square() * weight
    total = (truth.abs().square() * weight).sum((-3, -2, -1))
    return error.sum((-3, -2, -1)) / total


def cosine_of(predicted: Tensor, truth: Tensor, data: PriorData) -> Tensor:
    """Mean cos Δφ, each reflection counting alike, shape ``(states,)``."""
    weight = friedel_weights(data.shape, data.amplitude) * data.known
    cosine = torch.cos(predicted.angle() - truth.angle())
    return (cosine * weight).sum((-3, -2, -1)) / weight.sum()


def moved_to(truth: Tensor, predicted: Tensor, data: PriorData) -> Tensor:
    """Shift the origin of a crystal so that it fits each prediction best, ``(states, u, v, w//2 + 1)``.

    The highest point of the correlation over all shifts, refined by three Newton steps.
    """
    product = predicted * truth.conj()
    u, v, w = data.shape
    fine = (2 * u, 2 * v, 2 * w)
    padded = _padded(product, fine)
    values = torch.fft.irfftn(padded, s=fine, dim=(-3, -2, -1))
    best = values.flatten(1).argmax(1)
    place = torch.stack([best // (fine[1] * fine[2]), best // fine[2] % fine[1], best % fine[2]], dim=1)
    x = place.to(product.real.dtype) / torch.tensor(fine, device=place.device)
    h = _indices(data.shape).to(place.device)
    weighted = product * friedel_weights(data.shape, product.real)
    for _ in range(3):
        x = x + _newton_step(weighted, h, x)
    angle = -2.0 * math.pi * torch.einsum("si,uvwi->suvw", x, h)
    return truth * torch.polar(torch.ones_like(angle), angle)


def in_nearer_hand(truth: Tensor, predicted: Tensor, data: PriorData) -> tuple[Tensor, Tensor]:
    """Move a crystal or its mirror image to each prediction, whichever is nearer.

    Returns
    -------
    The coefficients, ``(states, u, v, w//2 + 1)``, and whether they are of the mirror image, ``(states,)``.
    """
    own, image = (moved_to(one, predicted, data) for one in (truth, truth.conj()))
    mirrored = loss_of(predicted, image, data) < loss_of(predicted, own, data)
    return torch.where(mirrored[:, None, None, None], image, own), mirrored


def _newton_step(weighted: Tensor, h: Tensor, x: Tensor) -> Tensor:
    """One step up to the maximum of Re Σ F exp(2πi h·x), at most half a point of the grid."""
    angle = 2.0 * math.pi * torch.einsum("si,uvwi->suvw", x, h)
    turned = weighted * torch.polar(torch.ones_like(angle), angle)
    wave = 2.0 * math.pi * h
    slope = -torch.einsum("suvw,uvwi->si", turned.imag, wave)
    bend = -torch.einsum("suvw,uvwi,uvwj->sij", turned.real, wave, wave)
    ridge = 1e-6 * bend.abs().amax() + 1e-12  # a prediction of zero has no maximum
    step = -torch.linalg.solve(bend - ridge * torch.eye(3, device=bend.device), slope)
    limit = 0.25 / h.flatten(0, 2).amax(0).clamp(min=1.0)
    return torch.maximum(torch.minimum(step, limit), -limit)


def _indices(shape: tuple[int, int, int]) -> Tensor:
    u, v, w = shape
    axes = [torch.fft.fftfreq(u, 1.0 / u), torch.fft.fftfreq(v, 1.0 / v), torch.arange(w // 2 + 1.0)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def _padded(F: Tensor, fine: tuple[int, int, int]) -> Tensor:
    """Put coefficients on the half-complex grid of twice as many points; the highest indices are empty."""
    u, v, w = F.shape[-3] // 2, F.shape[-2] // 2, F.shape[-1]
    out = F.new_zeros((len(F), fine[0], fine[1], fine[2] // 2 + 1))
    for rows in (slice(0, u), slice(-u, None)):
        for columns in (slice(0, v), slice(-v, None)):
            out[:, rows, columns, :w] = F[:, rows, columns]
    return out
