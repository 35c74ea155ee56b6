"""Sets on disk: what is written is read back, and no damage goes unnoticed."""

import json
import pickle
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fragment_examples import fragments_named, many_ids

from rephase.data.crystals.placement import Placement
from rephase.data.crystals.placements import placements_from
from rephase.data.fragments import SPLITS, Fragments
from rephase.data.selection import select
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set
from rephase.errors import UserError

ORIGIN = SetOrigin(command="test")
COUNT = 50


@pytest.fixture(scope="module")
def fragments() -> Fragments:
    return fragments_named(many_ids(COUNT))


@pytest.fixture
def folder(tmp_path: Path, fragments: Fragments) -> Path:
    path = tmp_path / "set"
    write_set(path, [SetPart(fragments)], ORIGIN, shard_fragments=16)
    return path


def random_placements(count: int) -> list[Placement]:
    rng = np.random.default_rng(5)
    return [
        Placement(rng.uniform(20, 120, 6), group, rng.normal(size=4), rng.uniform(size=3))
        for _, group in zip(range(count), ["P 1", "P 1 21 1", "P 21 21 21"] * count, strict=False)
    ]


def test_fragments_come_back_in_any_order(folder: Path, fragments: Fragments) -> None:
    opened = FragmentSet.open(folder)
    wanted = np.random.default_rng(0).integers(0, COUNT, 80)
    read = opened.read(wanted)
    originals = {one: i for i, one in enumerate(fragments.ids.tolist())}
    assert opened.manifest["id"].take(wanted).to_pylist() == read.ids.tolist()
    for k, i in enumerate(originals[one] for one in read.ids.tolist()):
        there, here = fragments.atoms_of(i), read.atoms_of(k)
        moved = read.xyz_cart[here].astype(float) - fragments.xyz_cart[there]
        np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-4)
        assert read.atom_name[here].tolist() == fragments.atom_name[there].tolist()
        assert read.residue[here].tolist() == fragments.residue[there].tolist()
        assert (read.sequence[k], read.split[k]) == (fragments.sequence[i], fragments.split[i])
        assert read.resolution[k] == fragments.resolution[i]


def test_every_fragment_is_in_the_set_once(folder: Path, fragments: Fragments) -> None:
    opened = FragmentSet.open(folder)
    assert sorted(opened.manifest["id"].to_pylist()) == sorted(fragments.ids.tolist())
    assert [len(rows) for rows in opened.shard_rows] == [16, 16, 16, 2]
    by_split = [opened.indices_in(split) for split in SPLITS]
    assert sorted(np.concatenate(by_split).tolist()) == list(range(COUNT))
    assert [len(rows) for rows in by_split] == list(opened.record.splits.values())


def test_ids_are_found_and_a_wrong_one_is_answered_with_the_nearest(folder: Path) -> None:
    opened = FragmentSet.open(folder)
    ids = ["0003_1.pd_11", "0000_1.pd_1"]
    assert opened.read(opened.indices_of(ids)).ids.tolist() == ids
    with pytest.raises(UserError, match=r"0003_1\.pd_11"):
        opened.indices_of(["0003_1.pd_12"])
    with pytest.raises(IndexError):
        opened.read([COUNT])
    with pytest.raises(IndexError):
        opened.read([-1])
    assert len(opened.read([])) == 0


def test_bytes_do_not_depend_on_how_the_parts_were_cut(tmp_path: Path, fragments: Fragments) -> None:
    rows = np.random.default_rng(1).permutation(COUNT)
    parts = [SetPart(select(fragments, piece)) for piece in np.array_split(rows, 7)]
    for folder, cut in (("one", [SetPart(fragments)]), ("many", parts)):
        write_set(tmp_path / folder / "set", cut, ORIGIN, shard_fragments=16)
    one, many = (
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (tmp_path / "one", tmp_path / "many")
    )
    assert one == many


