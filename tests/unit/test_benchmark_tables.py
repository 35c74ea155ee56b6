"""What the benchmarks say of many crystals, and what of an earlier run they take over."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

import basin
import phasing_ways
import solve
from basin_crystals import AXES, Molecule, Setting, one_of_each_entry
from basin_figure import basin_figure
from phasing_ways import BOTH, CLASSICAL, PRIOR, Limits
from rephase.errors import UserError
from rephase.evaluate.reliability import wilson_interval
from solve_fragments import summary


def fragment_record(name: str, correlation: float, hand: str, verdict: str, probability: float) -> dict:
    return {
        "id": name,
        "correlation": correlation,
        "hand": hand,
        "solved": correlation >= 0.8 and hand == "same",
        "phase_error": 20.0 if correlation >= 0.8 else 80.0,
        "verdict": verdict,
        "probability": probability,
        "seconds": 1.0,
    }


RECORDS = [
    fragment_record("1AAA_1.pd_1", 0.95, "same", "solved", 0.99),
    fragment_record("1BBB_1.pd_1", 0.90, "same", "doubtful", 0.70),
    fragment_record("1CCC_1.pd_1", 0.92, "other", "solved", 0.95),
    fragment_record("1DDD_1.pd_1", 0.30, "same", "not solved", 0.01),
]


def test_a_map_of_the_other_hand_is_not_solved() -> None:
    found = summary(RECORDS)
    assert found["solved"][0] == 0.5
    assert found["solved_any_hand"] == 0.75
    assert found["right_hand"] == pytest.approx(2 / 3)
    assert found["error_of_solved"][0] == 20.0
    assert (found["false_solved"], found["false_in_both_hands"], found["missed"]) == (1, 0, 1)
    assert found["auroc"] == 0.75  # 0.99 > 0.95 and 0.01; 0.70 < 0.95


def test_nothing_solved_has_a_summary_without_a_mean_error() -> None:
    found = summary([RECORDS[3]])
    assert found["solved"][0] == 0.0
    assert found["error_of_solved"] is None
    assert found["right_hand"] is None
    assert found["auroc"] is None


def test_windows_of_one_entry_are_not_independent() -> None:
    found = summary([replace_id(record, "1AAA") for record in RECORDS])
    assert found["entries"] == 1


def replace_id(record: dict, entry: str) -> dict:
    return record | {"id": entry + record["id"][4:]}


def molecule(name: str, residues: int = 3) -> Molecule:
    residue = np.repeat(np.arange(residues, dtype=np.int16), 4)
    atoms = len(residue)
    return Molecule(name, "A" * residues, np.zeros((atoms, 3)), np.full(atoms, "C"), residue, 7, 1.8)


def test_the_study_takes_one_molecule_of_each_entry_in_order() -> None:
    names = ["1AAA_1.pd_9", "1BBB_1.pd_1", "1AAA_1.pd_1", "1CCC_2.pd_4"]
    found = [one.id for one in one_of_each_entry(map(molecule, names))]
    assert found == ["1AAA_1.pd_9", "1BBB_1.pd_1", "1CCC_2.pd_4"]


def test_an_entry_is_represented_by_its_first_suited_molecule() -> None:
    names = ["1AAA_1.pd_9", "1BBB_1.pd_1", "1AAA_1.pd_1"]
    found = one_of_each_entry(map(molecule, names), lambda one: one.id.endswith("_1"))
    assert [one.id for one in found] == ["1BBB_1.pd_1", "1AAA_1.pd_1"]


def test_the_first_residues_are_cut_with_their_atoms() -> None:
    short = molecule("1AAA_1.pd_1").first(2)
    assert (short.letters, len(short.xyz_cart), len(short.elements)) == ("AA", 8, 8)


@pytest.mark.parametrize("name", AXES)
def test_every_axis_changes_one_thing(name: str) -> None:
    axis = AXES[name]
    for level, setting in zip(axis.levels, axis.settings(), strict=True):
        assert replace(setting, **{axis.field: getattr(axis.centre, axis.field)}) == axis.centre
        assert getattr(setting, axis.field) == level


def basin_record(setting: Setting, way: str, name: str, solved: bool, means: basin.Means) -> dict:
    return {
        "way": way,
        "setting": asdict(setting),
        "means": means.of_way(way),
        "id": name,
        "solved": solved,
    }


def test_records_of_another_prior_or_limit_are_not_taken_over(tmp_path: Path) -> None:
    prior = tmp_path / "prior.safetensors"
    prior.write_bytes(b"one")
    means = basin.Means("dev", str(prior), Limits(10.0))
    records = [basin_record(Setting(), way, "1AAA_1.pd_1", True, means) for way in (CLASSICAL, PRIOR, BOTH)]
    path = tmp_path / "basin.json"
    path.write_text(json.dumps({"records": records}))
    assert len(basin.done_before(path, means)) == 3
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"two")
    kept = basin.done_before(path, replace(means, prior=str(other)))
    assert [record["way"] for record in kept.values()] == [CLASSICAL]
    assert basin.done_before(path, replace(means, limits=Limits(20.0))) == {}
    assert basin.done_before(path, replace(means, split="test")) == {}
    assert basin.done_before(tmp_path / "none.json", means) == {}


def test_rates_stand_in_the_row_of_their_level() -> None:
    means = basin.Means("dev", None, Limits(10.0))
    axis = AXES["error"]
    first = axis.settings()[0]
    records = [basin_record(first, CLASSICAL, str(k), k < 3, means) for k in range(4)]
    line = basin.table(axis, records).splitlines()[2]
    low, high = wilson_interval(3, 4)
    assert line.split()[:3] == ["50", "4", "75"]
    assert f"({100 * low:.0f}–{100 * high:.0f})" in line


def test_the_figure_needs_two_levels_of_an_axis() -> None:
    means = basin.Means("dev", None, Limits(10.0))
    records = [basin_record(setting, CLASSICAL, "a", True, means) for setting in AXES["size"].settings()]
    assert len([axes for axes in basin_figure(records).axes if axes.axison]) == 1
    with pytest.raises(UserError, match="two levels"):
        basin_figure(records[:1])


def test_another_command_or_prior_does_not_go_on_with_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, prior = tmp_path / "solve.json", tmp_path / "prior.safetensors"
    prior.write_bytes(b"one")
    arguments = argparse.Namespace(json=path, resume=True, threads=1, prior=str(prior))
    monkeypatch.setattr(sys, "argv", ["solve.py", "--count", "2", "--resume"])
    head = solve.begun(arguments)
    solve.save(path, head)
    assert solve.begun(arguments) == head
    prior.write_bytes(b"two")
    phasing_ways.prior_sum.cache_clear()
    with pytest.raises(SystemExit, match="count 2 with the prior"):
        solve.begun(arguments)
    arguments.prior = "none"
    monkeypatch.setattr(sys, "argv", ["solve.py", "--count", "3", "--resume"])
    with pytest.raises(SystemExit, match="count 2 with the prior"):
        solve.begun(arguments)
