"""The fixed test sets: what they list, and files that are none."""

from pathlib import Path

import pytest

from rephase.data.sets import CrystalSet, SetEntry, read_set, write_set
from rephase.errors import UserError

SETS = Path(__file__).resolve().parents[2] / "benchmarks" / "sets"
NAMES = ("p15-wide", "p15-tight-start", "dev-p15-wide", "dev-p15-tight-start")


@pytest.mark.parametrize("name", NAMES)
def test_a_set_lists_forty_fragments_of_different_entries(name: str) -> None:
    crystals = read_set(SETS / f"{name}.json")
    assert crystals.name == name
    assert crystals.split == ("val" if name.startswith("dev-") else "test")
    assert len({entry.id[:4] for entry in crystals.entries}) == 40


def test_sets_share_no_entry() -> None:
    entries = [entry.id[:4] for name in NAMES for entry in read_set(SETS / f"{name}.json").entries]
    assert len(set(entries)) == len(entries)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    entries = (SetEntry(id="1ABC_1.pd_1", seed=3), SetEntry(id="2XYZ_1_7", seed=0))
    crystals = CrystalSet(name="two", fragments="f.npz", split="val", least_solvent=0.8, entries=entries)
    write_set(tmp_path / "two.json", crystals)
    assert read_set(tmp_path / "two.json") == crystals


@pytest.mark.parametrize("text", ["", "{}", '{"name": "x", "extra": 1}', "\x00"])
def test_a_file_that_is_no_set_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"bad\.json"):
        read_set(tmp_path / "bad.json")
    with pytest.raises(UserError, match="no such file"):
        read_set(tmp_path / "absent.json")
