"""The tensors of a network in training, as a checkpoint holds them."""

from collections.abc import Mapping

import torch
from torch import nn

from rephase.errors import UserError
from rephase.train.checkpoints import Tensors
from rephase.train.optimisers import optimiser_tensors, restore_optimiser


def restore_network(
    network: nn.Module,
    average: nn.Module | None,
    optimiser: torch.optim.Optimizer,
    tensors: Mapping[str, Tensors],
) -> None:
    """Put back what `network_tensors` returned.

    Raises
    ------
    UserError
        When the tensors are of another network.
    """
    try:
        network.load_state_dict(dict(tensors["network"]))
        if average is not None:
            average.load_state_dict(dict(tensors["average"]))
        restore_optimiser(optimiser, network, tensors["optimiser"])
    except (KeyError, RuntimeError) as error:
        found = str(error).strip().splitlines()[0]
        raise UserError("a checkpoint of this network", found, "begin another run") from None


def network_tensors(
    network: nn.Module, average: nn.Module | None, optimiser: torch.optim.Optimizer
) -> dict[str, Tensors]:
    """Return the tensors of a network, its optimiser and its average, as a checkpoint holds them."""
    tensors: dict[str, Tensors] = {"network": network.state_dict()}
    tensors["optimiser"] = optimiser_tensors(optimiser, network)
    if average is not None:
        tensors["average"] = average.state_dict()
    return tensors
