"""Checking sets: damage, contradictions and leaks are found, and a sound set passes."""

import dataclasses
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from fragment_examples import fragments_named, many_ids
from safetensors.numpy import load_file, save_file

from rephase.cli.main import run
from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.fragments import Fragments
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.leak_check import entity_sequences, joined_windows
from rephase.data.sets.set_check import check_set
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.errors import UserError

TRAIN, VAL, TEST = range(3)


def written(path: Path, fragments: Fragments, **facts: Any) -> Path:
    write_set(path, [SetPart(fragments, **facts)], SetOrigin(command="test"), shard_fragments=16)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "set", fragments_named(many_ids(40), split=TRAIN))


def chains(names: list[str], split: int, sequence: str = "ACDEFGHIKLMNPQRSTVWY") -> Fragments:
    """One fragment for each name, all of the same sequence; only their backbones are there."""
    count = len(names) * len(sequence)
    return Fragments(
        ids=np.array(names),
        sequence=np.array([sequence] * len(names)),
        resolution=np.ones(len(names), np.float32),
        split=np.full(len(names), split, np.uint8),
        offset=np.arange(len(names) + 1) * len(sequence),
        xyz_cart=np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32),
        atom_name=np.full(count, "CA"),
        residue=np.tile(np.arange(len(sequence), dtype=np.int16), len(names)),
    )


def test_a_sound_set_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(folder)]) == 0
    assert "all is well" in capsys.readouterr().out


def test_every_damaged_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("00000", "00002"):
        shard = folder / "shards" / f"{name}.safetensors"
        shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    assert run(["data", "check", str(folder)]) == 2
    told = capsys.readouterr().out
    assert "00000.safetensors" in told
    assert "00002.safetensors" in told
    assert "00001.safetensors" not in told


def test_damaged_sequences_are_named(folder: Path) -> None:
    (folder / "entities.parquet").write_bytes(bytes((folder / "entities.parquet").stat().st_size))
    assert [one.test for one in check_set(folder)] == ["files"]


def test_whole_sequences_decide_where_they_are_known(tmp_path: Path) -> None:
    short = fragments_named(["1ABC_1.pd_1", "2XYZ_1.pd_1"])
    split = dataclasses.replace(short, split=np.array([TRAIN, TEST], np.uint8))
    known = dict.fromkeys(["1ABC_1", "2XYZ_1"], "ACDEFGHIKLMNPQRSTVWY")
    assert run(["data", "check", str(written(tmp_path / "unknown", split))]) == 0
    assert run(["data", "check", str(written(tmp_path / "known", split, sequences=known))]) == 2


def rewrite_manifest(folder: Path, change: Callable[[dict[str, list[Any]]], None]) -> None:
    """Change rows of the manifest so that its sum is right, as a faulty program would."""
    manifest = folder / "manifest.parquet"
    table = pq.read_table(manifest)
    columns = table.to_pydict()
    change(columns)
    pq.write_table(type(table).from_pydict(columns, schema=table.schema), manifest)
    content = manifest.read_bytes()
    record = json.loads((folder / "set.json").read_text())
    record["manifest"] |= {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "set.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("column", "value", "test"),
    [
        ("atoms", 99, "record"),
        ("split", "test", "record"),
        ("sequence", "AAAAAAAAA", "record"),
        ("sequence", "A-", "record"),
        ("id", "nonsense", "ids"),
        ("entry", "9ZZZ", "ids"),
        ("start", 77, "ids"),
    ],
)
def test_a_manifest_that_contradicts_the_rest_is_found(
    folder: Path, column: str, value: object, test: str
) -> None:
    def change(columns: dict[str, list[Any]]) -> None:
        columns[column][3] = value

    rewrite_manifest(folder, change)
    assert test in {found.test for found in check_set(folder)}


def test_swapped_rows_are_found(folder: Path) -> None:
    def swap(columns: dict[str, list[Any]]) -> None:
        atoms = columns["atoms"]
        other = next(row for row in range(16) if atoms[row] != atoms[0])
        for values in columns.values():
            values[0], values[other] = values[other], values[0]

    rewrite_manifest(folder, swap)
    assert {found.test for found in check_set(folder)} == {"shards"}


