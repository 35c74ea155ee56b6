"""Prediction in several passes: the network is given its own density again, with the measured amplitudes."""

import torch
from torch import Tensor

from rephase.data.stream.scaling import scaled_by_own_range
from rephase.errors import UserError
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.network import DensityNetwork
from rephase.models.network_input import NetworkInput


def predicted_density(network: DensityNetwork, data: NetworkInput, passes: int = 0) -> Tensor:
    """Predict densities; gradients flow through the last pass alone.

    Parameters
    ----------
    network
        With two input channels where there are passes; the second is empty at first.
    data
        The measurements.
    passes
        How often, after the first prediction, the network is given the last one.

    Returns
    -------
    As predicted, on the scale of the network, shape ``(batch, nu, nv, nw)``.

    Raises
    ------
    UserError
        When a network without a second channel is to take passes, or the maps do not fit it.
    """
    if network.in_channels == 1:
        if passes:
            found = f"{passes} passes of a network with one channel"
            raise UserError("a network with recycling", found, "set passes to 0, or model.recycling=true")
        density: Tensor = network(data.patterson[:, None], data.cell, data.d_min)
        return density
    known = torch.zeros_like(data.patterson)
    for _ in range(passes):
        with torch.no_grad():
            known = recycled(network(_two_channels(data, known), data.cell, data.d_min), data)
    last: Tensor = network(_two_channels(data, known), data.cell, data.d_min)
    return last


def recycled(density: Tensor, data: NetworkInput) -> Tensor:
    """Return a density as the second channel has it: with measured amplitudes, in [−1, 1]."""
    return scaled_by_own_range(density_with_amplitudes(density, data)).values


def _two_channels(data: NetworkInput, known: Tensor) -> Tensor:
    return torch.stack([data.patterson, known], dim=1)
