"""A file of fragments becomes a set with the same splits; what cannot be kept is counted."""

from pathlib import Path

import numpy as np
import pytest
from test_data_fragments import compressed, write

from rephase.cli.main import run
from rephase.data.build import set_import
from rephase.data.fragments import Fragments
from rephase.data.sets.fragment_set import FragmentSet

IDS = ["1AAA_1.pd_1", "1AAA_1_13", "2BBB_2.pd_1"]
SEQUENCES = ["G", "C", "G"]


def test_fragments_keep_their_splits_and_sources(tmp_path: Path) -> None:
    file = write(tmp_path / "f.npz", ids=np.array(IDS), seq=np.array(SEQUENCES))
    assert run(["data", "import", str(file), "-o", str(tmp_path / "set")]) == 0
    rows = FragmentSet.open(tmp_path / "set").manifest.sort_by("id").to_pylist()
    assert [row["id"] for row in rows] == sorted(IDS)
    assert {row["id"]: row["split"] for row in rows} == dict(
        zip(IDS, ["train", "train", "test"], strict=True)
    )
    assert {row["source"] for row in rows} == {"f.npz"}
    assert [row["entry"] for row in rows] == ["1AAA", "1AAA", "2BBB"]


def test_fragments_with_atoms_out_of_order_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "f.npz", ids=np.array(IDS), seq=np.array(["G", "GG", "G"]))
    assert run(["data", "import", str(file), "-o", str(tmp_path / "set")]) == 0
    opened = FragmentSet.open(tmp_path / "set")
    assert len(opened) == 2
    assert opened.record.origin.rejected == {"fragments": {"atoms of a residue out of order": 1}}


def test_fragments_with_atoms_given_to_the_wrong_residue_are_counted(tmp_path: Path) -> None:
    names = np.array(["N", "CA", "N", "CA", "CA", "N", "CA", "C", "O"])  # of the second, one CA is another's
    kinds = ["C", "CA", "N", "O", "SG"]
    numbers = compressed(np.array([kinds.index(name) for name in names], np.uint8))
    file = write(tmp_path / "f.npz", ids=np.array(IDS), seq=np.array(SEQUENCES), atom_name_lzma=numbers)
    assert run(["data", "import", str(file), "-o", str(tmp_path / "set")]) == 0
    opened = FragmentSet.open(tmp_path / "set")
    assert set(opened.manifest["id"].to_pylist()) == {IDS[0], IDS[2]}
    assert opened.record.origin.rejected == {"fragments": {"atoms of a residue out of order": 1}}


def test_a_window_under_both_forms_of_its_id_is_taken_once(tmp_path: Path) -> None:
    ids = np.array(["1AAA_1_13", "1AAA_1.pd_13", "2BBB_2.pd_1"])
    file = write(tmp_path / "f.npz", ids=ids, seq=np.array(SEQUENCES))
    assert run(["data", "import", str(file), "-o", str(tmp_path / "set")]) == 0
    opened = FragmentSet.open(tmp_path / "set")
    assert set(opened.manifest["id"].to_pylist()) == {"1AAA_1.pd_13", "2BBB_2.pd_1"}
    assert opened.record.origin.rejected == {"fragments": {"the same window again": 1}}


@pytest.mark.parametrize(
    ("options", "told"), [(["--seed", "-1"], "--seed"), ([], "no file"), (["--sed", "1"], "--seed")]
)
def test_wrong_arguments_are_answered(
    tmp_path: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "import", str(tmp_path / "none.npz"), "-o", str(tmp_path / "set"), *options]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_training_fragments_similar_to_held_out_ones_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["1AAA_1.pd_1", "2BBB_1.pd_1", "3CCC_1.pd_1"]
    sequences = ["ACDEFGHIKLMNPQRSTVWY", "ACDEFGHIKAMNPQRSTVWY", "WWCCHHMMPPYYWWCCHHMM"]
    fragments = Fragments(
        ids=np.array(ids),
        sequence=np.array(sequences),
        resolution=np.ones(3, np.float32),
        split=np.array([0, 2, 0], np.uint8),
        offset=np.arange(4) * 20,
        xyz_cart=np.zeros((60, 3), np.float32),
        atom_name=np.full(60, "N"),
        residue=np.tile(np.arange(20, dtype=np.int16), 3),
    )
    monkeypatch.setattr(set_import, "load_fragments", lambda file: fragments)
    assert run(["data", "import", "any.npz", "-o", str(tmp_path / "set"), "--clusters", "align"]) == 0
    opened = FragmentSet.open(tmp_path / "set")
    assert set(opened.manifest["id"].to_pylist()) == {"2BBB_1.pd_1", "3CCC_1.pd_1"}
    assert opened.record.origin.rejected == {"fragments": {"homologue of a held-out entity": 1}}
