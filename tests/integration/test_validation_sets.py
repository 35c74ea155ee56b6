"""Validation on a set of its own: its crystals are used as stored, and do not widen the training's range."""

import json
from pathlib import Path

import numpy as np
import pytest
from stream_process import random_fragments
from train_process import SETTINGS, settings, small_set, written_config

from rephase.cli.main import run
from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.data.stream.stream_config import SpacingGrid
from rephase.models.trained import load_network
from rephase.train.validation import dev_batches

CELL = (18.0, 19.0, 20.0, 90.0, 95.0, 90.0)


def stored_set(path: Path, d_min: float | None) -> Path:
    """Write a set whose fragments all lie in the same cell, at its centre."""
    fragments = random_fragments()
    centre, unturned = np.full(3, 0.5), np.array([0.0, 0.0, 0.0, 1.0])
    placements = placements_from([Placement(np.array(CELL), "P 1", unturned, centre)] * len(fragments))
    limits = None if d_min is None else np.full(len(fragments), d_min, np.float32)
    write_set(path, [SetPart(fragments, placements=placements, d_min=limits)], SetOrigin(command="test"))
    return path


def batches_of(folder: Path, path: Path, **stream: object) -> list[CrystalBatch]:
    config = settings(folder, validation={"set": path, "examples": 8})
    return dev_batches(config.model_copy(update={"stream": config.stream.model_copy(update=stream)}))


@pytest.mark.parametrize(("stored", "used"), [(2.75, 2.75), (None, 2.5)])
def test_stored_crystals_and_limits_are_used_as_they_are(
    stored: float | None, used: float, tmp_path: Path
) -> None:
    batches = batches_of(tmp_path, stored_set(tmp_path / "dev", stored))
    assert sum(map(len, batches)) == 8
    for batch in batches:
        assert np.allclose(batch.cell.numpy(), CELL)
        assert np.allclose(batch.d_min.numpy(), used)


def test_fragments_without_crystals_get_those_of_the_training(tmp_path: Path) -> None:
    small_set(tmp_path)
    (first, *_) = batches_of(tmp_path, tmp_path / "set")
    assert np.allclose(first.cell.numpy(), [16.0, 16.0, 16.0, 90.0, 90.0, 90.0])


def test_a_network_judged_by_stored_crystals_tells_the_range_of_its_training(tmp_path: Path) -> None:
    small_set(tmp_path)
    dev = stored_set(tmp_path / "dev", 2.75)
    stream = SETTINGS["stream"] | {"grid": {"kind": "spacing", "spacing": 1.0}}
    validation = {"set": dev, "examples": 8, "every": 1}
    config = written_config(tmp_path, epochs=0.1, validation=validation, stream=stream)
    assert run(["train", str(config), "-o", str(tmp_path / "run")]) == 0
    (line, *_) = [
        json.loads(line)
        for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()
        if "dev/" in line
    ]
    assert -1.0 <= line["dev/network_median"] <= 1.0
    record = load_network(tmp_path / "run" / "weights.safetensors").record
    assert (record.trained.edges, record.trained.d_min) == ((16.0, 16.0), (2.5, 2.5))
    assert record.grid == SpacingGrid(spacing=1.0)