def test_a_shard_is_a_random_sample_and_the_seed_draws_another(folder: Path, fragments: Fragments) -> None:
    other = folder.with_name("other")
    write_set(other, [SetPart(fragments)], ORIGIN, shard_fragments=16, seed=1)
    orders = [FragmentSet.open(path).manifest["id"].to_pylist() for path in (folder, other)]
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_stored_crystals_come_back(tmp_path: Path, fragments: Fragments) -> None:
    drawn = random_placements(COUNT)
    by_id = dict(zip(fragments.ids.tolist(), drawn, strict=True))
    write_set(tmp_path / "set", [SetPart(fragments, placements=placements_from(drawn))], ORIGIN)
    opened = FragmentSet.open(tmp_path / "set")
    assert opened.has_crystals
    wanted = [7, 3, 3, 49]
    for one, placement in zip(opened.read(wanted).ids.tolist(), opened.placements(wanted), strict=True):
        assert placement.spacegroup == by_id[one].spacegroup
        for name in ("cell", "rotation", "centre_frac"):
            np.testing.assert_allclose(getattr(placement, name), getattr(by_id[one], name), rtol=1e-7)


def test_a_set_without_crystals_says_so(folder: Path) -> None:
    opened = FragmentSet.open(folder)
    assert not opened.has_crystals
    with pytest.raises(ValueError, match="no crystals"):
        opened.placements([0])


def test_another_process_can_be_given_a_set(folder: Path) -> None:
    opened = FragmentSet.open(folder)
    opened.read([0])
    again = pickle.loads(pickle.dumps(opened))
    assert again.read([0]).ids.tolist() == opened.read([0]).ids.tolist()
    assert again.digest == opened.digest


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def swap_with_the_next(file: Path) -> None:
    other = file.with_name("00002.safetensors")
    content = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(content)


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, swap_with_the_next, Path.unlink])
def test_a_damaged_shard_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "shards" / "00001.safetensors")
    with pytest.raises(UserError, match=r"0000[12]\.safetensors"):
        FragmentSet.open(folder).read(range(COUNT))


def test_undamaged_shards_stay_readable(folder: Path) -> None:
    flip_a_byte(folder / "shards" / "00001.safetensors")
    assert len(FragmentSet.open(folder).read(range(16))) == 16


def test_whole_sequences_come_back_and_their_damage_is_noticed(tmp_path: Path, fragments: Fragments) -> None:
    sequences = {"0001_1": "GASGASGAS", "0000_1": "GAS"}
    write_set(tmp_path / "set", [SetPart(fragments, sequences=sequences)], ORIGIN)
    assert FragmentSet.open(tmp_path / "set").entity_sequences() == sequences
    flip_a_byte(tmp_path / "set" / "entities.parquet")
    with pytest.raises(UserError, match=r"entities\.parquet"):
        FragmentSet.open(tmp_path / "set").entity_sequences()


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, Path.unlink])
def test_a_damaged_manifest_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "manifest.parquet")
    with pytest.raises(UserError, match=r"manifest\.parquet"):
        FragmentSet.open(folder)


