"""What a network predicts of a batch of crystals, beside what random phases would give."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from rephase.data.stream.map_batches import MapBatch
from rephase.evaluate.map_agreement import TrueMaps
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.network_input import NetworkInput, network_input
from rephase.models.recycling import predicted_density
from rephase.models.settings import predictions_in_settings
from rephase.models.trained import TrainedNetwork
from rephase.physics.density import structure_factors_from_density
from rephase.study.study_config import (
    AMPLITUDES,
    ENSEMBLE,
    ENSEMBLE_AMPLITUDES,
    NETWORK,
    RANDOM,
    StudyConfig,
)

_OF_NOISE = 1  # second word of the seed, so that no other draw of an example depends on it


@dataclass(frozen=True, eq=False)
class FoundMaps:
    """Maps of a batch, found one way or another.

    Attributes
    ----------
    F
        Structure factors, complex128, shape ``(batch, nu, nv, nw//2 + 1)``.
    seconds
        Wall time for each crystal.
    """

    F: Tensor
    seconds: float


def true_maps(maps: MapBatch) -> TrueMaps:
    """Take the truth from simulated crystals."""
    data = maps.observation
    shape = (maps.density.values.shape[1], maps.density.values.shape[2], maps.density.values.shape[3])
    return TrueMaps(data.F.to(torch.complex128), data.measured, maps.cell.double(), shape)


@torch.no_grad()
def predicted_maps(
    trained: TrainedNetwork, maps: MapBatch, rows: Sequence[int], config: StudyConfig
) -> dict[str, FoundMaps]:
    """Predict densities in all the ways that do without phasing.

    Parameters
    ----------
    trained
        The network.
    maps
        The crystals, on the device of the network; their truth is not looked at.
    rows
        Numbers of the fragments in their set: seeds of the random phases, with that of the study.
    config
        Passes, settings and seed.

    Returns
    -------
    By the names of the columns.

    Raises
    ------
    UserError
        When the network cannot take the passes, or the maps do not fit it.
    """
    data = network_input(maps)
    passes = passes_of(trained, config)
    own, seconds = _timed(partial(predicted_density, trained.network, data, passes))
    found = {RANDOM: _with_amplitudes(_noise(rows, config.seed, data), data, 0.0)}
    found[NETWORK] = _found(own, seconds)
    found[AMPLITUDES] = _with_amplitudes(own, data, seconds)
    if config.settings > 1:
        several = partial(predictions_in_settings, trained.network, data, config.settings, passes)
        all_of_them, seconds = _timed(several)
        mean = all_of_them.mean(dim=1)
        found[ENSEMBLE] = _found(mean, seconds)
        found[ENSEMBLE_AMPLITUDES] = _with_amplitudes(mean, data, seconds)
    return found


def passes_of(trained: TrainedNetwork, config: StudyConfig) -> int:
    """Return how often a network is given its own density: as often as wanted, or as its record says."""
    return trained.record.passes if config.passes is None else config.passes


def _timed(predict: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """Return densities and the wall time for each crystal."""
    begin = time.perf_counter()
    density = predict()
    if density.is_cuda:
        torch.cuda.synchronize(density.device)
    return density, (time.perf_counter() - begin) / len(density)


def _found(density: Tensor, seconds: float) -> FoundMaps:
    return FoundMaps(structure_factors_from_density(density.double(), 1.0), seconds)


def _with_amplitudes(density: Tensor, data: NetworkInput, seconds: float) -> FoundMaps:
    return _found(density_with_amplitudes(density, data), seconds)


def _noise(rows: Sequence[int], seed: int, data: NetworkInput) -> Tensor:
    """White noise, whose phases are even over the circle and those of Friedel mates opposite."""
    shape = data.patterson.shape[1:]
    noise = [np.random.default_rng([seed, row, _OF_NOISE]).standard_normal(shape, np.float32) for row in rows]
    return torch.from_numpy(np.stack(noise)).to(data.patterson)
