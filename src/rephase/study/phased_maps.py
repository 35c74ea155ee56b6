"""Phasing of simulated crystals, with a network and without, as `rephase solve` phases measured ones."""

import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.data.crystals.structure_factors import amplitude_sigmas
from rephase.data.stream.map_batches import MapBatch
from rephase.io.observations import Observations
from rephase.models.trained import TrainedNetwork
from rephase.phasing.constraints import VOLUME_PER_ATOM
from rephase.phasing.kept_hand import keep_hand
from rephase.phasing.phase import phase
from rephase.phasing.prepare import PreparedData, prepare
from rephase.physics.cells import Shape
from rephase.physics.reflection_grid import grid_index, grid_to_hkl, hkl_to_grid
from rephase.study.predicted_maps import FoundMaps
from rephase.study.study_config import CLASSICAL, SEEDED, StudyConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
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


def one_of(maps: MapBatch, number: int) -> MapBatch:
    """Take one crystal out of a batch, as a batch of one."""
    return _taken(maps, slice(number, number + 1))


def _taken(record: T, rows: slice) -> T:
    """Return a frozen dataclass of tensors with some of their rows, those of records inside it too."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return replace(
        record,
        **{name: one[rows] if isinstance(one, Tensor) else _taken(one, rows) for name, one in values.items()},
    )


def simulated_data(one: MapBatch) -> SimulatedData:
    """Take the measured amplitudes of a batch of one crystal."""
    cell = gemmi.UnitCell(*one.cell[0].double().tolist())
    _, nu, nv, nw = one.density.values.shape
    possible = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), float(one.d_min[0]))
    hkl = np.asarray(possible, dtype=np.int32)
    hkl = hkl[np.all(2 * np.abs(hkl) < np.array([nu, nv, nw]), axis=1)]
    index = grid_index(torch.from_numpy(hkl), (nu, nv, nw))
    kept = grid_to_hkl(one.observation.measured[0].cpu(), index).numpy()
    f = grid_to_hkl(one.observation.fobs[0].cpu().double(), index).numpy()
    return SimulatedData(hkl[kept], f[kept], cell, (nu, nv, nw))


def prepared_data(data: SimulatedData, atoms: int) -> PreparedData:
    """Prepare simulated amplitudes for phasing, as those of a file with its sequence would be.

    Parameters
    ----------
    data
        The crystal.
    atoms
        In the cell; they give the solvent content.

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
    solvent = max(1.0 - VOLUME_PER_ATOM * atoms / data.cell.volume, 0.0)
    prepared = prepare(observations)
    return replace(prepared, solvent_fraction=solvent, solvent_origin="sequence", copies=1)


def phased_maps(
    trained: TrainedNetwork, data: SimulatedData, atoms: int, config: StudyConfig, *, classical: bool
) -> dict[str, FoundMaps]:
    """Phase one crystal with the network, and without it where that is wanted.

    Parameters
    ----------
    trained
        The network.
    data
        The crystal.
    atoms
        In the cell, which a sequence would tell.
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
        prepared = prepared_data(data, atoms)
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
