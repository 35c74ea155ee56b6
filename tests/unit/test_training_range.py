"""The range of crystals that a file of weights tells: that of the examples which the training draws."""

from typing import Any

import pytest
from fragment_examples import fragments_named, many_ids

from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.fragment_source import FragmentsInMemory
from rephase.data.stream.stream_config import StreamConfig
from rephase.errors import UserError
from rephase.train.training_range import training_range

SOURCE = FragmentsInMemory(fragments_named(many_ids(9), split=0), shards=3)


def stream(**settings: Any) -> StreamConfig:
    return StreamConfig.model_validate({"batch_size": 4, "reservoir": 2, **settings})


def test_every_crystal_of_the_first_epoch_is_inside() -> None:
    config = stream(d_min=(1.6, 2.25), crystal={"cell": {"kind": "growing", "spacegroups": ["P 1", "C 2"]}})
    found = training_range(SOURCE, config)
    cells = [cell for batch in BatchStream(SOURCE, config, one_pass=True) for cell in batch.cell.tolist()]
    edges, angles = ([number for cell in cells for number in cell[part]] for part in (slice(3), slice(3, 6)))
    assert found.edges == pytest.approx((min(edges), max(edges)), rel=1e-6)
    assert found.angles == pytest.approx((min(angles), max(angles)), rel=1e-6)
    assert found.d_min == (1.6, 2.25)
    lengths = [len(sequence) for sequence in SOURCE.fragments.sequence]
    assert found.residues == (min(lengths), max(lengths))
    assert not found.alanine


def test_residues_are_those_cut_out() -> None:
    cell = {"cell": {"kind": "cubic", "edge": 40.0}}
    found = training_range(SOURCE, stream(subwindow={"length": (1, 2), "alanine": True}, crystal=cell))
    assert (found.residues, found.alanine) == ((1, 2), True)
    assert (found.edges, found.angles) == ((40.0, 40.0), (90.0, 90.0))


def test_cells_that_no_fragment_fits_are_told() -> None:
    with pytest.raises(UserError, match="fragments that fit"):
        training_range(SOURCE, stream(crystal={"cell": {"kind": "cubic", "edge": 4.0}}))
