"""How fast a stream is, how much of the set it uses, and how well its grids fit."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

import numpy as np
import torch

from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.map_batches import MapOptions, maps_of


@dataclass(frozen=True)
class StreamFigures:
    """Figures of some batches of a stream.

    Attributes
    ----------
    examples
        Crystals in these batches.
    examples_per_second
        Crystals drawn, put together and handed over, without maps.
    maps_per_second
        Crystals whose structure factors, Patterson map and density were made.
    used_fraction
        Part of the fragments taken that fitted their crystals; all of those are given out sooner or later.
    own_fraction
        Mean over batches of the part of the voxels that the members' own smallest grids would have.
    own_fraction_of_voxels
        The same over all voxels of all batches.
    well_filled
        Part of the batches in which it is 90 % or more.
    """

    examples: int
    examples_per_second: float
    maps_per_second: float
    used_fraction: float
    own_fraction: float
    own_fraction_of_voxels: float
    well_filled: float


def measure_stream(
    stream: BatchStream,
    batches: int,
    options: MapOptions | None = None,
    device: torch.device | str = "cpu",
    map_batches: int = 8,
) -> StreamFigures:
    """Draw batches and make the maps of some of them.

    Parameters
    ----------
    stream
        The stream; it moves on.
    batches
        Number of batches.
    options
        Which maps.
    device
        Where the maps are made.
    map_batches
        Number of batches, of those drawn last, whose maps are made and timed one after the other.

    Raises
    ------
    ValueError
        When the stream ends before the first batch.
    """
    rejected, started = stream.rejected, perf_counter()
    fractions, voxels, sizes = [], [], []
    last: deque[CrystalBatch] = deque(maxlen=map_batches)
    for batch in islice(stream, batches):
        sizes.append(len(batch))
        fractions.append(batch.own_fraction)
        voxels.append(len(batch) * math.prod(batch.shape))
        last.append(batch)
    seconds = perf_counter() - started
    if not sizes:
        raise ValueError("the stream has no batch left")
    examples = sum(sizes)
    return StreamFigures(
        examples=examples,
        examples_per_second=examples / seconds,
        maps_per_second=_maps_per_second(list(last), options, torch.device(device)),
        used_fraction=examples / (examples + stream.rejected - rejected),
        own_fraction=float(np.mean(fractions)),
        own_fraction_of_voxels=float(np.average(fractions, weights=voxels)),
        well_filled=float(np.mean(np.array(fractions) >= _WELL_FILLED)),
    )


def _maps_per_second(
    batches: Sequence[CrystalBatch], options: MapOptions | None, device: torch.device
) -> float:
    there = [batch.to(device) for batch in batches]
    maps_of(there[0], options)  # plans of the transforms, kernels
    _wait_for(device)
    started = perf_counter()
    for batch in there:
        maps_of(batch, options)
    _wait_for(device)
    return sum(map(len, there)) / (perf_counter() - started)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


_WELL_FILLED = 0.9
