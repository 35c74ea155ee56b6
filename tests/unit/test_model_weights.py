"""Networks in files: the same predictions after reading, and a message for everything that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from rephase.errors import UserError
from rephase.models import trained
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig, UNetSEConfig
from rephase.models.trained import (
    NetworkRecord,
    TrainedRange,
    load_network,
    outside_range,
    released_names,
    save_network,
)
from rephase.models.weights import HEADER

SMALL: list[ModelConfig] = [
    UNetConfig(outer=2, inner=3, blocks=1),
    UNetSEConfig(outer=2, inner=4, blocks=1, recycling=True),
    FastUNetConfig(width=8, blocks=1, recycling=True),
]
RANGE = TrainedRange(edges=(8.0, 20.0), angles=(90.0, 110.0), d_min=(1.5, 1.5))
CELL, D_MIN = torch.tensor([[8.0, 9.0, 10.0, 90.0, 100.0, 90.0]]), torch.tensor([1.5])


@pytest.mark.parametrize("config", SMALL, ids=lambda config: config.kind)
def test_a_network_read_back_predicts_the_same(config: ModelConfig, tmp_path: Path) -> None:
    network = build_model(config)
    maps = torch.randn(1, config.in_channels, 8, 10, 12)
    network(maps, CELL, D_MIN)  # moves the running means, which belong to the weights
    save_network(tmp_path / "weights.safetensors", network, record(config))
    read = load_network(tmp_path / "weights.safetensors")
    assert read.record == record(config)
    assert torch.equal(read.network(maps, CELL, D_MIN), network.eval()(maps, CELL, D_MIN))


def test_the_same_network_makes_the_same_file(tmp_path: Path) -> None:
    network = build_model(SMALL[0])
    save_network(tmp_path / "one", network, record(SMALL[0]))
    network = network.to(memory_format=torch.channels_last_3d)
    for _ in range(5):
        save_network(tmp_path / "two", network, record(SMALL[0]))
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def record(config: ModelConfig) -> NetworkRecord:
    return NetworkRecord(network=config, trained=RANGE, examples=1000)


def header(**changed: object) -> str:
    """The record of the first network, as a later version or another hand might have written it."""
    return json.dumps(record(SMALL[0]).model_dump() | changed)


def written(path: Path) -> Path:
    save_network(path, build_model(SMALL[0]), record(SMALL[0]))
    return path


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, str]], None]) -> Path:
    """Write a file again after a change to its weights or metadata."""
    tensors = load(written(path).read_bytes())
    metadata = {HEADER: header()}
    change(tensors, metadata)
    path.write_bytes(save(tensors, metadata))
    return path


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(UserError, match="no file"):
            load_network(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", 64 * b"\xff", b'{"a": 1}'])
def test_files_of_another_kind_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(UserError, match="safetensors"):
        load_network(tmp_path / "weights")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "weights")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="safetensors"):
        load_network(path)


def test_tensors_of_another_program_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(save({"weight": torch.zeros(2)}))
    with pytest.raises(UserError, match="another program"):
        load_network(tmp_path / "weights")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (header(network={"kind": "unet", "colour": 1}), "colour"),
        (header(network={"kind": "unet-9"}), "unet-9"),
        (header(format=2), "format"),
        (header(passes=1), "recycling"),
        (header(trained=RANGE.model_dump() | {"edges": [20.0, 8.0]}), "the smaller first"),
        ('{"format": 1, "network": {"kind": "unet"}}', "trained"),
        ("[]", "settings"),
        ("{", "JSON"),
    ],
)
def test_settings_of_a_later_version_are_refused(text: str, found: str, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "weights", lambda _, metadata: metadata.update({HEADER: text}))
    with pytest.raises(UserError, match=found):
        load_network(path)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    other = header(network=UNetConfig(outer=2, inner=3, blocks=2).model_dump())
    path = rewritten(tmp_path / "weights", lambda _, metadata: metadata.update({HEADER: other}))
    with pytest.raises(UserError, match=r"without features\.1"):
        load_network(path)


def test_wrong_shapes_superfluous_and_infinite_weights_are_named(tmp_path: Path) -> None:
    name = "decoding.3.bias"
    changes: dict[str, Callable[[dict[str, torch.Tensor], dict[str, str]], None]] = {
        r"bias of shape \(2,\)": lambda tensors, _: tensors.update({name: torch.zeros(2)}),
        "bias is not finite": lambda tensors, _: tensors.update({name: torch.full((1,), torch.nan)}),
        "with extra": lambda tensors, _: tensors.update(extra=torch.zeros(1)),
    }
    for found, change in changes.items():
        with pytest.raises(UserError, match=found):
            load_network(rewritten(tmp_path / "weights", change))


def test_a_crystal_of_the_training_is_inside_the_range() -> None:
    inside = record(SMALL[0])
    for cell in ([8.0, 12.0, 20.0, 90.0, 110.0, 90.0], [7.9, 20.3, 20.3, 89.0, 89.0, 111.0]):
        assert outside_range(inside, cell, 1.5) == []


def test_everything_outside_the_range_is_told() -> None:
    found = outside_range(record(SMALL[0]), [7.0, 12.0, 31.0, 90.0, 75.0, 90.0], 2.0)
    assert found == [
        "cell edges 7.00, 31.00 Å, trained on 8.00 to 20.00 Å",
        "cell angle 75.00°, trained on 90.00 to 110.00°",
        "resolution limit 2.00 Å, trained on 1.50 Å",
    ]


def test_what_is_not_a_number_is_outside() -> None:
    assert len(outside_range(record(SMALL[0]), [torch.nan] * 6, torch.nan)) == 3


def test_unknown_names_are_answered_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "released_folder", lambda: tmp_path)
    with pytest.raises(UserError, match="none come with this version"):
        load_network("dialanine")
    for name in ("dipeptide", "dialanine"):
        written(tmp_path / f"{name}.safetensors")
    assert released_names() == ["dialanine", "dipeptide"]
    with pytest.raises(UserError, match=r"dialanine, dipeptide(.|\n)*did you mean dialanine\?"):
        load_network("di-alanine")
    assert load_network("dialanine").record == record(SMALL[0])


def test_a_name_goes_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "released").mkdir()
    monkeypatch.setattr(trained, "released_folder", lambda: tmp_path / "released")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dialanine").write_bytes(b"")
    written(tmp_path / "released" / "dialanine.safetensors")
    assert load_network("dialanine").record == record(SMALL[0])
    for path in ("./dialanine", Path("dialanine")):
        with pytest.raises(UserError, match="as safetensors"):
            load_network(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_are_whole_again_when_read(dtype: torch.dtype, tmp_path: Path) -> None:
    network = build_model(SMALL[1])
    save_network(tmp_path / "weights", network, record(SMALL[1]), dtype)
    read = load_network(tmp_path / "weights").network.state_dict()
    for name, value in network.state_dict().items():
        assert read[name].dtype == value.dtype
        assert torch.allclose(read[name].float(), value.float(), rtol=2.0**-8, atol=1e-7)
