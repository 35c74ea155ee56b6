"""Reading the delta-coded fragment file, made here from a few atoms."""

import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rephase.data.fragments import load_fragments
from rephase.errors import UserError

NAMES = np.array(["C", "CA", "N", "O", "SG"])
XYZ = np.round(np.random.default_rng(3).uniform(-150.0, 150.0, (9, 3)), 2)
NAME = np.array([2, 1, 2, 1, 4, 2, 1, 0, 3])
COUNT = np.array([2, 3, 4])


def write(path: Path, **changes: Any) -> Path:
    steps = np.diff(np.round(100 * XYZ).astype(np.int64), axis=0, prepend=0)
    starts = np.cumsum(COUNT) - COUNT
    steps[starts] = np.round(100 * XYZ[starts])
    packed = np.ascontiguousarray(steps.T.astype("<i2")).view(np.uint8).reshape(3, -1, 2)
    arrays: dict[str, Any] = {
        "ids": np.array(["1AAA_1.pd_1", "1AAA_1.pd_13", "2BBB_2.pd_1"]),
        "seq": np.array(["G", "AC", "G"]),
        "resolution": np.array([1.5, 1.5, 2.0], np.float32),
        "split": np.array([0, 0, 2], np.uint8),
        "count": COUNT.astype(np.uint8),
        "atom_names": NAMES,
        "atom_name_lzma": compressed(NAME.astype(np.uint8)),
        "xyz_lo_lzma": compressed(packed[..., 0]),
        "xyz_hi_lzma": compressed(packed[..., 1]),
    }
    arrays.update(changes)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def compressed(values: np.ndarray) -> np.ndarray:
    return np.frombuffer(lzma.compress(values.tobytes()), np.uint8)


def test_all_fragments_come_back(tmp_path: Path) -> None:
    fragments = load_fragments(write(tmp_path / "f.npz"))
    assert len(fragments) == 3
    np.testing.assert_allclose(fragments.xyz_cart, XYZ, atol=1e-4)
    assert fragments.atom_name.tolist() == NAMES[NAME].tolist()
    assert fragments.elements.tolist() == ["N", "C", "N", "C", "S", "N", "C", "C", "O"]
    assert fragments.residue.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert fragments.offset.tolist() == [0, 2, 5, 9]


def test_a_subset_equals_its_part_of_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "f.npz")
    whole, test = load_fragments(path), load_fragments(path, splits=["test"])
    assert test.ids.tolist() == ["2BBB_2.pd_1"]
    np.testing.assert_array_equal(test.xyz_cart, whole.xyz_cart[whole.atoms_of(2)])
    one = load_fragments(path, splits=["train"], ids=["1AAA_1.pd_13"])
    np.testing.assert_array_equal(one.xyz_cart, whole.xyz_cart[whole.atoms_of(1)])


def test_unknown_ids_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="9ZZZ"):
        load_fragments(write(tmp_path / "f.npz"), ids=["9ZZZ_1.pd_1"])


def test_an_id_of_another_split_counts_as_unknown(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1AAA"):
        load_fragments(write(tmp_path / "f.npz"), splits=["test"], ids=["1AAA_1.pd_1"])


def test_damage_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        load_fragments(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UserError, match="cut off"):
        load_fragments(tmp_path / "text.npz")
    with pytest.raises(UserError, match="lacks seq"):
        load_fragments(write(tmp_path / "lacking.npz", seq=None))
    with pytest.raises(UserError, match="damaged"):
        load_fragments(write(tmp_path / "short.npz", xyz_hi_lzma=compressed(np.zeros(5, np.uint8))))
    with pytest.raises(UserError, match="damaged"):
        load_fragments(write(tmp_path / "noise.npz", xyz_hi_lzma=np.arange(40, dtype=np.uint8)))


def test_another_file_is_not_offered_to_be_unpickled(tmp_path: Path) -> None:
    (tmp_path / "model.pdb").write_text("HEADER    TRANSCRIPTION\n")
    with pytest.raises(UserError, match=r"no \.npz file") as caught:
        load_fragments(tmp_path / "model.pdb")
    assert "pickle" not in str(caught.value)
