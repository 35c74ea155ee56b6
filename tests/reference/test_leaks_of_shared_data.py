"""The splits of the fragments and of the whole structures agree, and no similar chain is trained on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rephase.data.fragments import SPLITS
from rephase.data.sets.leak_check import entity_sequences
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.split_table import entry_of, read_split_table
from rephase.data.structures.splits import leaks
from rephase.io.config import read_config

TRAIN = SPLITS.index("train")


@pytest.fixture(scope="module")
def listed(shared: Path) -> dict[str, np.ndarray]:
    """Ids, sequences and splits of fragments15.npz, without the coordinates."""
    with np.load(shared / "data" / "fragments15.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in ("ids", "seq", "split")}


def test_no_entry_is_trained_on_in_one_and_held_out_in_the_other(
    shared: Path, listed: dict[str, np.ndarray]
) -> None:
    structures = read_split_table(shared / "data" / "structures" / "manifest.tsv")
    fragments = {
        entry_of(one): SPLITS[split]
        for one, split in zip(listed["ids"].tolist(), listed["split"].tolist(), strict=True)
    }
    both = structures.keys() & fragments.keys()
    assert len(both) > 100
    assert {entry for entry in both if structures[entry] != fragments[entry]} == set()


def test_the_split_of_the_fragments_leaves_few_similar_chains_which_are_found(
    listed: dict[str, np.ndarray],
) -> None:
    if shutil.which("mmseqs") is None:
        pytest.skip("no mmseqs on PATH: alignment of everything takes a minute")
    trained = listed["split"] == TRAIN
    here, there = (
        entity_sequences(listed["ids"][rows].tolist(), listed["seq"][rows].tolist())
        for rows in (trained, ~trained)
    )
    config = read_config(BuildConfig, None, ["clusters.method=mmseqs"])
    found = leaks(here, there, config)
    # a tropomodulin that is fused to gelsolin in training: 81 % identical over 87 % of its length
    assert ("4PKI_2", "1IO0_1") in {(leak.trained, leak.held_out) for leak in found}
    assert len({leak.trained for leak in found}) < 0.02 * len(here)
    similar = {leak.trained for leak in found}
    left = {name: sequence for name, sequence in here.items() if name not in similar}
    assert leaks(left, there, config) == []
