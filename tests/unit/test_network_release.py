"""Released networks: small files that predict as the run did, under names that can be typed."""

from pathlib import Path

import pytest
import torch

from rephase.errors import UserError
from rephase.models import release
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig
from rephase.models.release import release_network
from rephase.models.trained import NetworkRecord, TrainedRange, load_network, save_network

CONFIG = UNetConfig(outer=4, inner=6, blocks=1)
RANGE = TrainedRange(edges=(10.0, 10.0), angles=(90.0, 90.0), d_min=(1.5, 1.5))
CELL, D_MIN = torch.tensor([[10.0, 10.0, 10.0, 90.0, 90.0, 90.0]]), torch.tensor([1.5])


def trained_in(path: Path, config: ModelConfig = CONFIG, scale: float = 1.0) -> Path:
    network = build_model(config)
    network(torch.randn(4, config.in_channels, 16, 16, 16), CELL.expand(4, 6), D_MIN.expand(4))
    for value in network.parameters():
        value.data *= scale
    save_network(path, network, NetworkRecord(network=config, trained=RANGE, examples=7))
    return path


def test_a_release_has_half_the_size_and_predicts_the_same(tmp_path: Path) -> None:
    weights = trained_in(tmp_path / "weights.safetensors")
    path = release_network(weights, "small-one", tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "small-one.safetensors"
    assert path.stat().st_size < 0.55 * weights.stat().st_size
    before, after = load_network(weights), load_network(path)
    assert after.record == before.record.model_copy(update={"name": "small-one"})
    maps = torch.randn(2, 1, 16, 16, 16)
    one, other = (
        loaded.network(maps, CELL.expand(2, 6), D_MIN.expand(2)).detach() for loaded in (before, after)
    )
    assert float((one - other).std() / one.std()) < 2e-3


def test_passes_are_chosen_anew(tmp_path: Path) -> None:
    weights = trained_in(tmp_path / "weights", FastUNetConfig(width=8, blocks=1, recycling=True))
    assert load_network(release_network(weights, "one", tmp_path, passes=3)).record.passes == 3


def test_what_cannot_be_released_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = trained_in(tmp_path / "weights")
    for name in ("", "../out", "Two Words", "UPPER", "-a", "a--b", "a.b"):
        with pytest.raises(UserError, match="a name of lower-case letters"):
            release_network(weights, name, tmp_path)
    for passes in (1, 65, -1):
        with pytest.raises(UserError, match="passes that the network takes"):
            release_network(weights, "one", tmp_path, passes=passes)
    with pytest.raises(UserError, match="below 65504"):
        release_network(trained_in(tmp_path / "large", scale=1e7), "one", tmp_path)
    monkeypatch.setattr(release, "LARGEST", 1000)
    with pytest.raises(UserError, match="train a smaller one"):
        release_network(weights, "one", tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_file_is_replaced_only_when_that_is_wanted(tmp_path: Path) -> None:
    weights = trained_in(tmp_path / "weights")
    (tmp_path / "one.safetensors").write_bytes(b"of somebody")
    with pytest.raises(UserError, match="--force"):
        release_network(weights, "one", tmp_path)
    assert (tmp_path / "one.safetensors").read_bytes() == b"of somebody"
    release_network(weights, "one", tmp_path, force=True)
    assert load_network(tmp_path / "one.safetensors").record.name == "one"
