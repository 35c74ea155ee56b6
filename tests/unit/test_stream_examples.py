"""What is drawn for an example keeps the molecule, and lies where the settings say."""

import gemmi
import numpy as np
import pytest
import torch
import yaml
from pydantic import ValidationError
from scipy.spatial.distance import pdist
from stream_examples import batch, examples, molecule

from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, GrowingCell
from rephase.data.stream.crystal_batches import crystal_batch
from rephase.data.stream.examples import own_grid
from rephase.data.stream.stream_config import Measurement, RateGrid, SpacingGrid, StreamConfig
from rephase.errors import UserError
from rephase.io.config import dump_config, read_config

P21 = CrystalRecipe(cell=GrowingCell(spacegroups=("P 1 21 1",)))


@pytest.mark.parametrize("recipe", [CrystalRecipe(), P21, CrystalRecipe(cell=CubicCell(edge=30.0))])
def test_rotation_and_cell_leave_the_molecule_as_it_is(recipe: CrystalRecipe) -> None:
    for epoch in range(3):
        for example in examples(StreamConfig(crystal=recipe), epoch):
            xyz = molecule(example.row).xyz_cart
            moved = example.crystal.xyz_cart
            np.testing.assert_allclose(pdist(moved), pdist(xyz), atol=1e-3)
            frames = [points[1:4] - points[0] for points in (xyz, moved)]
            np.testing.assert_allclose(*(np.linalg.det(frame) for frame in frames), rtol=1e-2)


def test_every_copy_of_a_symmetric_crystal_is_there_with_its_b() -> None:
    config = StreamConfig(crystal=P21, b_iso=(10.0, 40.0), b_spread=0.3)
    for example in examples(config):
        atoms = crystal_batch([example], config.measurement, 0).atoms
        here, b = atoms.xyz_frac[0].double(), atoms.b_iso[0]
        there = here * torch.tensor([-1, 1, -1]) + torch.tensor([0.0, 0.5, 0.0])
        apart = here[:, None] - there
        same = (apart - apart.round()).abs().amax(-1) < 1e-5
        assert (same.sum(0) == 1).all()
        assert (b == b[same.float().argmax(1)]).all()
        assert len(b) == 2 * len(example.crystal)


def test_epochs_differ_and_repeat() -> None:
    config = StreamConfig(d_min=(1.4, 2.6))
    first, again, later = examples(config), examples(config), examples(config, epoch=1)
    for one, same, other in zip(first, again, later, strict=True):
        assert one.d_min == same.d_min != other.d_min
        np.testing.assert_array_equal(one.crystal.xyz_frac, same.crystal.xyz_frac)
        assert not np.allclose(one.crystal.xyz_frac, other.crystal.xyz_frac)


def test_resolution_b_and_measurement_stay_in_their_ranges() -> None:
    measurement = Measurement(
        i_over_sigma_edge=(2.0, 3.0), completeness=(0.8, 0.9), beam_stop=(15.0, 30.0), blind_cone=(5.0, 10.0)
    )
    config = StreamConfig(d_min=(1.4, 2.6), b_iso=(10.0, 12.0), measurement=measurement)
    for epoch in range(5):
        for example in examples(config, epoch):
            drawn = example.measurement
            assert 1.4 <= example.d_min <= 2.6
            b = example.crystal.b_iso
            assert 10.0 <= b[0] <= 12.0
            assert (b == b[0]).all()
            assert 2.0 <= drawn.i_over_sigma_edge <= 3.0
            assert 0.8 <= drawn.completeness <= 0.9
            assert 15.0 <= drawn.beam_stop <= 30.0
            assert 5.0 <= drawn.blind_cone <= 10.0
            assert drawn.rotation_range == 180.0
            np.testing.assert_allclose(drawn.scan @ drawn.scan.T, np.eye(3), atol=1e-12)


def test_b_values_within_a_crystal_have_the_asked_mean_and_spread() -> None:
    config = StreamConfig(b_iso=(20.0, 20.0), b_spread=0.4)
    b = np.concatenate([example.crystal.b_iso for epoch in range(60) for example in examples(config, epoch)])
    assert b.mean() == pytest.approx(20.0, rel=0.05)
    assert np.log(b).std() == pytest.approx(0.4, rel=0.1)


def test_grids_follow_rate_and_spacing() -> None:
    cell = gemmi.UnitCell(12, 18, 21, 90, 100, 90)
    assert own_grid(cell, 1.5, 1.0) == (18, 30, 30)
    assert own_grid(cell, 1.5, 1.5) == (24, 36, 48)
    for grid, spacing in ((SpacingGrid(), 0.5), (RateGrid(rate=(3.0, 3.0)), 1.5 / 3.0)):
        for example in examples(StreamConfig(grid=grid)):
            assert (
                np.array(example.crystal.cell.parameters[:3]) / np.array(example.shape) <= spacing + 1e-6
            ).all()
    coarse = examples(StreamConfig())
    fine = examples(StreamConfig(grid=SpacingGrid()))
    assert all(np.prod(a.shape) < np.prod(b.shape) for a, b in zip(coarse, fine, strict=True))


def test_a_batch_has_the_smallest_common_grid_and_all_atoms() -> None:
    config = StreamConfig()
    whole, single = batch(config), examples(config)
    assert whole.shape == tuple(np.array([one.shape for one in single]).max(axis=0))
    assert whole.atoms.occupancy.sum(1).tolist() == [len(one.crystal) for one in single]
    assert whole.own_fraction == pytest.approx(
        np.mean([np.prod(one.shape) for one in single]) / np.prod(whole.shape)
    )
    assert {whole.cell.dtype, whole.d_min.dtype, whole.atoms.xyz_frac.dtype} == {torch.float32}


def test_moving_a_batch_changes_nothing() -> None:
    config = StreamConfig(measurement=Measurement(completeness=(0.5, 0.9)))
    here, there = batch(config), batch(config).to("cpu")
    torch.testing.assert_close(there.atoms.xyz_frac, here.atoms.xyz_frac)
    torch.testing.assert_close(there.measurements.completeness, here.measurements.completeness)
    assert there.measurements.beam_stop is None
    assert there.noise_seed == here.noise_seed


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"d_min": (2.0, 1.5)}, "the smaller first"),
        ({"d_min": (0.0, 1.5)}, "greater than 0"),
        ({"d_min": (0.9, 1.5), "grid": {"kind": "spacing"}}, "d_min of at least 1.0"),
        ({"grid": {"kind": "rate", "rate": (1.9, 2.5)}}, "greater than or equal to 2"),
        ({"measurement": {"completeness": (0.0, 1.0)}}, "greater than 0"),
        ({"measurement": {"blind_cone": (0.0, 90.0)}}, "leave reflections"),
        ({"measurement": {"rotation_range": (0.0, 180.0)}}, "leave reflections"),
        ({"noise": 3}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        StreamConfig.model_validate(settings)


def test_settings_are_read_from_text_and_written_back() -> None:
    changes = ["d_min=[1.4, 2.6]", "grid.kind=rate", "grid.rate=[2.305, 2.745]", "crystal=null"]
    config = read_config(StreamConfig, overrides=changes)
    assert config == StreamConfig(d_min=(1.4, 2.6), grid=RateGrid(rate=(2.305, 2.745)), crystal=None)
    assert StreamConfig.model_validate(yaml.safe_load(dump_config(config))) == config
    with pytest.raises(UserError, match="did you mean measurement"):
        read_config(StreamConfig, overrides=["mesurement.beam_stop=20"])
