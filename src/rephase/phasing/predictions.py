"""What a network says of a measured crystal: several densities, at the origin that it was shown."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.primitive import PrimitiveSetting
from rephase.io.sequence import Sequence
from rephase.models.network_input import NetworkInput
from rephase.models.settings import predictions_in_settings
from rephase.models.trained import TrainedNetwork
from rephase.phasing.network_choice import outside_training
from rephase.phasing.network_data import measured_input
from rephase.phasing.prepare import PreparedData
from rephase.physics.cells import resolution_mask
from rephase.physics.density import structure_factors_from_density
from rephase.physics.reflection_grid import grid_index, grid_to_hkl

ASKED_IN = 2
"""Settings of the axes: the starts need no more, and each takes as long as forty iterations of the search."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Densities that a network predicts for one crystal.

    Attributes
    ----------
    trained
        The network.
    data
        What it was given, a batch of one.
    maps
        Its densities, one for each setting of the axes, molecule at the centre of the primitive cell, on the
        scale of the network, shape ``(settings, nu, nv, nw)``.
    outside
        In what the crystal differs from those of the training, as sentences; empty if it does not.
    """

    trained: TrainedNetwork
    data: NetworkInput
    maps: Tensor
    outside: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call the network."""
        return self.trained.record.name or "the given network"

    def structure_factors(self, hkl: NDArray[np.int32]) -> NDArray[np.complex128]:
        """Read structure factors of the densities at primitive indices, ``(m, 3)`` → ``(settings, m)``.

        Zero where the network was not shown the resolution.
        """
        shape = (self.maps.shape[1], self.maps.shape[2], self.maps.shape[3])
        F = structure_factors_from_density(self.maps, 1.0)
        F = F * resolution_mask(self.data.cell, shape, self.data.d_min)
        held = np.flatnonzero(np.all(2 * np.abs(hkl) < np.array(shape), axis=1))
        index = grid_index(torch.from_numpy(hkl[held]).to(F.device), shape)
        found = np.zeros((len(F), len(hkl)), dtype=np.complex128)
        found[:, held] = grid_to_hkl(F, index).resolve_conj().cpu().numpy()
        return found


def predict(
    prepared: PreparedData,
    setting: PrimitiveSetting,
    trained: TrainedNetwork,
    device: torch.device,
    settings: int = ASKED_IN,
    sequence: Sequence | None = None,
) -> Predictions:
    """Let a network predict the density of a measured crystal.

    Parameters
    ----------
    prepared
        Measured amplitudes.
    setting
        Primitive cell of the crystal.
    trained
        The network, on the device.
    device
        Where to compute.
    settings
        Number of settings of the axes in which to ask, 1–24.
    sequence
        Content of the asymmetric unit; None where it is not known.

    Raises
    ------
    UserError
        When the grid of the crystal does not suit the network.
    """
    data = measured_input(prepared, setting, trained.record, device)
    maps = predictions_in_settings(trained.network, data, settings, trained.record.passes)
    outside = outside_training(trained.record, prepared, sequence)
    return Predictions(trained, data, maps[0].float(), tuple(outside))
