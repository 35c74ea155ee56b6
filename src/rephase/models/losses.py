"""How far a predicted density is from the true one."""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from rephase.io.config import Config
from rephase.models.mirror import mirrored
from rephase.models.origins import moved_to

_DIMS = (-3, -2, -1)


class LossConfig(Config):
    """Weights of a loss, and what counts as the true density.

    The Patterson U-Net (2023) has 1, 0, 0 for `unet` and 0.999, 0.001, 0 for `unet-se`; RecCrysFormer (2025)
    has 0.9999, 0.00005, 0.00005.

    Attributes
    ----------
    square
        Of the mean square difference.
    correlation
        Of 1 − the Pearson correlation of each map.
    amplitudes
        Of 1 − the Pearson correlation of the amplitudes |FFT| of each map.
    align
        Move every true density first to the origin where it agrees best with the predicted one.
    hand
        ``given``: the true density counts. ``either``: it or its mirror image through the centre of the cell,
        whichever is nearer; the network is then free to find one of the two that the Patterson map allows,
        and needs a judge to tell which.
    judge
        Of the cross entropy of what a judge of the hand says of true densities with phase errors. Alone, it
        trains the judge and leaves the rest of the network as it is.
    """

    square: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    correlation: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    amplitudes: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    align: bool = False
    hand: Literal["given", "either"] = "given"
    judge: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)

    @property
    def of_density(self) -> bool:
        """Whether predicted densities count."""
        return self.square + self.correlation + self.amplitudes > 0.0

    @model_validator(mode="after")
    def _something_counts(self) -> "LossConfig":
        if not (self.of_density or self.judge > 0.0):
            raise ValueError("at least one weight above zero")
        return self


def density_loss(predicted: Tensor, target: Tensor, config: LossConfig) -> Tensor:
    """Compare densities; the mean over the batch.

    Parameters
    ----------
    predicted, target
        Shape ``(batch, u, v, w)``; compared in the precision of the target, also under autocast.
    config
        Weights.

    Returns
    -------
    One number, 0 for equal maps.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    if predicted.shape != target.shape:
        raise ValueError(f"{tuple(predicted.shape)} predicted for {tuple(target.shape)}")
    with torch.autocast(target.device.type, enabled=False):
        predicted = predicted.to(target.dtype)
        loss = _differences(predicted, target, config)
        if config.hand == "either":
            loss = torch.minimum(loss, _differences(predicted, mirrored(target), config))
        return loss.mean()


def _differences(predicted: Tensor, target: Tensor, config: LossConfig) -> Tensor:
    """Compare each density with one of the same hand, shape ``(batch,)``."""
    if config.align:
        target = moved_to(target, predicted)
    loss = config.square * (predicted - target).square().mean(_DIMS)
    if config.correlation:
        loss = loss + config.correlation * (1.0 - map_correlation(predicted, target))
    if config.amplitudes:
        amplitudes = _amplitudes(predicted), _amplitudes(target)
        loss = loss + config.amplitudes * (1.0 - map_correlation(*amplitudes))
    return loss


def hand_loss(odds: Tensor) -> Tensor:
    """Return the cross entropy of what a judge says of densities of the right hand; the mean over the batch.

    The odds of their mirror images are the opposite ones, so these need not be shown.

    Parameters
    ----------
    odds
        Natural logarithms of the odds, shape ``(batch,)``.
    """
    return functional.softplus(-odds).mean()


def map_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson correlation of maps, shape ``(..., u, v, w)`` → ``(...)``; 0 where one is constant."""
    first, second = (one - one.mean(_DIMS, keepdim=True) for one in (first, second))
    return (_with_norm_one(first) * _with_norm_one(second)).sum(_DIMS)


def _with_norm_one(maps: Tensor) -> Tensor:
    square = maps.square().sum(_DIMS, keepdim=True)
    return maps * torch.where(square > 0.0, square, 1.0).rsqrt()


def _amplitudes(density: Tensor) -> Tensor:
    """|FFT| over the whole sphere, shape ``(..., u, v, w)``; the gradient is zero where it is."""
    F = torch.fft.fftn(density, dim=_DIMS)
    square = F.real.square() + F.imag.square()
    present = square > 0.0
    return torch.where(present, torch.where(present, square, 1.0).sqrt(), 0.0)
