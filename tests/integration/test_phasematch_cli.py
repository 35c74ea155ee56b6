"""`rephase phasematch` from files to text, JSON and a moved file."""

import json

import gemmi
import numpy as np
import pytest
from cyclopts import App

from rephase.cli.phasematch import phasematch
from rephase.errors import UserError
from rephase.evaluate.map_figures import phase_errors
from rephase.evaluate.phasematch_result import PhaseMatch
from rephase.io.phase_sets import read_phase_set

CELL = (21.0, 21.0, 27.0, 90.0, 90.0, 90.0)
SHIFT = {"P 1": (0.13, 0.27, 0.41), "P 21 21 21": (0.5, 0.0, 0.5), "P 41": (0.5, 0.5, 0.3)}


def write_crystal(path, name, shift=(0, 0, 0), invert=False, seed=1, cell=CELL, noise=0.4):
    """Write FP SIGFP FC PHIC FWT PHWT FOM-weighted phases and HL of a random-atom crystal, moved as asked."""
    rng = np.random.default_rng(seed)
    spacegroup, unit_cell = gemmi.SpaceGroup(name), gemmi.UnitCell(*cell)
    hkl = gemmi.make_miller_array(unit_cell, spacegroup, 2.5)
    total = np.zeros(len(hkl), dtype=complex)
    atoms = rng.random((8, 3)) * (-1 if invert else 1) + shift
    for op in spacegroup.operations():
        places = atoms @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        total += np.exp(2j * np.pi * (hkl @ places.T)).sum(axis=1)
    f, phi = np.abs(total), np.angle(total)
    centric = np.array(spacegroup.operations().centric_flag_array(hkl))
    phib = phi + np.where(centric, 0, noise * rng.normal(size=len(hkl)))
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = spacegroup
    mtz.set_cell_for_all(unit_cell)
    mtz.add_dataset("test")
    columns = {
        **{"FP": ("F", f), "SIGFP": ("Q", 0.1 + 0 * f), "FREE": ("I", np.arange(len(f)) % 20)},
        **{"FC": ("F", f), "PHIC": ("P", np.degrees(phi))},
        **{"PHIB": ("P", np.degrees(phib)), "FOM": ("W", np.full(len(f), 0.8))},
        **{"HLA": ("A", 2 * np.cos(phib)), "HLB": ("A", 2 * np.sin(phib))},
        **{"HLC": ("A", np.where(centric, 0, 0.3 * np.cos(2 * phib)))},
        **{"HLD": ("A", np.where(centric, 0, 0.3 * np.sin(2 * phib)))},
    }
    for label, (kind, _) in columns.items():
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([hkl, *(v for _, v in columns.values())]).astype(np.float32))
    mtz.write_to_file(str(path))
    return path


