"""A stream is the same for its seed however it is run, uses every fragment, and resumes where it was left."""

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_process import CONFIG, figures_of, random_fragments, source

from rephase.data.crystals.placement import placement_of
from rephase.data.crystals.placements import placements_from
from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, draw_crystal
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.examples import draw_example
from rephase.data.stream.fragment_source import FragmentsInMemory, read_molecules
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_state import StreamState, merge_states
from rephase.errors import UserError

GROWING = CONFIG.model_copy(update={"crystal": CrystalRecipe()})


def drawn(stream: BatchStream, batches: int) -> list[dict[str, Any]]:
    return [figures_of(batch) for batch in islice(stream, batches)]


def fitting_rows(config: StreamConfig) -> set[int]:
    """Fragments of the split that fit their crystals in epoch 0, found one by one."""
    whole = source()
    rows = np.flatnonzero(whole.split == 0)
    molecules = read_molecules(whole, rows, stored=False)
    return {
        row
        for row, molecule in zip(rows.tolist(), molecules, strict=True)
        if draw_example(molecule, row, 0, config) is not None
    }


def test_a_seed_repeats_and_another_differs() -> None:
    first, again = (drawn(BatchStream(source(), CONFIG), 12) for _ in range(2))
    assert first == again
    other = drawn(BatchStream(source(), CONFIG.model_copy(update={"seed": 1})), 12)
    assert [batch["rows"] for batch in other] != [batch["rows"] for batch in first]


def test_one_pass_uses_every_fitting_fragment_once() -> None:
    fitting = fitting_rows(CONFIG)
    stream = BatchStream(source(), CONFIG, one_pass=True)
    rows = [row for batch in stream for row in batch.rows.tolist()]
    assert sorted(rows) == sorted(fitting)
    assert stream.rejected == 72 - len(fitting) > 0
    assert list(stream) == []


def test_batches_are_full_and_of_the_split() -> None:
    whole = source()
    for batch in islice(BatchStream(whole, CONFIG), 30):
        assert len(batch) == CONFIG.batch_size
        assert (whole.split[batch.rows] == 0).all()
        assert (batch.own_shapes <= np.array(batch.shape)).all()
        assert (batch.own_shapes.max(axis=0) == np.array(batch.shape)).all()


def test_every_epoch_uses_every_fragment_once() -> None:
    stream = BatchStream(source(), GROWING)
    pairs = Counter(
        (epoch, row)
        for batch in islice(stream, 150)
        for epoch, row in zip(batch.epochs.tolist(), batch.rows.tolist(), strict=True)
    )
    assert set(pairs.values()) == {1}
    for epoch in range(5):
        assert sum(1 for of_epoch, _ in pairs if of_epoch == epoch) == 72


