"""Crystals of a few random dipeptides, and networks that know their density, for tests of studies."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.fragments import SPLITS
from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.data.stream.map_batches import maps_of
from rephase.data.stream.stream_config import RateGrid
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig
from rephase.models.mirror import mirrored
from rephase.models.network import DensityNetwork
from rephase.models.trained import NetworkRecord, TrainedNetwork, TrainedRange
from rephase.study.study_set import StudySet, batches_of, read_examples

EDGES = (9.0, 10.0)
"""Å, in turn."""
D_MIN = 2.0


def study_folder(path: Path, count: int = 6, d_min: float | None = D_MIN, crystals: bool = True) -> Path:
    """Write a set of dipeptides at the centres of cubic cells, all of the test split."""
    (fragments,) = random_peptides(PeptideConfig(length=(2, 2), test=1.0), count, seed=1)
    assert set(fragments.split.tolist()) == {SPLITS.index("test")}
    centre, unturned = np.full(3, 0.5), np.array([0.0, 0.0, 0.0, 1.0])
    cells = [np.array([EDGES[i % 2]] * 3 + [90.0] * 3) for i in range(count)]
    placements = placements_from([Placement(cell, "P 1", unturned, centre) for cell in cells])
    limits = None if d_min is None else np.full(count, d_min, np.float32)
    part = SetPart(fragments, placements=placements if crystals else None, d_min=limits)
    write_set(path, [part], SetOrigin(command="test"))
    return path


def record() -> NetworkRecord:
    """Return the record of an untrained network."""
    limits = TrainedRange(residues=(2, 2), edges=EDGES, angles=(90.0, 90.0), d_min=(D_MIN, D_MIN))
    network = FastUNetConfig(width=4, blocks=1, maps=1, recycling=True)
    return NetworkRecord(name="small", network=network, passes=1, trained=limits, examples=0)


def untrained() -> TrainedNetwork:
    """Return a small network that knows nothing."""
    torch.manual_seed(0)
    return TrainedNetwork(build_model(record().network).eval(), record())


class Oracle(DensityNetwork):
    """Looks the density up by the Patterson map; in the wrong hand where wanted."""

    def __init__(self, study_set: StudySet, *, wrong_hand: bool = False) -> None:
        super().__init__(in_channels=1)
        self.register_parameter("unused", torch.nn.Parameter(torch.zeros(1)))
        self.known: list[tuple[Tensor, Tensor]] = []
        for _, batch in batches_of(read_examples(study_set, RateGrid())):
            maps = maps_of(batch)
            density = maps.density.values
            density = mirrored(density) if wrong_hand else density
            self.known += list(zip(maps.patterson.values, density, strict=True))

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        """Return the density whose Patterson map is nearest."""
        return torch.stack([self._density(one) for one in maps[:, 0]])

    def _density(self, patterson: Tensor) -> Tensor:
        fitting = [known for known in self.known if known[0].shape == patterson.shape]
        distance = [float((known[0] - patterson).abs().max()) for known in fitting]
        return fitting[int(np.argmin(distance))][1]


def oracle(study_set: StudySet, *, wrong_hand: bool = False) -> TrainedNetwork:
    """Return a network that knows every density of a set, or its inverse."""
    alone = record().model_copy(update={"passes": 0})
    return TrainedNetwork(Oracle(study_set, wrong_hand=wrong_hand).eval(), alone)
