"""Prediction in several passes: the network is given its own density again, with the measured amplitudes."""

import torch
from torch import Tensor

from rephase.data.stream.scaling import scaled_by_own_range
from rephase.errors import UserError
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.hand_judge import HandJudge
from rephase.models.mirror import mirrored_where
from rephase.models.network import DensityNetwork
from rephase.models.network_input import NetworkInput
from rephase.physics.density import zoom_map

FINER = 2
"""Grid points of the judge per grid point of the network, along each axis: at the Nyquist rate the products
that it looks at are sampled too coarsely, which spreads its odds (LOG.md)."""


def predicted_density(network: DensityNetwork, data: NetworkInput, passes: int = 0) -> Tensor:
    """Predict densities, in the likelier hand where the network has a judge of it.

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
    density = density_of_passes(network, data, passes)
    if network.judge is None:
        return density
    return mirrored_where(odds_of_hand(network.judge, density, data) < 0.0, density)


def density_of_passes(network: DensityNetwork, data: NetworkInput, passes: int) -> Tensor:
    """Predict densities in whichever hand the network finds; gradients flow through the last pass alone.

    Parameters, shape and errors are those of `predicted_density`.
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


def odds_of_hand(judge: HandJudge, density: Tensor, data: NetworkInput) -> Tensor:
    """Judge the hand of densities after the measured amplitudes were put back, on a grid twice as fine.

    Parameters
    ----------
    judge
        Of the network.
    density
        Any scale, shape ``(batch, nu, nv, nw)``; no gradient flows back to it.
    data
        The measurements.

    Returns
    -------
    Natural logarithm of the odds that the hand is right, shape ``(batch,)``.
    """
    measured = density_with_amplitudes(density.detach().float(), data)
    nu, nv, nw = measured.shape[1:]
    odds: Tensor = judge(zoom_map(measured, (FINER * nu, FINER * nv, FINER * nw)), data.cell)
    return odds


def recycled(density: Tensor, data: NetworkInput) -> Tensor:
    """Return a density as the second channel has it: with measured amplitudes, in [−1, 1]."""
    return scaled_by_own_range(density_with_amplitudes(density, data)).values


def _two_channels(data: NetworkInput, known: Tensor) -> Tensor:
    return torch.stack([data.patterson, known], dim=1)
