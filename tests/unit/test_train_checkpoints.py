"""A checkpoint comes back bit by bit, or says what happened to it; a full disk leaves the one before."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_state import LanePlace, StreamState
from rephase.errors import UserError
from rephase.train.checkpoints import (
    Checkpoint,
    StreamRunState,
    checkpoint_paths,
    read_checkpoint,
    write_checkpoint,
)

STREAM = StreamState(
    set_digest="ab",
    config=StreamConfig(),
    one_pass=False,
    lane_count=2,
    turn=6,
    lanes={0: LanePlace(round=1, waiting=(3, 5)), 1: LanePlace(given=2)},
)


def checkpoint(step: int, size: int = 100) -> Checkpoint[StreamRunState]:
    state = StreamRunState(step=step, examples=step * 4, stream=STREAM, best=0.1 + step, skipped=1)
    values = torch.randn(size, generator=torch.Generator().manual_seed(step))
    return Checkpoint(
        state, {"network": {"a.weight": values}, "optimiser": {"a.weight:step": torch.tensor(1.0)}}
    )


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 10 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = checkpoint(7)
    read = read_checkpoint(write_checkpoint(tmp_path / "checkpoints", written), StreamRunState)
    assert read.state.model_dump(exclude={"sha256"}) == written.state.model_dump(exclude={"sha256"})
    assert torch.equal(read.tensors["network"]["a.weight"], written.tensors["network"]["a.weight"])
    assert read.tensors["optimiser"]["a.weight:step"].shape == ()


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (9, 10, 200_000_000):
        write_checkpoint(tmp_path, checkpoint(step), keep=2)
    assert [path.name for path in checkpoint_paths(tmp_path)] == ["step-00000010", "step-200000000"]


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint(1), keep=1)
    with pytest.raises(OSError, match="large"):
        write_checkpoint(tmp_path, checkpoint(2, size=10_000), keep=1)
    (path,) = checkpoint_paths(tmp_path)
    assert read_checkpoint(path, StreamRunState).state.step == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000001"]


def test_what_a_dead_process_left_half_written_is_no_checkpoint(
    tmp_path: Path,
) -> None:
    write_checkpoint(tmp_path, checkpoint(1))
    (tmp_path / "step-00000002.tmp").mkdir()
    (tmp_path / "step-00000002.tmp" / "network.safetensors").write_bytes(b"half")
    assert [path.name for path in checkpoint_paths(tmp_path)] == ["step-00000001"]
    write_checkpoint(tmp_path, checkpoint(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002"]


def test_an_altered_byte_is_detected_by_name(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, checkpoint(1))
    content = bytearray((path / "network.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "network.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"network\.safetensors is altered"):
        read_checkpoint(path, StreamRunState)


@pytest.mark.parametrize("name", ["state.json", "optimiser.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    path = write_checkpoint(tmp_path, checkpoint(1))
    (path / name).unlink()
    with pytest.raises(UserError, match=name):
        read_checkpoint(path, StreamRunState)


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, checkpoint(1))
    (path / "state.json").write_text('{"version": 2}')
    with pytest.raises(UserError, match=r"state\.json: version"):
        read_checkpoint(path, StreamRunState)
