"""Lists of test crystals: what the fixed ones promise, and files that are none."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, GrowingCell
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.lists.crystal_lists import (
    QUICK,
    CrystalList,
    FragmentFile,
    ListEntry,
    StructureWindows,
    quick,
    read_list,
    read_lists,
    write_list,
)
from rephase.errors import UserError

SETS = Path(__file__).resolve().parents[2] / "benchmarks" / "sets"
PAPERS = (
    *("dialanine-20", "dialanine-10", "dipeptide-12"),
    *("p15-const", "p15-var", "p15-tight", "p15-p21"),
)
STARTS = ("p15-wide", "p15-tight-start")
ENTRIES = (ListEntry(id="1ABC_1.pd_1", seed=3), ListEntry(id="2XYZ_1_7", seed=0))
TWO = CrystalList(
    name="two",
    split="val",
    source=FragmentFile(file="f.npz"),
    crystal=CrystalRecipe(),
    d_min=(1.5, 2.0),
    entries=ENTRIES,
)


def entries_of(crystals: CrystalList) -> set[str]:
    return {parse_fragment_id(entry.id).entry for entry in crystals.entries}


def test_every_fixed_list_has_a_twin_to_choose_by() -> None:
    names = {path.stem for path in SETS.glob("*.json")}
    assert names == {prefix + name for prefix in ("", "dev-") for name in (*PAPERS, *STARTS)}
    for name in (*PAPERS, *STARTS):
        test, val = read_list(SETS / f"{name}.json"), read_list(SETS / f"dev-{name}.json")
        assert (test.split, val.split) == ("test", "val")
        assert test.source == val.source
        assert test.crystal == val.crystal
        assert test.d_min == val.d_min


@pytest.mark.parametrize("prefix", ["", "dev-"])
@pytest.mark.parametrize("name", PAPERS)
def test_sets_of_the_papers_have_their_sizes(name: str, prefix: str) -> None:
    crystals = read_list(SETS / f"{prefix}{name}.json")
    assert len(crystals.entries) == (300 if prefix else 1000)
    assert crystals.choice is not None
    assert crystals.choice.size == len(crystals.entries)
    assert len(crystals.crystals_sha256) == 64
    assert len(entries_of(crystals)) > 20


@pytest.mark.parametrize("name", [prefix + name for prefix in ("", "dev-") for name in STARTS])
def test_a_set_of_starts_lists_forty_fragments_of_different_entries(name: str) -> None:
    assert (
        len(read_list(SETS / f"{name}.json").entries)
        == len(entries_of(read_list(SETS / f"{name}.json")))
        == 40
    )


def test_no_entry_is_in_sets_of_both_splits() -> None:
    held: dict[str, set[str]] = {"val": set(), "test": set()}
    for crystals in read_lists(SETS):
        held[crystals.split] |= entries_of(crystals)
    assert not held["val"] & held["test"]


def test_sets_of_starts_share_no_entry() -> None:
    names = [prefix + name for prefix in ("", "dev-") for name in STARTS]
    assert len(set().union(*(entries_of(read_list(SETS / f"{name}.json")) for name in names))) == 160


@pytest.mark.parametrize("prefix", ["", "dev-"])
def test_the_tight_set_is_taken_from_the_pool_of_the_variable_one(prefix: str) -> None:
    var, tight = (read_list(SETS / f"{prefix}{name}.json") for name in ("p15-var", "p15-tight"))
    assert var.choice is not None
    assert tight.choice == var.choice.model_copy(update={"take": "tightest"})
    assert tight.choice.pool == 3 * tight.choice.size
    common = {entry.id for entry in var.entries} & {entry.id for entry in tight.entries}
    assert 0.25 < len(common) / len(var.entries) < 0.42  # a third, as a random sample of the pool has it
    assert {entry for entry in var.entries if entry.id in common} == {
        entry for entry in tight.entries if entry.id in common
    }


def test_sets_of_the_papers_have_their_crystals() -> None:
    recipes = {name: read_list(SETS / f"{name}.json") for name in PAPERS}
    cells = {name: crystals.crystal.cell for name, crystals in recipes.items()}
    for name, edge in (("dialanine-20", 20.0), ("dialanine-10", 10.0), ("dipeptide-12", 12.0)):
        assert cells[name] == CubicCell(edge=edge)
        assert recipes[name].d_min == (1.5, 1.5)
    for name, d_min in (("p15-const", (1.5, 1.5)), ("p15-var", (1.6, 2.25)), ("p15-tight", (1.6, 2.25))):
        assert cells[name] == GrowingCell()
        assert recipes[name].d_min == d_min
    assert cells["p15-p21"] == GrowingCell(spacegroups=("P 1 21 1",))
    assert recipes["p15-p21"].d_min == (1.75, 2.3)
    lengths = {
        name: one.source.windows.length
        for name, one in recipes.items()
        if isinstance(one.source, StructureWindows)
    }
    assert lengths == {name: 15 if name.startswith("p15") else 2 for name in PAPERS}


def test_the_quick_subset_is_the_beginning() -> None:
    crystals = read_list(SETS / "p15-tight.json")
    assert quick(crystals).entries == crystals.entries[:QUICK]
    assert quick(crystals).crystals_sha256 == ""


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_list(tmp_path / "two.json", TWO)
    assert read_list(tmp_path / "two.json") == TWO
    assert read_lists(tmp_path) == [TWO]
    none = TWO.model_copy(update={"entries": (), "name": "none"})
    write_list(tmp_path / "none.json", none)
    assert read_lists(tmp_path, ("none",)) == [none]


@pytest.mark.parametrize("text", ["", "{}", '{"name": "x", "extra": 1}', "\x00"])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"bad\.json"):
        read_list(tmp_path / "bad.json")
    with pytest.raises(UserError, match="No such file"):
        read_list(tmp_path / "absent.json")


def test_a_folder_without_lists_and_a_renamed_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.json file"):
        read_lists(tmp_path)
    write_list(tmp_path / "three.json", TWO)
    with pytest.raises(UserError, match="rename one"):
        read_lists(tmp_path)
    with pytest.raises(UserError, match="three"):
        read_lists(tmp_path, ("thre",))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../escape"},
        {"name": ""},
        {"d_min": (2.0, 1.5)},
        {"d_min": (0.0, 1.5)},
        {"entries": [*ENTRIES] * 2},
    ],
)
def test_values_that_make_no_list_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CrystalList.model_validate({**TWO.model_dump(), **change})
