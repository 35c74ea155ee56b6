"""Phasing of simulated crystals, with a network and without, as `rephase solve` phases measured ones."""

import time
from dataclasses import dataclass

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.data.crystals.structure_factors import amplitude_sigmas
from rephase.data.stream.map_batches import MapBatch
from rephase.io.observations import Observations
from rephase.models.trained import TrainedNetwork
from rephase.phasing.kept_hand import keep_hand
from rephase.phasing.phase import phase
from rephase.phasing.prepare import PreparedData, prepare
from rephase.physics.cells import Shape
from rephase.physics.reflection_grid import grid_index, grid_to_hkl, hkl_to_grid
from rephase.study.predicted_maps import FoundMaps
from rephase.study.study_config import CLASSICAL, SEEDED, StudyConfig

FloatArray = NDArray[np.float64]

_SIGNAL_AT_EDGE = 1e6
"""⟨I/σ(I)⟩ of data without background, whose σ is then the systematic part alone."""


@dataclass(frozen=True, eq=False)
class SimulatedData:
    """What an experiment would record of one crystal in P1.

    Attributes
    ----------
    hkl
        One of each pair of Friedel mates, shape ``(n, 3)``.
    f
        Amplitudes in electrons, shape ``(n,)``.
    cell
        The cell.
    shape
        Numbers of points ``(nu, nv, nw)`` of the grid of its maps.
    """

    hkl: NDArray[np.int32]
    f: FloatArray
    cell: gemmi.UnitCell
    shape: Shape


def simulated_data(maps: MapBatch, number: int) -> SimulatedData:
    """Take the measured amplitudes of one crystal of a batch."""
    cell = gemmi.UnitCell(*maps.cell[number].double().tolist())
    _, nu, nv, nw = maps.density.values.shape
    hkl = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), float(maps.d_min[number]))
    hkl = np.asarray(hkl, dtype=np.int32)
    hkl = hkl[np.all(2 * np.abs(hkl) < np.array([nu, nv, nw]), axis=1)]
    index = grid_index(torch.from_numpy(hkl), (nu, nv, nw))
    data = maps.observation
    kept = grid_to_hkl(data.measured[number].cpu(), index).numpy()
    f = grid_to_hkl(data.fobs[number].cpu().double(), index).numpy()
    return SimulatedData(hkl[kept], f[kept], cell, (nu, nv, nw))


def prepared_data(data: SimulatedData) -> PreparedData:
    """Prepare simulated amplitudes for phasing, as those of a file would be.

    Raises
    ------
    UserError
        When the crystal has too few reflections.
    """
    inv_d2 = np.asarray(data.cell.calculate_1_d2_array(data.hkl), dtype=np.float64)
    observations = Observations(
        hkl=data.hkl,
        value=data.f,
        sigma=amplitude_sigmas(data.f**2, inv_d2, _SIGNAL_AT_EDGE),
        kind="amplitude",
        labels=("F", "SIGF"),
        cell=data.cell,
        spacegroup=gemmi.SpaceGroup("P 1"),
        source=gemmi.Mtz(),
        free_label=None,
        test_value=None,
        notes=(),
    )
    return prepare(observations)


def phased_maps(
    trained: TrainedNetwork, data: SimulatedData, config: StudyConfig, *, classical: bool
) -> dict[str, FoundMaps]:
    """Phase one crystal with the network, and without it where that is wanted.

    Parameters
    ----------
    trained
        The network.
    data
        The crystal.
    config
        Seed and time limit.
    classical
        Whether to phase without the network too.

    Returns
    -------
    By the names of the columns, batches of one: measured amplitudes with the phases of the hand that is
    given out, at any origin; zero where there is no phase.
    """
    networks = ((CLASSICAL, None), (SEEDED, trained)) if classical else ((SEEDED, trained),)
    device = next(trained.network.parameters()).device
    found = {}
    for name, network in networks:
        begin = time.perf_counter()
        prepared = prepared_data(data)
        solution = phase(
            prepared, seed=config.seed, device=device, time_limit=config.time_limit, network=network
        )
        kept = keep_hand(prepared, solution, seed=config.seed)
        F = _on_grid(prepared, kept.phi, data.shape)
        found[name] = FoundMaps(F, time.perf_counter() - begin)
    return found


def _on_grid(prepared: PreparedData, phi: FloatArray, shape: Shape) -> Tensor:
    reflections = prepared.reflections
    F = torch.from_numpy(reflections.f * np.exp(1j * phi))
    return hkl_to_grid(F, grid_index(torch.from_numpy(reflections.hkl), shape))[None]
