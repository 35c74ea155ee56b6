"""How good a network is on examples that it is not trained on."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import islice
from statistics import fmean, median

import numpy as np
import torch

from rephase.data.fragments import SPLITS
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.map_batches import MapBatch, maps_of
from rephase.data.stream.stream_config import StreamConfig
from rephase.errors import UserError
from rephase.evaluate.map_pearson import central_box, map_pearson
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.mirror import mirrored
from rephase.models.network import DensityNetwork
from rephase.models.network_input import network_input
from rephase.models.recycling import predicted_density
from rephase.train.precision import reduced_precision
from rephase.train.ranks import Ranks
from rephase.train.train_config import TrainConfig, Validation

RESERVOIR = 4
"""Batches' worth of crystals at hand: enough for a few batches of like grids, and drawn in seconds."""


@dataclass(frozen=True)
class DevFigures:
    """Pearson correlation of predicted and true density of one crystal.

    Attributes
    ----------
    network, network_box
        Of the network's own density, over the whole cell and in the central box of 6 Å.
    amplitudes, amplitudes_box
        The same after the measured amplitudes were put back.
    either
        Of the network's own density or its mirror image, over the whole cell, whichever is higher.
    right_hand
        1 where that is the density as predicted, 0 where it is the mirror image.
    """

    network: float
    network_box: float
    amplitudes: float
    amplitudes_box: float
    either: float
    right_hand: float


def dev_batches(config: TrainConfig) -> list[CrystalBatch]:
    """Draw the examples of the validation, the same for the whole run and for every process.

    A set of its own gives its stored crystals and resolution limits, as far as it has them; what is not
    stored is drawn as in the training.

    Returns
    -------
    As many batches as hold the examples wanted, or all there are.

    Raises
    ------
    UserError
        When the set is missing, or has none of the split.
    """
    wanted = config.validation
    if wanted.examples == 0:
        return []
    source = FragmentSet.open(wanted.set or config.set)
    if not (source.split == SPLITS.index(wanted.split)).any():
        found = f"none in {source.path}"
        do = "set validation.set or validation.split, or validation.examples=0 to go without"
        raise UserError(f"fragments of the split {wanted.split} for the validation", found, do)
    stream = BatchStream(source, _stream_config(config.stream, wanted, source), one_pass=True)
    return list(islice(stream, -(-wanted.examples // config.stream.batch_size)))


def _stream_config(training: StreamConfig, wanted: Validation, source: FragmentSet) -> StreamConfig:
    reservoir = min(training.reservoir, RESERVOIR)
    changed: dict[str, object] = {"split": wanted.split, "lanes": 1, "reservoir": reservoir}
    if wanted.set is not None and source.has_crystals:
        changed |= {"crystal": None, "subwindow": None}
        if not np.isnan(source.d_min[source.split == SPLITS.index(wanted.split)]).any():
            changed["d_min"] = None
    return StreamConfig.model_validate(training.model_dump() | changed)


@torch.no_grad()
def judge(
    network: DensityNetwork, batches: Sequence[CrystalBatch], config: TrainConfig, ranks: Ranks
) -> list[DevFigures]:
    """Predict the densities of all examples, shared among the processes.

    Parameters
    ----------
    network
        In evaluation mode when this returns.
    batches
        From `dev_batches`.
    config
        Settings; every prediction takes as many passes as the training takes at most.
    ranks
        The processes.

    Returns
    -------
    One for each example, in the order of the batches, the same in every process.
    """
    network.eval()
    device = next(network.parameters()).device
    own = [
        _figures(network, maps_of(batch.to(device), config.maps), config)
        for batch in batches[ranks.rank :: ranks.count]
    ]
    shares = ranks.gather(own)
    return [one for i in range(len(batches)) for one in shares[i % ranks.count][i // ranks.count]]


def summary(figures: Sequence[DevFigures]) -> dict[str, float]:
    """Return mean and median of every figure, by names such as ``dev/network_box_median``."""
    names = DevFigures.__dataclass_fields__
    columns = dict(zip(names, zip(*map(astuple, figures), strict=True), strict=True))
    means = {f"dev/{name}": fmean(column) for name, column in columns.items()}
    return means | {f"dev/{name}_median": median(column) for name, column in columns.items()}


def _figures(network: DensityNetwork, maps: MapBatch, config: TrainConfig) -> list[DevFigures]:
    data = network_input(maps)
    with reduced_precision(maps.cell.device, config.machine):
        values = predicted_density(network, data, config.passes[1]).float()
    back = density_with_amplitudes(values, data)
    truth, u_v_w = maps.density.values, values.shape[1:]
    box = central_box(maps.cell, (u_v_w[0], u_v_w[1], u_v_w[2]))
    columns = [map_pearson(one, truth, mask) for one in (values, back) for mask in (None, box)]
    own, other = columns[0], map_pearson(mirrored(values), truth)
    columns += [torch.maximum(own, other), (own >= other).double()]
    return [DevFigures(*row) for row in torch.stack(columns, dim=1).tolist()]
