"""A network is given measured data as it was given simulated ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from network_crystals import CELLS, dipeptide, measured, record, simulated

from rephase.crystal.primitive import primitive_setting
from rephase.data.stream.map_batches import MapOptions, maps_of
from rephase.data.stream.stream_config import RateGrid, SpacingGrid
from rephase.errors import UserError
from rephase.models.config import UNetConfig
from rephase.models.network_input import NetworkInput, network_input
from rephase.phasing.network_data import OWN_ANISOTROPY, measured_input
from rephase.phasing.prepare import PreparedData

CPU = torch.device("cpu")


def given(prepared: PreparedData, network=None) -> NetworkInput:
    data = prepared.reflections
    setting = primitive_setting(data.cell, data.spacegroup)
    return measured_input(prepared, setting, network or record(), CPU)


def same_direction(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0))


@pytest.mark.parametrize("group", CELLS)
@pytest.mark.parametrize("grid", [RateGrid(), SpacingGrid()])
def test_a_file_gives_the_input_of_the_training(group: str, grid, tmp_path: Path) -> None:
    model, maps = dipeptide(group), MapOptions()
    wanted = network_input(maps_of(simulated(model, grid), maps))
    network = record(UNetConfig() if isinstance(grid, SpacingGrid) else None, grid=grid)
    found = given(measured(model, tmp_path), network)
    assert torch.equal(found.measured, wanted.measured)
    torch.testing.assert_close(found.cell, wanted.cell)
    assert torch.equal(found.d_min, wanted.d_min)
    torch.testing.assert_close(found.patterson, wanted.patterson, atol=2e-4, rtol=0.0)
    assert same_direction(found.fobs, wanted.fobs) > 1.0 - 1e-6


@pytest.mark.parametrize("patterson", ["no-origin", "normalised"])
def test_other_coefficients_of_the_training_are_made_too(patterson, tmp_path: Path) -> None:
    model, maps = dipeptide(), MapOptions(patterson=patterson)
    wanted = network_input(maps_of(simulated(model, RateGrid()), maps))
    found = given(measured(model, tmp_path), record(UNetConfig(), maps=maps))
    torch.testing.assert_close(found.patterson, wanted.patterson, atol=2e-3, rtol=0.0)


def test_the_scale_of_the_file_does_not_matter(tmp_path: Path) -> None:
    one, other = (given(measured(dipeptide(), tmp_path, scale=scale)) for scale in (1.0, 730.0))
    torch.testing.assert_close(one.fobs, other.fobs, rtol=1e-4, atol=1e-3)


def test_amplitudes_are_in_electrons_within_the_error_of_the_content(tmp_path: Path) -> None:
    model = dipeptide()
    true = network_input(maps_of(simulated(model, RateGrid()), MapOptions())).fobs
    prepared = measured(model, tmp_path, scale=0.01)
    volume = 17.5 * len(model)
    known = replace(prepared, solvent_fraction=1.0 - volume / model.cell.volume)
    ratio = given(known).fobs.square().sum() / true.square().sum()
    assert 0.7 < float(ratio) < 1.4


def test_missing_reflections_are_not_measured(tmp_path: Path) -> None:
    whole, gaps = (given(measured(dipeptide(), tmp_path, missing=n)) for n in (0, 40))
    assert int(whole.measured.sum()) > int(gaps.measured.sum())
    assert not gaps.fobs[~gaps.measured].any()


def test_resolution_beyond_the_training_is_not_shown(tmp_path: Path) -> None:
    sharp, cut = (given(measured(dipeptide(), tmp_path, d_min=d_min)) for d_min in (1.1, 1.5))
    assert torch.equal(sharp.measured, cut.measured)
    torch.testing.assert_close(sharp.patterson, cut.patterson, atol=1e-4, rtol=0.0)


def test_data_without_any_reflection_that_the_network_knows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--weights none"):
        given(measured(dipeptide(), tmp_path), record(d_min=20.0))


@pytest.mark.parametrize(("delta_b", "corrected"), [(OWN_ANISOTROPY - 1, False), (OWN_ANISOTROPY + 1, True)])
def test_only_anisotropy_beyond_a_molecules_own_is_taken_out(delta_b, corrected, tmp_path: Path) -> None:
    prepared = measured(dipeptide(), tmp_path)
    anisotropy = replace(prepared.quality.anisotropy, delta_b=delta_b)
    slope = np.linspace(1.0, 2.0, len(prepared))
    tilted = replace(
        prepared,
        quality=replace(prepared.quality, anisotropy=anisotropy),
        f_isotropic=prepared.reflections.f * slope,
    )
    as_measured = given(replace(tilted, f_isotropic=prepared.reflections.f)).fobs
    assert torch.equal(given(tilted).fobs, as_measured) != corrected
