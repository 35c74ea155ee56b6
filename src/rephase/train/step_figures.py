"""What a step of training did, and the gradients it did it with."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StepFigures:
    """What a step did.

    Attributes
    ----------
    loss
        Mean over its batches.
    gradient
        Norm before clipping.
    rate
        Learning rate.
    done
        Whether the weights were moved, which needs a finite loss and gradient.
    """

    loss: float
    gradient: float
    rate: float
    done: bool


def gradients_of(parameters: list[nn.Parameter]) -> list[Tensor]:
    """Return the gradients of weights, zero for one that the loss did not depend on."""
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