def test_an_extra_shard_is_named(folder: Path) -> None:
    shutil.copy(folder / "shards" / "00000.safetensors", folder / "shards" / "00099.safetensors")
    with pytest.raises(UserError, match=r"00099\.safetensors"):
        FragmentSet.open(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": "other"}'])
def test_a_damaged_record_is_named(folder: Path, content: bytes) -> None:
    (folder / "set.json").write_bytes(content)
    with pytest.raises(UserError, match=r"set\.json"):
        FragmentSet.open(folder)


def test_a_set_of_another_version_is_no_damaged_one(folder: Path) -> None:
    record = json.loads((folder / "set.json").read_bytes()) | {"version": 2, "added": "later"}
    (folder / "set.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="found:  one of version 2"):
        FragmentSet.open(folder)


def test_no_set_is_told_from_a_file_and_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "odd" / "set.json").mkdir(parents=True)
    for path in (tmp_path / "none", tmp_path / "file", tmp_path, tmp_path / "odd"):
        with pytest.raises(UserError, match="wanted: the set"):
            FragmentSet.open(path)


def test_an_existing_set_is_kept_without_force(folder: Path, fragments: Fragments) -> None:
    before = (folder / "set.json").read_bytes()
    with pytest.raises(UserError, match="--force"):
        write_set(folder, [SetPart(fragments)], SetOrigin(command="again"))
    assert (folder / "set.json").read_bytes() == before
    write_set(folder, [SetPart(fragments)], SetOrigin(command="again"), force=True)
    assert FragmentSet.open(folder).record.origin.command == "again"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["set"]


def test_force_replaces_nothing_but_sets(tmp_path: Path, fragments: Fragments) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"set\.json"):
        write_set(tmp_path, [SetPart(fragments)], ORIGIN, force=True)
    assert (tmp_path / "thesis.txt").exists()


def test_a_set_cannot_be_put_below_a_file(tmp_path: Path, fragments: Fragments) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "set"):
        with pytest.raises(UserError, match="another"):
            write_set(path, [SetPart(fragments)], ORIGIN)


def test_a_name_of_a_set_that_is_no_utf8_can_be_written_down(tmp_path: Path, fragments: Fragments) -> None:
    odd = tmp_path / "caf\udce9"
    try:
        odd.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    odd.rmdir()
    assert write_set(odd, [SetPart(fragments)], ORIGIN).name == "caf\\xe9"
    assert len(FragmentSet.open(odd)) == COUNT


def test_nothing_appears_under_the_name_when_writing_fails(tmp_path: Path, fragments: Fragments) -> None:
    def parts() -> object:
        yield SetPart(fragments)
        raise RuntimeError("as if the power failed")

    with pytest.raises(RuntimeError):
        write_set(tmp_path / "set", parts(), ORIGIN)
    assert not (tmp_path / "set").exists()
    write_set(tmp_path / "set", [SetPart(fragments)], ORIGIN)
    assert len(FragmentSet.open(tmp_path / "set")) == COUNT


def test_a_set_of_more_parts_than_files_can_be_open(tmp_path: Path, fragments: Fragments) -> None:
    parts = [SetPart(select(fragments, np.array([row]))) for row in range(len(fragments))]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(file.name) for file in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 12, before[1]))
    try:
        record = write_set(tmp_path / "set", parts, ORIGIN)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert record.fragments == len(fragments)


def test_a_set_is_replaced_after_a_run_that_was_killed_while_it_replaced_one(
    folder: Path, fragments: Fragments
) -> None:
    left = folder.with_name(f"{folder.name}.partial") / "replaced"
    left.mkdir(parents=True)
    (left / "set.json").touch()
    write_set(folder, [SetPart(fragments)], ORIGIN, force=True)
    assert not left.parent.exists()
    assert len(FragmentSet.open(folder)) == len(fragments)


def test_two_writers_of_one_set_do_not_mix(tmp_path: Path, fragments: Fragments) -> None:
    def parts() -> object:
        with pytest.raises(UserError, match="another process"):
            write_set(tmp_path / "set", [SetPart(fragments)], ORIGIN)
        yield SetPart(fragments)

    write_set(tmp_path / "set", parts(), ORIGIN)
    assert len(FragmentSet.open(tmp_path / "set")) == COUNT


def test_an_id_that_occurs_twice_is_named(tmp_path: Path) -> None:
    twice = [
        SetPart(fragments_named(["1ABC_1.pd_1", "1ABC_1.pd_11"])),
        SetPart(fragments_named(["1ABC_1.pd_11"])),
    ]
    with pytest.raises(UserError, match=r"1ABC_1\.pd_11 occurs more than once"):
        write_set(tmp_path / "set", twice, ORIGIN)


def test_a_set_has_at_least_one_fragment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one fragment"):
        write_set(tmp_path / "set", [], ORIGIN)