def rewrite_shard(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the only shard so that its sum is right, as a faulty program would."""
    shard = folder / "shards" / "00000.safetensors"
    tensors = load_file(shard)
    change(tensors)
    save_file(tensors, shard)
    facts = {"sha256": sha256(shard.read_bytes()).hexdigest(), "bytes": shard.stat().st_size}
    record = json.loads((folder / "set.json").read_text())
    record["shards"][0] |= facts
    (folder / "set.json").write_text(json.dumps(record))


@pytest.mark.parametrize("name", ["cell", "spacegroup", "rotation", "centre_frac"])
def test_fragments_that_lack_their_crystals_are_found(tmp_path: Path, name: str) -> None:
    sound = Placement(np.array([30.0, 30, 30, 90, 90, 90]), "P 1", np.array([0.0, 0, 0, 1]), np.zeros(3))
    fragments = fragments_named(["1ABC_1.pd_1", "1ABC_1.pd_11"], split=TRAIN)
    folder = written(tmp_path / "set", fragments, placements=placements_from([sound, sound]))
    rewrite_shard(folder, lambda tensors: tensors.update({name: tensors[name][:1].copy()}))
    assert [one.test for one in check_set(folder)] == ["files"]


def test_offsets_that_go_back_are_found_before_they_are_used(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", fragments_named(many_ids(3), split=TRAIN))

    def go_back(tensors: dict[str, Any]) -> None:
        tensors["offset"] = tensors["offset"][[0, 2, 1, 3]]

    rewrite_shard(folder, go_back)
    assert [one.test for one in check_set(folder)] == ["files"]
    with pytest.raises(UserError, match=r"00000\.safetensors"):
        FragmentSet.open(folder).read([0])


def test_residues_whose_atoms_were_shared_out_wrongly_are_found(tmp_path: Path) -> None:
    fragments = dataclasses.replace(fragments_named(["1ABC_1.pd_1"], split=TRAIN), sequence=np.array(["GG"]))
    atoms = len(fragments.atom_name)
    odd = dataclasses.replace(fragments, residue=np.repeat([0, 1], [atoms - 1, 1]).astype(np.int16))
    assert [one.what for one in check_set(written(tmp_path / "set", odd))] == [
        "shards/00000.safetensors: residues with two atoms of one name"
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cell", np.full(6, np.nan)),
        ("cell", np.array([30.0, 30, 30, 120, 120, 120])),
        ("rotation", np.ones(4)),
        ("spacegroup", "P 99"),
    ],
)
def test_impossible_crystals_are_found(tmp_path: Path, field: str, value: Any) -> None:
    sound = Placement(np.array([30.0, 30, 30, 90, 90, 90]), "P 1", np.array([0.0, 0, 0, 1]), np.zeros(3))
    odd = dataclasses.replace(sound, **{field: value})
    fragments = fragments_named(["1ABC_1.pd_1", "1ABC_1.pd_11"], split=TRAIN)
    assert not check_set(written(tmp_path / "a", fragments, placements=placements_from([sound, sound])))
    found = check_set(written(tmp_path / "b", fragments, placements=placements_from([sound, odd])))
    assert {one.test for one in found} == {"shards"}


def test_what_is_no_set_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(tmp_path / "none")]) == 2
    assert "no such directory" in capsys.readouterr().out


@pytest.mark.parametrize("held_out", [VAL, TEST])
def test_an_entry_that_is_trained_on_and_held_out_is_a_leak(
    tmp_path: Path, held_out: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fragments = fragments_named(["1ABC_1.pd_1", "1ABC_2.pd_1"])
    split = np.array([TRAIN, held_out], np.uint8)
    path = written(tmp_path / "set", dataclasses.replace(fragments, split=split))
    assert run(["data", "check", str(path)]) == 2
    assert "1 entries both trained on and held out: 1ABC" in capsys.readouterr().out


def test_a_leak_between_sets_is_found_whatever_the_case_of_the_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "one", fragments_named(["1ABC_1.pd_1"], split=TRAIN))
    two = written(tmp_path / "two", fragments_named(["1abc_1.pd_31"], split=TEST))
    assert run(["data", "check", str(one)]) == run(["data", "check", str(two)]) == 0
    assert run(["data", "check", str(one), str(two)]) == 2
    assert "1ABC" in capsys.readouterr().out


def test_a_shared_cluster_is_a_leak_within_a_set_alone(tmp_path: Path) -> None:
    for name, split in (("one", TRAIN), ("two", TEST)):
        fragments = fragments_named([f"{split}ABC_1.pd_1"], split=split)
        written(tmp_path / name, fragments, cluster=np.zeros(1, np.int32))
    assert run(["data", "check", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    fragments = fragments_named(["0ABC_1.pd_1", "2ABC_1.pd_1"])
    both = dataclasses.replace(fragments, split=np.array([TRAIN, TEST], np.uint8))
    assert run(["data", "check", str(written(tmp_path / "both", both, cluster=np.zeros(2, np.int32)))]) == 2


@pytest.mark.parametrize("method", ["align", "none"])
def test_the_same_sequence_under_another_id_is_a_leak(
    tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "one", chains(["1ABC_1.pd_1"], TRAIN))
    two = written(tmp_path / "two", chains(["2XYZ_1.pd_1"], TEST))
    assert run(["data", "check", str(one), str(two), "--clusters", method]) == 2
    assert "1ABC_1 ~ 2XYZ_1 (100%)" in capsys.readouterr().out


def test_windows_are_joined_where_they_overlap_and_parted_by_x() -> None:
    assert joined_windows([(11, "DEFG"), (1, "ABCD"), (3, "CDE")]) == "ABCDEXXXXXDEFG"
    assert joined_windows([(1, "ABCD"), (2, "BC")]) == "ABCD"
    assert len(joined_windows([(1, "A"), (2_000_000_000, "A")])) < 100


def test_pieces_too_short_or_too_uniform_say_nothing_of_kinship() -> None:
    ids = ["1AAA_1.pd_1", "2AAA_1.pd_1", "3AAA_1.pd_1"]
    assert set(entity_sequences(ids, ["AA", "A" * 40, "ACDEFGHIKLMNP"])) == {"3AAA_1"}
