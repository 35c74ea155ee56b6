"""Optimisers by name, and their state as named tensors."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from rephase.errors import UserError
from rephase.io.config import Config

Beta = Annotated[float, Field(ge=0.0, lt=1.0)]


class OptimiserConfig(Config):
    """How gradients move the weights.

    Attributes
    ----------
    kind
        ``adam`` (Kingma & Ba 2015), or ``adamw``, the same with weight decay apart from the gradients
        (Loshchilov & Hutter 2019).
    rate
        Learning rate, which the schedule multiplies; that of the peak where the schedule has one.
    betas
        Decay of the means of gradients and of their squares.
    weight_decay
        Part of every weight that is taken off in a step, times the learning rate; of ``adamw`` alone.
    """

    kind: Literal["adam", "adamw"] = "adamw"
    rate: float = Field(default=1e-3, gt=0.0, le=10.0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0.0, le=10.0)

    @model_validator(mode="after")
    def _decay_is_of_adamw(self) -> "OptimiserConfig":
        if self.kind == "adam" and self.weight_decay > 0.0:
            raise ValueError("weight_decay goes with kind: adamw")
        return self


def build_optimiser(config: OptimiserConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of all weights of a network, on the device of the network."""
    weights = list(network.parameters())
    if config.kind == "adam":
        return torch.optim.Adam(weights, config.rate, config.betas, fused=True)
    decay = config.weight_decay
    return torch.optim.AdamW(weights, config.rate, config.betas, weight_decay=decay, fused=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all weights a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def optimiser_tensors(optimiser: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """Return the state of an optimiser: tensors by the name of the weight and that of the quantity."""
    return {
        f"{weight_name}:{name}": value
        for weight_name, weight in network.named_parameters()
        for name, value in optimiser.state[weight].items()
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, network: nn.Module, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimiser_tensors` returned.

    Raises
    ------
    UserError
        When the tensors are of another network.
    """
    weights = dict(network.named_parameters())
    states: dict[str, dict[str, Tensor]] = {name: {} for name in weights}
    for key, tensor in tensors.items():
        weight_name, _, name = key.rpartition(":")
        fits = weight_name in weights and tensor.shape in (weights[weight_name].shape, torch.Size([]))
        if not fits:
            raise UserError("the state of this network's optimiser", f"{key} of another", "begin another run")
        states[weight_name][name] = tensor
    saved = optimiser.state_dict()
    saved["state"] = {number: state for number, state in enumerate(states.values()) if state}
    optimiser.load_state_dict(saved)
