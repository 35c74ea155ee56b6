"""rephase train: what it writes, and what it says where it cannot go on."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from train_process import settings, small_set, written_config

from rephase.cli.main import EXIT_USER, run
from rephase.io.config import read_config
from rephase.logs import Log
from rephase.models.trained import TrainedRange, load_network
from rephase.train import learning_rate_finder, trainer
from rephase.train.checkpoints import StreamRunState, checkpoint_paths, read_checkpoint
from rephase.train.learning_rate_finder import find_learning_rate
from rephase.train.ranks import Ranks
from rephase.train.train_config import TrainConfig
from rephase.train.training_kinds import read_training


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    small_set(folder)
    return written_config(
        folder, epochs=0.25, validation={"examples": 8, "every": 2}, checkpoints={"every": 2}
    )


@pytest.fixture(scope="module")
def finished(config: Path) -> Path:
    folder = config.with_name("finished")
    assert run(["train", str(config), "-o", str(folder)]) == 0
    return folder


def refused(*words: str | Path) -> None:
    assert run(["train", *map(str, words)]) == EXIT_USER


def test_run_folder_holds_all_settings_figures_and_weights(config: Path, finished: Path) -> None:
    assert read_config(TrainConfig, finished / "config.yaml") == read_config(TrainConfig, config)
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    assert [line["step"] for line in lines if "dev/network" in line] == [2, 3]
    assert all(abs(line["dev/amplitudes"]) <= 1.0 for line in lines if "dev/amplitudes" in line)
    record = load_network(finished / "weights.safetensors").record
    assert record.network == settings(config.parent).model
    assert (record.passes, record.name) == (1, None)
    assert record.trained == TrainedRange(
        residues=(1, 3), edges=(16.0, 16.0), angles=(90.0, 90.0), d_min=(2.5, 2.5)
    )


def test_kept_weights_are_the_average_with_the_best_validation(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    scores = {line["step"]: line["dev/network_median"] for line in lines if "dev/network_median" in line}
    best = max(scores, key=scores.__getitem__)
    (path,) = [path for path in checkpoint_paths(finished / "checkpoints") if path.name.endswith(str(best))]
    average = read_checkpoint(path, StreamRunState).tensors["average"]
    kept = load_network(finished / "weights.safetensors").network.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in average.items())


def test_a_run_is_not_begun_over_another(
    config: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(config, "-o", finished)
    assert "--resume" in capsys.readouterr().err
    (tmp_path / "weights.safetensors").write_bytes(b"of somebody")
    refused(config, "-o", tmp_path, "--resume")
    assert "weights.safetensors" in capsys.readouterr().err
    refused(config, "-o", tmp_path / "weights.safetensors")
    assert "is a file" in capsys.readouterr().err


def test_a_run_does_not_go_on_with_other_settings(
    config: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(config, "-o", finished, "--resume", "--set", "optimiser.rate=1e-4")
    assert "other settings of optimiser" in capsys.readouterr().err
    assert run(["train", str(config), "-o", str(finished), "--resume", "--set", "tracking.every=5"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimizer.rate=1", "did you mean optimiser?"),
        ("stream.batchsize=1", "did you mean batch_size?"),
        ("set=nowhere", "the set nowhere"),
        ("model.kind=resnet", "resnet"),
        ("model.recycling=false", "recycling"),
        ("stream.split=test", "never trained on"),
        ("validation.split=test", "none in"),
        ("stream.lanes=100", "lanes"),
    ],
)
def test_what_does_not_fit_is_named(
    config: Path, change: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(config, "-o", tmp_path / "run", "--set", change)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_that_is_not_there_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(config, "-o", tmp_path / "run", "--set", "machine.device=cuda")
    assert "a CUDA device" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_moves_nothing_and_ends_the_run_when_it_stays(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trainer, "density_loss", lambda density, *_: density.mean() * torch.nan)
    changed = written_config_with(config, tmp_path, skip=1, epochs=1.0)
    refused(changed, "-o", tmp_path / "run")
    told = capsys.readouterr()
    assert "step 1 was passed over: loss nan" in told.out
    assert "at step 2, the 2th time in a row" in told.err
    assert not checkpoint_paths(tmp_path / "run" / "checkpoints")


def test_weights_stay_in_a_step_that_is_passed_over(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "density_loss", lambda density, *_: density.mean() * torch.nan)
    assert run(["train", str(config), "-o", str(tmp_path / "run")]) == 0  # three steps, of which ten may fail
    first, last = checkpoint_paths(tmp_path / "run" / "checkpoints")
    before, after = (read_checkpoint(path, StreamRunState) for path in (first, last))
    assert after.state.skipped == 3
    for name, value in after.tensors["network"].items():
        assert torch.equal(before.tensors["network"][name], value)
        assert value.isfinite().all()


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 3 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_named(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(config, "-o", tmp_path / "run")
    assert "free some space" in capsys.readouterr().err
    assert not checkpoint_paths(tmp_path / "run" / "checkpoints")


def test_a_damaged_checkpoint_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config), "-o", str(tmp_path / "run")]) == 0
    (checkpoint_paths(tmp_path / "run" / "checkpoints")[-1] / "network.safetensors").write_bytes(b"")
    refused(config, "-o", tmp_path / "run", "--resume")
    assert "network.safetensors is altered" in capsys.readouterr().err


def test_finder_draws_the_loss_against_the_rate_and_leaves_room_for_the_run(
    config: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    suggested = find_learning_rate(read_config(TrainConfig, config), folder, Log(), Ranks(), steps=12)
    table = json.loads((folder / "learning-rates.json").read_text())
    assert len(table["rates"]) == len(table["losses"]) == 12
    assert table["rates"][0] <= table["suggested"] == suggested <= table["rates"][-1]
    assert (folder / "learning-rates.png").read_bytes().startswith(b"\x89PNG")
    assert run(["train", str(config), "-o", str(folder)]) == 0


def test_finder_repeats_the_changed_settings_in_the_command_that_it_suggests(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(learning_rate_finder, "find_learning_rate", lambda *arguments: 2e-3)
    changes = ["--set", "passes=[0, 1]", "--set", "optimiser.rate=1"]
    assert run(["train", str(config), "--find-lr", "-o", str(tmp_path), *changes]) == 0
    next_command = " ".join(capsys.readouterr().out.split("next: ")[1].split())  # lines are broken
    assert next_command.endswith("--set 'passes=[0, 1]' --set optimiser.rate=2.0e-03")


def test_finder_and_resume_exclude_each_other(config: Path) -> None:
    refused(config, "--find-lr", "--resume")


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[2].glob("configs/train/*.yaml")), ids=lambda p: p.stem
)
def test_settings_that_come_with_the_program_are_valid(path: Path) -> None:
    assert read_training(path).checkpoints.every > 0


def written_config_with(config: Path, folder: Path, **changed: object) -> Path:
    """The same settings with some changed, in another folder."""
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | changed))
    return path


def test_layout_of_the_channels_does_not_change_loss_and_gradient(
    config: Path, finished: Path, tmp_path: Path
) -> None:
    changed = ("--set", "machine.channels_last=true")
    assert run(["train", str(config), "-o", str(tmp_path / "run"), *changed]) == 0
    logs = [folder / "log.jsonl" for folder in (finished, tmp_path / "run")]
    first, other = (json.loads(log.read_text().splitlines()[0]) for log in logs)
    for name in ("loss", "gradient"):  # later steps differ more: Adam makes much of rounding errors
        assert other[name] == pytest.approx(first[name], rel=1e-3)
