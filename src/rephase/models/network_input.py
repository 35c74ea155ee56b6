"""What is known of crystals when their density is to be predicted: nothing of the truth."""

from dataclasses import dataclass

from torch import Tensor

from rephase.data.stream.map_batches import MapBatch


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """Measured data of a batch of crystals in P1.

    Attributes
    ----------
    patterson
        Scaled as in the training of the network, shape ``(batch, nu, nv, nw)``.
    fobs
        Amplitudes in electrons on the half-complex grid ``(batch, nu, nv, nw//2 + 1)``.
    measured
        Where `fobs` holds, bool.
    cell
        Å and degrees, shape ``(batch, 6)``.
    d_min
        Å, shape ``(batch,)``.
    """

    patterson: Tensor
    fobs: Tensor
    measured: Tensor
    cell: Tensor
    d_min: Tensor


def network_input(maps: MapBatch) -> NetworkInput:
    """Take from a batch of simulated crystals what an experiment would tell."""
    data = maps.observation
    return NetworkInput(maps.patterson.values, data.fobs, data.measured, maps.cell, maps.d_min)