def test_what_is_drawn_for_an_example_does_not_depend_on_lanes_and_batches() -> None:
    def examples(config: StreamConfig) -> dict[int, tuple[float, float]]:
        batches = list(BatchStream(source(), config, one_pass=True))
        return {
            row: (d_min, x)
            for batch in batches
            for row, d_min, x in zip(
                batch.rows.tolist(),
                batch.d_min.tolist(),
                (batch.atoms.xyz_frac * batch.atoms.occupancy[..., None]).double().sum((1, 2)).tolist(),
                strict=True,
            )
        }

    base = examples(CONFIG)
    other = examples(CONFIG.model_copy(update={"lanes": 1, "batch_size": 7, "reservoir": 1}))
    assert base.keys() == other.keys()
    for row, (d_min, x) in base.items():
        assert other[row] == (d_min, pytest.approx(x, abs=1e-9))


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_together_are_the_single_process(ranks: int) -> None:
    alone = drawn(BatchStream(source(), CONFIG), 12)
    each = [drawn(BatchStream(source(), CONFIG, rank=r, ranks=ranks), 12 // ranks) for r in range(ranks)]
    assert [batch for turn in zip(*each, strict=True) for batch in turn] == alone


@given(st.integers(0, 40), st.integers(1, 20), st.booleans())
@settings(max_examples=12)
def test_a_resumed_stream_continues_exactly(taken: int, then: int, one_pass: bool) -> None:
    stream = BatchStream(source(), CONFIG, one_pass=one_pass)
    before = drawn(stream, taken)
    saved = stream.state().model_dump_json()
    expected = drawn(BatchStream(source(), CONFIG, one_pass=one_pass), taken + then)
    resumed = BatchStream(source(), CONFIG, one_pass=one_pass)
    resumed.resume(StreamState.model_validate_json(saved))
    assert before + drawn(resumed, then) == expected
    assert before + drawn(stream, then) == expected


def test_a_run_resumes_on_another_number_of_ranks() -> None:
    expected = drawn(BatchStream(source(), CONFIG), 20)
    pair = [BatchStream(source(), CONFIG, rank=rank, ranks=2) for rank in range(2)]
    for stream in pair:
        drawn(stream, 6)
    whole = merge_states([stream.state() for stream in pair])
    alone = BatchStream(source(), CONFIG)
    alone.resume(whole)
    assert drawn(alone, 8) == expected[12:]
    four = BatchStream(source(), CONFIG, rank=3, ranks=4)
    four.resume(whole)
    assert drawn(four, 2) == [expected[15], expected[19]]


def test_states_that_do_not_belong_are_refused() -> None:
    stream = BatchStream(source(), CONFIG)
    drawn(stream, 3)
    state = stream.state()
    with pytest.raises(UserError, match="d_min differ"):
        BatchStream(source(), CONFIG.model_copy(update={"d_min": (2.0, 2.0)})).resume(state)
    with pytest.raises(UserError, match="the set of fragments"):
        BatchStream(FragmentsInMemory(random_fragments(seed=1), 8), CONFIG).resume(state)
    with pytest.raises(UserError, match="3 turns, for 2 processes"):
        BatchStream(source(), CONFIG, rank=1, ranks=2).resume(state)
    half = BatchStream(source(), CONFIG, rank=0, ranks=2).state()
    with pytest.raises(UserError, match="lane 1 is missing"):
        BatchStream(source(), CONFIG).resume(half)
    with pytest.raises(UserError, match="none has lane 1"):
        merge_states([half])
    with pytest.raises(UserError, match="turn differ"):
        merge_states([half, state])


def test_impossible_streams_are_refused() -> None:
    with pytest.raises(UserError, match="set lanes to a multiple of 3"):
        BatchStream(source(), CONFIG, ranks=3)
    with pytest.raises(UserError, match="9 lanes for 8 shards"):
        BatchStream(source(), CONFIG.model_copy(update={"lanes": 9}))
    with pytest.raises(UserError, match="split test"):
        BatchStream(source(), CONFIG.model_copy(update={"split": "test"}))
    with pytest.raises(UserError, match="a set with crystals"):
        BatchStream(source(), CONFIG.model_copy(update={"crystal": None}))
    small = CONFIG.model_copy(update={"crystal": CrystalRecipe(cell=CubicCell(edge=3.0))})
    with pytest.raises(UserError, match="fragments that fit"):
        next(iter(BatchStream(source(), small)))
    once = BatchStream(source(), small, one_pass=True)
    assert list(once) == []
    assert once.rejected == 72


def test_lanes_follow_the_shards_there_are() -> None:
    config = CONFIG.model_copy(update={"lanes": None})
    assert [BatchStream(source(shards), config).state().lane_count for shards in (1, 3, 8, 30)] == [
        1,
        2,
        8,
        8,
    ]


def test_stored_crystals_are_used_as_they_are() -> None:
    whole = source()
    recipe = CONFIG.model_copy(update={"crystal": CrystalRecipe()})
    rows = np.arange(90)
    molecules = read_molecules(whole, rows, stored=False)
    cells, placements = [], []
    for row, molecule in zip(rows.tolist(), molecules, strict=True):
        model = draw_crystal(
            molecule.xyz_cart, molecule.elements, CrystalRecipe(), np.random.default_rng(row)
        )
        assert model is not None
        cells.append(model.cell.parameters)
        placements.append(placement_of(model, molecule.xyz_cart))
    stored = FragmentsInMemory(whole.fragments, 8, placements_from(placements))
    config = recipe.model_copy(update={"crystal": None})
    for batch in islice(BatchStream(stored, config), 5):
        np.testing.assert_allclose(batch.cell, np.array(cells)[batch.rows], rtol=1e-5)


def test_stored_limits_are_asked_of_a_set_that_has_none() -> None:
    with pytest.raises(UserError, match="resolution limits"):
        BatchStream(source(), CONFIG.model_copy(update={"d_min": None}))
