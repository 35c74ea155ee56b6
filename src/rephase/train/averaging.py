"""A network whose weights are a moving average of those in training."""

import copy
from typing import TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


def average_of(network: N) -> N:
    """Return a copy of a network to average into: in evaluation mode, without gradients."""
    average = copy.deepcopy(network).eval()
    return average.requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the network.

    Parameters
    ----------
    average
        From `average_of`; changed in place.
    network
        The network after step `step`, counted from 1.
    decay
        Weight of the old average; at first less, (1 + step)/(10 + step), so that the random weights of the
        start are soon forgotten (as in TensorFlow's ``ExponentialMovingAverage``).
    """
    old = min(decay, (1.0 + step) / (10.0 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - old)
    for mine, theirs in zip(average.buffers(), network.buffers(), strict=True):
        mine.copy_(theirs)  # running means are averages already
