"""Invariances of the maps that a network is trained on, and of the groups they are batched in."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rephase.data.stream.buckets import own_fraction, shape_buckets
from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.examples import draw_example
from rephase.data.stream.map_batches import MapOptions, PattersonKind, maps_of
from rephase.data.stream.molecules import Molecule
from rephase.data.stream.stream_config import Measurement, StreamConfig
from rephase.physics.cells import resolution_mask
from rephase.physics.degradations import missing_wedge_mask

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(["published", "no-origin", "normalised"])
shape_lists = hnp.arrays(np.int64, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(8, 40))
FEW = settings(max_examples=15)


def random_batch(seed: int, size: int = 2) -> CrystalBatch:
    """Crystals of some atoms in no order, with all the gaps and errors there are."""
    rng = np.random.default_rng(seed)
    measurement = Measurement(
        i_over_sigma_edge=(1.0, 5.0),
        completeness=(0.7, 1.0),
        beam_stop=(10.0, 20.0),
        blind_cone=(0.0, 20.0),
        rotation_range=(100.0, 180.0),
    )
    config = StreamConfig(seed=seed, d_min=(1.8, 2.6), b_spread=0.2, measurement=measurement)
    examples = []
    for row in range(size):
        atoms = int(rng.integers(5, 20))
        symbols = rng.choice(list("CNOS"), size=atoms)
        chain = Molecule(rng.normal(0.0, 4.0, (atoms, 3)), symbols, np.zeros(atoms, np.int16), None)
        example = draw_example(chain, row, 0, config)
        assert example is not None
        examples.append(example)
    return crystal_batch(examples, measurement, seed)


def moved(batch: CrystalBatch, hand: int, shift: tuple[float, float, float]) -> CrystalBatch:
    atoms = replace(batch.atoms, xyz_frac=hand * batch.atoms.xyz_frac + torch.tensor(shift))
    return replace(batch, atoms=atoms)


@given(seeds, kinds, st.sampled_from([1, -1]), st.tuples(*[st.floats(0.0, 1.0, width=32)] * 3))
@FEW
def test_patterson_knows_neither_origin_nor_hand(
    seed: int, kind: PattersonKind, hand: int, shift: tuple[float, float, float]
) -> None:
    batch = random_batch(seed)
    options = MapOptions(patterson=kind, patterson_scale="own-spread")
    here, there = (maps_of(one, options) for one in (batch, moved(batch, hand, shift)))
    torch.testing.assert_close(there.patterson.values, here.patterson.values, rtol=0.0, atol=0.02)
    torch.testing.assert_close(there.observation.fobs, here.observation.fobs, rtol=1e-3, atol=0.05)


@given(seeds, st.tuples(*[st.integers(0, 7)] * 3))
@FEW
def test_density_moves_with_its_atoms(seed: int, steps: tuple[int, int, int]) -> None:
    batch = random_batch(seed)
    shift = tuple(step / n for step, n in zip(steps, batch.shape, strict=True))
    here, there = (maps_of(one).density.values for one in (batch, moved(batch, 1, shift)))
    torch.testing.assert_close(there, here.roll(steps, (1, 2, 3)), rtol=0.0, atol=2e-3)


@given(seeds, kinds)
@FEW
def test_patterson_is_even_also_with_errors_and_gaps(seed: int, kind: PattersonKind) -> None:
    values = maps_of(random_batch(seed), MapOptions(patterson=kind)).patterson.values
    turned = values.flip((1, 2, 3)).roll((1, 1, 1), (1, 2, 3))
    torch.testing.assert_close(turned, values, rtol=0.0, atol=1e-3)


@given(seeds)
@FEW
def test_what_is_measured_lies_within_the_resolution_and_has_its_mate(seed: int) -> None:
    batch = random_batch(seed)
    measured = maps_of(batch).observation.measured
    assert bool((measured <= resolution_mask(batch.cell, batch.shape, batch.d_min)).all())
    plane = measured[..., 0]
    mates = plane.flip((1, 2)).roll((1, 1), (1, 2))
    assert torch.equal(plane, mates)


@given(seeds, st.floats(10.0, 170.0))
@FEW
def test_two_scans_that_follow_each_other_measure_what_one_does(seed: int, degrees: float) -> None:
    batch = random_batch(seed, size=1)
    scan = batch.measurements.scan
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = torch.stack(
        [cosine * scan[:, 0] + sine * scan[:, 1], cosine * scan[:, 1] - sine * scan[:, 0]], 1
    )
    second = torch.cat([turned, scan[:, 2:]], 1)
    first_part = missing_wedge_mask(batch.cell, batch.shape, scan, torch.tensor([degrees]))
    second_part = missing_wedge_mask(batch.cell, batch.shape, second, torch.tensor([180.0 - degrees]))
    assert float((first_part & second_part).float().mean()) < 0.02  # 000 and the common edge
    assert float((first_part | second_part).float().mean()) > 0.99


@given(shape_lists, st.integers(1, 20))
def test_groups_hold_everyone_once_and_are_full_but_for_one(shapes: np.ndarray, size: int) -> None:
    groups = shape_buckets(shapes, size)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(shapes)))
    lengths = sorted(len(group) for group in groups)
    assert lengths[0] == (len(shapes) % size or min(size, len(shapes)))
    assert set(lengths[1:]) <= {size}


@given(shape_lists, st.integers(1, 20), seeds)
def test_groups_waste_no_more_than_one_common_grid(shapes: np.ndarray, size: int, seed: int) -> None:
    groups = shape_buckets(shapes, size)
    grouped = sum(len(group) * int(shapes[group].max(axis=0).prod()) for group in groups)
    assert grouped <= len(shapes) * int(shapes.max(axis=0).prod())
    assert all(0.0 < own_fraction(shapes[group]) <= 1.0 for group in groups)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 1, 4, 0, 3]])
def test_equal_grids_find_each_other(order: list[int]) -> None:
    shapes = np.array([[16, 16, 16], [16, 16, 16], [16, 24, 30], [16, 24, 30], [40, 16, 16], [40, 16, 16]])
    groups = shape_buckets(shapes[order], 2)
    assert [own_fraction(shapes[order][group]) for group in groups] == [1.0, 1.0, 1.0]
