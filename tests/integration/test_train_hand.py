"""Training towards either hand: what counts, and that the judge learns by the way."""

import json
from pathlib import Path

import pytest
import torch
from train_process import settings, small_set

from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.map_batches import maps_of
from rephase.errors import UserError
from rephase.logs import Log
from rephase.models.network_input import network_input
from rephase.models.recycling import density_of_passes, odds_of_hand, predicted_density
from rephase.models.trained import load_network
from rephase.train.hand_examples import LARGEST_ERROR, densities_with_phase_errors
from rephase.train.ranks import Ranks
from rephase.train.run import set_up, train_in_folder
from rephase.train.tracking import LOG

HANDED = {
    "model": {"kind": "unet-fast", "width": 8, "blocks": 1, "maps": 1, "recycling": True, "hand": True},
    "loss": {"square": 0.0, "correlation": 1.0, "hand": "either", "judge": 1.0},
    "average": None,
}


@pytest.mark.parametrize("bf16", [False, True])
def test_network_and_judge_learn_in_one_run(tmp_path: Path, bf16: bool) -> None:
    small_set(tmp_path)
    config = settings(tmp_path, **HANDED, machine={"device": "cpu", "bf16": bf16})
    weights = train_in_folder(config, tmp_path / "run", Log(), Ranks(), resume=False)
    network, before = load_network(weights).network, set_up(config, Ranks()).trainer.network
    assert network.judge is not None
    moved = {
        name for name, value in before.state_dict().items() if not value.equal(network.state_dict()[name])
    }
    assert {"judge.shells", "blocks.0.neighbourhood.weight", "decoding.weight"} <= moved
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    judged = [line for line in lines if "dev/either" in line]
    assert judged
    assert all(line["dev/either"] >= line["dev/network"] for line in judged)
    assert all(0.0 <= line["dev/right_hand"] <= 1.0 for line in judged)


def test_the_judge_can_be_trained_alone(tmp_path: Path) -> None:
    small_set(tmp_path)
    alone = HANDED | {"loss": {"square": 0.0, "judge": 1.0}, "optimiser": {"weight_decay": 0.0}}
    config = settings(tmp_path, **alone, validation={"examples": 0})
    before = set_up(config, Ranks()).trainer.network.state_dict()
    after = load_network(train_in_folder(config, tmp_path / "run", Log(), Ranks(), resume=False)).network
    moved = {name for name, value in after.state_dict().items() if not value.equal(before[name])}
    assert moved
    assert all(name.startswith("judge.") for name in moved)


def test_phase_errors_keep_amplitudes_and_follow_from_the_seed(tmp_path: Path) -> None:
    small_set(tmp_path)
    config = settings(tmp_path, **HANDED)
    batch = next(iter(BatchStream(FragmentSet.open(config.set), config.stream)))
    maps = maps_of(batch, config.maps)
    shown = densities_with_phase_errors(maps, 3)
    assert torch.equal(shown, densities_with_phase_errors(maps, 3))
    true, found = (torch.fft.rfftn(one, dim=(1, 2, 3)) for one in (maps.density.values, shown))
    torch.testing.assert_close(found.abs(), true.abs(), rtol=1e-3, atol=1e-3 * float(true.abs().max()))
    strong = true.abs() > 1e-3 * true.abs().flatten(1).amax(1)[:, None, None, None]
    errors = [(f / t)[s].angle().square().mean().sqrt() for f, t, s in zip(found, true, strong, strict=True)]
    assert all(0.0 < float(error) < 1.3 * LARGEST_ERROR for error in errors)
    assert len({round(float(error), 3) for error in errors}) == len(errors)


def test_the_density_comes_in_the_hand_that_the_judge_finds_likelier(tmp_path: Path) -> None:
    small_set(tmp_path)
    config = settings(tmp_path, **HANDED)
    network = set_up(config, Ranks()).trainer.network.eval()
    batch = next(iter(BatchStream(FragmentSet.open(config.set), config.stream)))
    data = network_input(maps_of(batch, config.maps))
    with torch.no_grad():
        assert network.judge is not None
        either, chosen = density_of_passes(network, data, 1), predicted_density(network, data, 1)
        odds, of_chosen = (odds_of_hand(network.judge, one, data) for one in (either, chosen))
    same = (chosen == either).flatten(1).all(1)
    assert torch.equal(same, odds >= 0.0)
    torch.testing.assert_close(of_chosen, odds.abs(), rtol=1e-2, atol=1e-4)


def test_a_run_can_start_from_the_weights_of_another(tmp_path: Path) -> None:
    small_set(tmp_path)
    trainer = set_up(settings(tmp_path, **HANDED), Ranks()).trainer
    trainer.save_weights(tmp_path / "first.safetensors")
    first = str(tmp_path / "first.safetensors")
    started = set_up(settings(tmp_path, **HANDED, seed=5, start=first), Ranks()).trainer.network
    for name, value in trainer.network.state_dict().items():
        assert value.equal(started.state_dict()[name])
    with pytest.raises(UserError, match="change start or model"):
        set_up(settings(tmp_path, start=first), Ranks())
