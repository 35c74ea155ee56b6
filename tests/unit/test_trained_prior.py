"""Priors in files: the same predictions after reading, and a message for everything that is wrong."""

import json
from pathlib import Path

import pytest
import torch
from prior_crystals import SMALL, crystal, prior
from safetensors.torch import load, save

from rephase.errors import UserError
from rephase.models import trained_prior
from rephase.models.build import build_model
from rephase.models.config import DensityPriorConfig, FastUNetConfig
from rephase.models.prior_states import starting_states
from rephase.models.trained import NetworkRecord, TrainedRange, load_network, save_network
from rephase.models.trained_prior import (
    PriorRange,
    PriorRecord,
    load_prior,
    outside_prior_range,
    save_prior,
)
from rephase.models.weights import HEADER

RECORD = PriorRecord(network=SMALL, trained=PriorRange(d_min=(1.4, 2.6), solvent=(0.3, 0.9)), examples=10)


def saved(path: Path, dtype: torch.dtype = torch.float32) -> Path:
    save_prior(path, prior(), RECORD, dtype)
    return path


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 0.0), (torch.float16, 0.01)])
def test_a_prior_read_back_predicts_the_same(dtype: torch.dtype, error: float, tmp_path: Path) -> None:
    data, truth = crystal()
    made = prior()
    save_prior(tmp_path / "prior.safetensors", made, RECORD, dtype)
    read = load_prior(tmp_path / "prior.safetensors")
    assert read.record == RECORD
    assert {parameter.dtype for parameter in read.network.parameters()} == {torch.float32}
    maps = starting_states(data, truth.angle()[None]).maps(data)
    with torch.no_grad():
        expected, found = made(maps, data), read.network(maps, data)
    assert float((found - expected).abs().max()) <= error * float(expected.abs().max())


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    whole, half = saved(tmp_path / "whole"), saved(tmp_path / "half", torch.float16)
    assert half.stat().st_size < 0.65 * whole.stat().st_size


def test_a_released_prior_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "small.safetensors")
    monkeypatch.setattr(trained_prior, "released_priors", lambda: tmp_path)
    assert load_prior("small").record == RECORD
    with pytest.raises(UserError, match="did you mean small"):
        load_prior("smal")


def test_the_file_of_another_network_is_no_prior(tmp_path: Path) -> None:
    config = FastUNetConfig(width=4, blocks=1, maps=1)
    trained = TrainedRange(edges=(8.0, 20.0), angles=(90.0, 90.0), d_min=(1.5, 1.5))
    path = tmp_path / "network.safetensors"
    save_network(path, build_model(config), NetworkRecord(network=config, trained=trained, examples=1))
    with pytest.raises(UserError, match=r"network\.safetensors"):
        load_prior(path)


def test_the_file_of_a_prior_is_no_other_network(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"prior\.safetensors"):
        load_network(saved(tmp_path / "prior.safetensors"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"format": 2}, "format"), ({"examples": -1}, "examples"), ({"unknown": 1}, "unknown")],
)
def test_the_record_of_another_version_is_refused(
    changed: dict[str, int], message: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "prior.safetensors")
    header = json.dumps(RECORD.model_dump() | changed)
    path.write_bytes(save(load(path.read_bytes()), {HEADER: header}))
    with pytest.raises(UserError, match=message):
        load_prior(path)


def test_weights_that_do_not_fit_their_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    wider = RECORD.model_copy(update={"network": DensityPriorConfig(width=16, blocks=2, maps=1)})
    save_prior(path, prior(), wider)
    with pytest.raises(UserError, match="of shape"):
        load_prior(path)


def test_a_missing_or_foreign_file_is_no_prior(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        load_prior(tmp_path / "absent.safetensors")
    (tmp_path / "text").write_text("nothing")
    with pytest.raises(UserError, match="safetensors"):
        load_prior(tmp_path / "text")


@pytest.mark.parametrize(
    ("d_min", "outside"), [(1.4, False), (1.39, False), (2.63, False), (1.2, True), (3.0, True)]
)
def test_a_resolution_that_a_prior_has_not_seen_is_told(d_min: float, outside: bool) -> None:
    told = outside_prior_range(RECORD, d_min)
    assert bool(told) == outside
    if outside:
        assert f"{d_min:.2f}" in told[0]