@pytest.fixture
def run(capsys):
    """Run the command as the shell would, and return what it prints."""

    def command(*tokens):
        app = App(name="rephase")
        app.command(phasematch)
        app(["phasematch", *map(str, tokens)], exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return command


@pytest.mark.parametrize("name", SHIFT)
def test_the_moved_file_needs_no_further_move(tmp_path, run, name):
    first = write_crystal(tmp_path / "a.mtz", name)
    second = write_crystal(tmp_path / "b.mtz", name, shift=SHIFT[name], invert=name == "P 1", noise=0.5)
    text = run(f"{first}:FC,PHIC", f"{second}:PHIB,FOM", "-o", tmp_path / "moved.mtz")
    assert "Moved PHIC, PHIB, HLA, HLB, HLC, HLD" in text
    again = PhaseMatch.model_validate_json(
        run(f"{first}:FC,PHIC", f"{tmp_path}/moved.mtz:PHIB,FOM", "--json")
    )
    assert again.hand == "same"
    away = np.array(again.shift) - np.round(again.shift)
    assert np.abs(away).max() < 1e-4
    assert again.mean_phase_error_before_deg == pytest.approx(again.mean_phase_error_after_deg, abs=0.05)


def test_all_phases_of_the_file_move_and_all_else_is_kept(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 1")
    second = write_crystal(tmp_path / "b.mtz", "P 1", shift=SHIFT["P 1"], invert=True)
    moved = tmp_path / "moved.mtz"
    run(f"{first}:FC,PHIC", f"{second}:FC,PHIC", "-o", moved)
    before, after, truth = (gemmi.read_mtz_file(str(path)) for path in (second, moved, first))
    assert after.column_labels() == before.column_labels()
    for label in ("H", "K", "L", "FP", "SIGFP", "FREE", "FC", "FOM"):
        np.testing.assert_array_equal(
            np.array(after.column_with_label(label)), np.array(before.column_with_label(label))
        )
    errors = phase_errors(*(np.radians(np.array(m.column_with_label("PHIC"))) for m in (after, truth)))
    assert errors.max() < 0.05
    from_hl, phib = (
        read_phase_set(moved, labels) for labels in (("HLA", "HLB", "HLC", "HLD"), ("PHIB", "FOM"))
    )
    assert phase_errors(from_hl.phi, phib.phi).max() < 0.05


def test_only_the_compared_columns_move_where_both_sets_are_in_one_file(tmp_path, run):
    both = write_crystal(tmp_path / "a.mtz", "P 21 21 21")
    text = run(f"{both}:FC,PHIC", f"{both}:PHIB,FOM", "-o", tmp_path / "moved.mtz")
    assert "Moved PHIB ->" in text


def test_the_json_has_a_version_and_both_hands(tmp_path, run):
    both = write_crystal(tmp_path / "a.mtz", "P 21 21 21")
    result = json.loads(run(f"{both}:FC,PHIC", f"{both}:PHIB,FOM", "--json"))
    assert result["schema_version"] == "rephase.phasematch/1"
    assert [hand["hand"] for hand in result["hands"]] == ["same", "other"]
    assert [hand["chosen"] for hand in result["hands"]] == [True, False]
    assert len(result["shells"]) == 12
    assert sum(row["n2"] for row in result["fom_bins"]) == result["n_common"]


def test_an_enantiomorphic_pair_is_brought_into_the_first_group(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 41")
    second = write_crystal(tmp_path / "b.mtz", "P 43", shift=(0.5, 0.5, 0.3), invert=True)
    moved = tmp_path / "moved.mtz"
    text = run(f"{first}:FC,PHIC", f"{second}:FC,PHIC", "-o", moved)
    assert "Only the other hand is possible: inversion takes P 43 into P 41" in text
    assert gemmi.read_mtz_file(str(moved)).spacegroup.hm == "P 41"
    again = json.loads(run(f"{first}:FC,PHIC", f"{moved}:FC,PHIC", "--json"))
    assert again["mean_phase_error_before_deg"] < 0.05
    assert [hand["hand"] for hand in again["hands"]] == ["same"]
    assert "lives" not in text
    assert "inversion takes P 41 into P 43" in again["notes"][0]
    with pytest.raises(UserError, match="leave out --compat"):
        run(f"{first}:FC,PHIC", f"{second}:FC,PHIC", "--compat")


def test_compatible_output_has_the_coarse_shift(tmp_path, run):
    both = write_crystal(tmp_path / "a.mtz", "P 21 21 21")
    text = run(f"{both}:FC,PHIC", f"{both}:PHIB,FOM", "--compat")
    assert text.startswith(" Change of hand  : NO\n Change of origin: uvw = (         0,")


def test_other_cells_are_refused_with_what_differs(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 1")
    second = write_crystal(tmp_path / "b.mtz", "P 1", cell=(21.0, 21.0, 30.0, 90.0, 94.0, 90.0))
    with pytest.raises(UserError, match=r"c 27.000 against 30.000, beta 90.000 against 94.000"):
        run(f"{first}:FC,PHIC", f"{second}:FC,PHIC")


def test_other_space_groups_are_refused(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 21 21 21")
    second = write_crystal(tmp_path / "b.mtz", "P 41")
    with pytest.raises(UserError, match="space groups P 21 21 21 and P 41"):
        run(f"{first}:FC,PHIC", f"{second}:FC,PHIC")


def test_sets_without_common_reflections_are_refused(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 1")
    mtz = gemmi.read_mtz_file(str(first))
    data = np.array(mtz)
    for name, keep in (("low", data[:, 0] < 0), ("high", data[:, 0] >= 0)):
        mtz.set_data(data[keep])
        mtz.write_to_file(str(tmp_path / f"{name}.mtz"))
    with pytest.raises(UserError, match="none in common"):
        run(f"{tmp_path}/low.mtz:FC,PHIC", f"{tmp_path}/high.mtz:FC,PHIC")


def test_nothing_is_overwritten_and_nothing_computed_first(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 1")
    content = first.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        run(f"{first}:FC,PHIC", f"{first}:PHIB,FOM", "-o", first)
    assert first.read_bytes() == content


def test_unrelated_phases_leave_the_hand_undecided(tmp_path, run):
    first = write_crystal(tmp_path / "a.mtz", "P 1", seed=1)
    second = write_crystal(tmp_path / "b.mtz", "P 1", seed=2)
    result = json.loads(run(f"{first}:FC,PHIC", f"{second}:FC,PHIC", "--json"))
    assert result["mean_phase_error_after_deg"] > 70
    assert "undecided" in result["notes"][0]
