"""From structures to lists of test crystals, to sets on disk, and back: always the same crystals."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from structure_examples import pdb_text

from rephase.cli.main import run
from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, GrowingCell
from rephase.data.crystals.structure_factors import structure_factors
from rephase.data.fragments import Split
from rephase.data.lists.crystal_lists import (
    Choice,
    CrystalList,
    StructureWindows,
    quick,
    read_list,
    write_list,
)
from rephase.data.lists.list_drawing import draw_list
from rephase.data.lists.listed_crystals import ListedCrystal, crystals_of, sum_of_crystals
from rephase.data.lists.listed_fragments import read_listed
from rephase.data.lists.listed_sets import build_listed_set, stored_crystals
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.structures.build_config import WindowRules
from rephase.errors import UserError
from rephase.physics.structure_factors import structure_factors_at_hkl

# 2AAA has far more windows than the others, 9TRN belongs to training
RESIDUES = {"1AAA": 45, "2AAA": 250, "3AAA": 48, "9TRN": 60}
SPLITS: dict[str, Split] = {"1AAA": "test", "2AAA": "test", "3AAA": "test", "9TRN": "train"}
HEAD = CrystalList(
    name="five",
    split="test",
    source=StructureWindows(windows=WindowRules(length=5, step=5)),
    crystal=CrystalRecipe(),
    d_min=(1.5, 2.0),
    choice=Choice(seed=4, size=12, pool=12),
    entries=(),
)
TABLE = "id\tsplit\n" + "".join(f"{entry.lower()}\t{split}\n" for entry, split in SPLITS.items())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("structures")
    for entry, residues in RESIDUES.items():
        sequence = "".join(np.random.default_rng(residues).choice(list("AAAG"), residues))
        text = pdb_text(entry, sequence).encode()
        (made / f"pdb{entry.lower()}.ent.gz").write_bytes(gzip.compress(text, mtime=0))
    (made / "table.tsv").write_text(TABLE)
    return made


@pytest.fixture(scope="module")
def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.gz"))


@pytest.fixture(scope="module")
def drawn(files: list[Path]) -> CrystalList:
    return draw_list(HEAD, files, SPLITS)[0]


def entries_of(crystals: CrystalList) -> list[str]:
    return [entry.id[:4] for entry in crystals.entries]


def with_choice(**change: object) -> CrystalList:
    assert HEAD.choice is not None
    return HEAD.model_copy(update={"choice": HEAD.choice.model_copy(update=change)})


def same(one: ListedCrystal, other: ListedCrystal) -> bool:
    """Tell whether crystals agree to 0.0001 Å, which float32 of the placement keeps."""
    return (
        (one.id, one.sequence, one.d_min) == (other.id, other.sequence, other.d_min)
        and one.model.spacegroup.xhm() == other.model.spacegroup.xhm()
        and np.array_equal(one.model.elements, other.model.elements)
        and np.allclose(one.model.cell.parameters, other.model.cell.parameters, rtol=1e-6)
        and np.allclose(one.model.xyz_cart, other.model.xyz_cart, atol=1e-4)
    )


def test_the_order_of_the_files_does_not_matter(files: list[Path], drawn: CrystalList) -> None:
    assert draw_list(HEAD, files[::-1], SPLITS)[0] == drawn


def test_only_entries_of_the_split_are_drawn(files: list[Path], drawn: CrystalList) -> None:
    assert set(entries_of(drawn)) == {"1AAA", "2AAA", "3AAA"}
    with pytest.raises(UserError, match="structures of the split val"):
        draw_list(HEAD.model_copy(update={"split": "val"}), files, SPLITS)


def test_large_entries_do_not_dominate(drawn: CrystalList) -> None:
    counts = [entries_of(drawn).count(entry) for entry in ("1AAA", "2AAA", "3AAA")]
    assert counts == [4, 4, 4]


def test_an_entry_less_leaves_the_crystals_of_the_others_as_they_are(
    files: list[Path], drawn: CrystalList
) -> None:
    fewer, _ = draw_list(HEAD, [path for path in files if "3aaa" not in path.name], SPLITS)
    assert {entry for entry in drawn.entries if "3AAA" not in entry.id} < set(fewer.entries)
    assert [entries_of(fewer).count(entry) for entry in ("1AAA", "2AAA")] == [6, 6]


def test_another_seed_draws_others(files: list[Path], drawn: CrystalList) -> None:
    assert set(draw_list(with_choice(seed=5), files, SPLITS)[0].entries) != set(drawn.entries)


def test_the_tightest_are_the_tightest_of_the_pool(files: list[Path]) -> None:
    pool, all_of_them = draw_list(with_choice(size=30, pool=30), files, SPLITS)
    tight, taken = draw_list(with_choice(size=10, pool=30, take="tightest"), files, SPLITS)
    assert set(tight.entries) < set(pool.entries)
    solvent = sorted(solvent_fraction(one.model) for one in all_of_them)
    assert sorted(solvent_fraction(one.model) for one in taken) == solvent[:10]
    places = [pool.entries.index(entry) for entry in tight.entries]
    assert places == sorted(places)  # the order stays random, not by solvent content


def test_a_sequence_is_drawn_once(files: list[Path]) -> None:
    _, every = draw_list(with_choice(size=30, pool=30), files, SPLITS)
    _, once = draw_list(with_choice(sequences="once"), files, SPLITS)
    assert len({one.sequence for one in every}) < 30
    assert len({one.sequence for one in once}) == 12


def test_too_few_fragments_are_told(files: list[Path]) -> None:
    with pytest.raises(UserError, match="lower its pool and size"):
        draw_list(with_choice(size=500, pool=500), files, SPLITS)


def test_fragments_that_touch_in_a_fixed_cell_are_passed_over(files: list[Path]) -> None:
    narrow = HEAD.model_copy(
        update={
            "source": StructureWindows(windows=WindowRules(length=2, step=2, alanine=True)),
            "crystal": CrystalRecipe(cell=CubicCell(edge=9.3)),
        }
    )
    drawn, made = draw_list(narrow, files, SPLITS)
    assert max(entry.seed for entry in drawn.entries) > 12
    assert {one.sequence for one in made} == {"AA"}
    assert all(len(one.model) == 10 for one in made)
    assert min(closest_contact(one.model) for one in made) > 3.45


def test_a_crystal_depends_on_nothing_but_its_entry(files: list[Path], drawn: CrystalList) -> None:
    whole = list(crystals_of(drawn, read_listed(drawn, files)))
    last = drawn.model_copy(update={"entries": drawn.entries[-1:]})
    (alone,) = crystals_of(last, read_listed(last, files))
    assert np.array_equal(alone.model.xyz_frac, whole[-1].model.xyz_frac)
    assert alone.d_min == whole[-1].d_min
    assert sum_of_crystals(whole) == drawn.crystals_sha256


def test_the_sum_notices_any_change(files: list[Path], drawn: CrystalList) -> None:
    whole = list(crystals_of(drawn, read_listed(drawn, files)))
    sums = {sum_of_crystals(whole), sum_of_crystals(whole[::-1]), sum_of_crystals(whole[:-1])}
    for change in ({"d_min": (1.5, 2.001)}, {"crystal": CrystalRecipe(orientation="as-built")}):
        other = drawn.model_copy(update=change)
        sums.add(sum_of_crystals(crystals_of(other, read_listed(other, files))))
    assert len(sums) == 5


@pytest.mark.parametrize("group", ["P 1", "P 1 21 1"])
def test_a_set_holds_the_crystals_of_its_list(files: list[Path], tmp_path: Path, group: str) -> None:
    recipe = CrystalRecipe(cell=GrowingCell(spacegroups=(group,)))
    crystals, made = draw_list(HEAD.model_copy(update={"crystal": recipe}), files, SPLITS)
    build_listed_set(crystals, files, tmp_path / "set")
    opened = FragmentSet.open(tmp_path / "set")
    assert set(opened.manifest["split"].to_pylist()) == {"test"}
    assert set(opened.manifest["source"].to_pylist()) == {f"pdb{n}aaa.ent.gz" for n in (1, 2, 3)}
    assert {entity: len(sequence) for entity, sequence in opened.entity_sequences().items()} == {
        f"{entry}_1": RESIDUES[entry] for entry in ("1AAA", "2AAA", "3AAA")
    }
    stored = list(stored_crystals(opened, [one.id for one in made]))
    assert all(same(one, other) for one, other in zip(made, stored, strict=True))
    assert len({one.d_min for one in stored}) == 12


def test_a_stream_of_the_set_has_the_crystals_of_the_list(
    files: list[Path], tmp_path: Path, drawn: CrystalList
) -> None:
    made = {one.id: one for one in build_listed_set(drawn, files, tmp_path / "set")}
    opened = FragmentSet.open(tmp_path / "set")
    config = StreamConfig(split="test", crystal=None, d_min=None, batch_size=4)
    ids = opened.manifest["id"].to_pylist()
    hkl = np.array([[1, 0, 0], [0, 2, -1], [3, 1, 2], [-2, 4, 1]], np.int32)
    seen = []
    for batch in BatchStream(opened, config, one_pass=True):
        streamed = structure_factors_at_hkl(batch.atoms, batch.cell, torch.tensor(hkl)).numpy()
        limits = batch.d_min.tolist()
        for row, d_min, cell, f in zip(
            batch.rows.tolist(), limits, batch.cell.numpy(), streamed, strict=True
        ):
            seen.append(ids[row])
            model = made[ids[row]].model
            assert d_min == made[ids[row]].d_min
            assert np.allclose(cell, model.cell.parameters, rtol=1e-6)
            assert np.allclose(f, structure_factors(model, hkl), atol=0.01)  # electrons
    assert sorted(seen) == sorted(made)


def test_a_set_that_is_there_is_kept_or_refused(
    files: list[Path], tmp_path: Path, drawn: CrystalList
) -> None:
    made = build_listed_set(drawn, files, tmp_path / "set")
    written = (tmp_path / "set" / "set.json").stat()
    again = build_listed_set(drawn, [], tmp_path / "set")  # nothing is read
    assert (tmp_path / "set" / "set.json").stat() == written
    assert all(same(one, other) for one, other in zip(made, again, strict=True))
    with pytest.raises(UserError, match="exists already"):
        build_listed_set(drawn.model_copy(update={"about": "another"}), files, tmp_path / "set")


def with_another(files: list[Path], text: str, folder: Path) -> list[Path]:
    """Replace the file of 1AAA."""
    folder.mkdir()
    other = folder / "1aaa.pdb"
    other.write_text(text)
    return [other, *(path for path in files if "1aaa" not in path.name)]


def test_a_structure_that_was_changed_is_noticed(
    files: list[Path], tmp_path: Path, drawn: CrystalList
) -> None:
    text = gzip.decompress(next(path for path in files if "1aaa" in path.name).read_bytes()).decode()
    build_listed_set(drawn, with_another(files, text, tmp_path / "same"), tmp_path / "right")
    moved = re.sub(r"(?m)^(ATOM .{7} O .{14})(.{8})", lambda m: f"{m[1]}{float(m[2]) + 0.03:8.3f}", text)
    assert moved != text
    with pytest.raises(UserError, match="SHA-256 sum differs"):
        build_listed_set(drawn, with_another(files, moved, tmp_path / "moved"), tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_missing_and_misnamed_structures_are_named(
    files: list[Path], tmp_path: Path, drawn: CrystalList
) -> None:
    with pytest.raises(UserError, match="the first: 1AAA"):
        read_listed(drawn, [path for path in files if "1aaa" not in path.name])
    text = gzip.decompress(next(path for path in files if "2aaa" in path.name).read_bytes()).decode()
    with pytest.raises(UserError, match="name files by their PDB ids"):
        read_listed(drawn, with_another(files, text, tmp_path / "misnamed"))
    with pytest.raises(UserError, match="one file of 2AAA"):
        read_listed(drawn, [*files, tmp_path / "2aaa.cif"])


def test_the_command_draws_builds_and_keeps(
    folder: Path, tmp_path: Path, drawn: CrystalList, capsys: pytest.CaptureFixture[str]
) -> None:
    lists, table, sets = tmp_path / "lists", str(folder / "table.tsv"), tmp_path / "sets"
    lists.mkdir()
    write_list(lists / "five.json", HEAD)
    command = ["data", "build-tests", str(folder), "--lists", str(lists), "--split", table]
    assert run([*command, "-o", str(sets)]) == 2
    assert "draw it with --draw" in capsys.readouterr().err
    assert run([*command, "--draw"]) == 0
    assert read_list(lists / "five.json") == drawn
    text = (lists / "five.json").read_bytes()
    assert run([*command, "--draw"]) == 0
    assert "changed in" in capsys.readouterr().out
    assert (lists / "five.json").read_bytes() == text
    for _ in range(2):
        assert run([*command, "-o", str(sets)]) == 0
        assert "five" in capsys.readouterr().out
    assert len(FragmentSet.open(sets / "five")) == 12


def test_the_command_refuses_entries_that_are_not_held_out(
    folder: Path, tmp_path: Path, drawn: CrystalList, capsys: pytest.CaptureFixture[str]
) -> None:
    write_list(tmp_path / "five.json", drawn)
    for split in ("train", "val"):
        (tmp_path / "table.tsv").write_text(TABLE.replace("2aaa\ttest", f"2aaa\t{split}"))
        command = ["data", "build-tests", str(folder), "--lists", str(tmp_path), "-o", str(tmp_path / "sets")]
        assert run([*command, "--split", str(tmp_path / "table.tsv")]) == 2
        assert f"2AAA, in the table as {split}" in capsys.readouterr().err
    assert not (tmp_path / "sets").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "--output for the sets, or --draw"),
        (["--draw"], "the table of held-out entries"),
        (["--draw", "-o", "sets"], "--output for the sets, or --draw"),
        (["-o", "sets", "--only", "absent"], "lists of crystals"),
    ],
)
def test_what_is_typed_wrongly_is_told(
    folder: Path, tmp_path: Path, words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "build-tests", str(folder), "--lists", str(tmp_path), *words]) == 2
    assert wanted in capsys.readouterr().err


def test_a_quick_run_makes_the_first_crystals(files: list[Path], drawn: CrystalList) -> None:
    few = quick(drawn.model_copy(update={"entries": drawn.entries[:3]}))
    made = list(crystals_of(few, read_listed(few, files)))
    assert [one.id for one in made] == [entry.id for entry in drawn.entries[:3]]
