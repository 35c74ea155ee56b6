"""Networks in files: the same predictions after reading, and a message for everything that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from rephase.errors import UserError
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig, UNetSEConfig
from rephase.models.weights import HEADER, load_model, save_model

SMALL = [
    UNetConfig(outer=2, inner=3, blocks=1),
    UNetSEConfig(outer=2, inner=4, blocks=1, recycling=True),
    FastUNetConfig(width=8, blocks=1, recycling=True),
]
CELL, D_MIN = torch.tensor([[8.0, 9.0, 10.0, 90.0, 100.0, 90.0]]), torch.tensor([1.5])


@pytest.mark.parametrize("config", SMALL, ids=lambda config: config.kind)
def test_a_network_read_back_predicts_the_same(config: ModelConfig, tmp_path: Path) -> None:
    network = build_model(config)
    maps = torch.randn(1, config.in_channels, 8, 10, 12)
    network(maps, CELL, D_MIN)  # moves the running means, which belong to the weights
    save_model(tmp_path / "weights.safetensors", network, config)
    read, settings = load_model(tmp_path / "weights.safetensors")
    assert settings == config
    assert torch.equal(read(maps, CELL, D_MIN), network.eval()(maps, CELL, D_MIN))


def test_the_same_network_makes_the_same_file(tmp_path: Path) -> None:
    network = build_model(SMALL[0])
    save_model(tmp_path / "one", network, SMALL[0])
    network = network.to(memory_format=torch.channels_last_3d)
    for _ in range(5):
        save_model(tmp_path / "two", network, SMALL[0])
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def header(config: ModelConfig) -> str:
    return json.dumps({"format": 1, "network": config.model_dump()})


def written(path: Path) -> Path:
    save_model(path, build_model(SMALL[0]), SMALL[0])
    return path


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, str]], None]) -> Path:
    """Write a file again after a change to its weights or metadata."""
    tensors = load(written(path).read_bytes())
    metadata = {HEADER: header(SMALL[0])}
    change(tensors, metadata)
    path.write_bytes(save(tensors, metadata))
    return path


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(UserError, match="no file"):
            load_model(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", 64 * b"\xff", b'{"a": 1}'])
def test_files_of_another_kind_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(UserError, match="safetensors"):
        load_model(tmp_path / "weights")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "weights")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="safetensors"):
        load_model(path)


def test_tensors_of_another_program_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(save({"weight": torch.zeros(2)}))
    with pytest.raises(UserError, match="another program"):
        load_model(tmp_path / "weights")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"format": 1, "network": {"kind": "unet", "colour": 1}}', "colour"),
        ('{"format": 1, "network": {"kind": "unet-9"}}', "unet-9"),
        ('{"format": 2, "network": {"kind": "unet"}}', "format"),
        ("[]", "settings"),
        ("{", "JSON"),
    ],
)
def test_settings_of_a_later_version_are_refused(text: str, found: str, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "weights", lambda _, metadata: metadata.update({HEADER: text}))
    with pytest.raises(UserError, match=found):
        load_model(path)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    other = header(UNetConfig(outer=2, inner=3, blocks=2))
    path = rewritten(tmp_path / "weights", lambda _, metadata: metadata.update({HEADER: other}))
    with pytest.raises(UserError, match=r"without features\.1"):
        load_model(path)


def test_wrong_shapes_superfluous_and_infinite_weights_are_named(tmp_path: Path) -> None:
    name = "decoding.3.bias"
    changes: dict[str, Callable[[dict[str, torch.Tensor], dict[str, str]], None]] = {
        r"bias of shape \(2,\)": lambda tensors, _: tensors.update({name: torch.zeros(2)}),
        "bias is not finite": lambda tensors, _: tensors.update({name: torch.full((1,), torch.nan)}),
        "with extra": lambda tensors, _: tensors.update(extra=torch.zeros(1)),
    }
    for found, change in changes.items():
        with pytest.raises(UserError, match=found):
            load_model(rewritten(tmp_path / "weights", change))
