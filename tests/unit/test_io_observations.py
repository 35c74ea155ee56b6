"""Reading of reflection files made here: what is found, and what the user is told when nothing can be."""

import gzip

import gemmi
import numpy as np
import pytest

from rephase.errors import UserError
from rephase.io.observations import read_observations

CELL = (20.0, 21.0, 22.0, 90.0, 90.0, 90.0)


def make_mtz(columns: dict[str, tuple[str, np.ndarray]], spacegroup="P 21 21 21", cell=CELL, d_min=2.5):
    """An MTZ with the given label: (type, values); values are cut to the number of reflections."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(spacegroup)
    if cell:
        mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("native")
    if cell:
        mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*(cell or CELL)), mtz.spacegroup, d_min)
    for label, (kind, _) in columns.items():
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([hkl, *(values[: len(hkl)] for _, values in columns.values())]).astype("f"))
    return mtz


def values(seed=0, scale=100.0):
    return np.random.default_rng(seed).gamma(2.0, scale, 5000)


def plain(**changes):
    columns = {"F": ("F", values()), "SIGF": ("Q", values(1, 2.0))}
    columns.update({label: (kind, array) for label, (kind, array) in changes.items()})
    return columns


def write(tmp_path, mtz, name="data.mtz"):
    mtz.write_to_file(str(tmp_path / name))
    return tmp_path / name


def test_measured_intensities_win_over_amplitudes(tmp_path):
    path = write(tmp_path, make_mtz(plain(I=("J", values(2)), SIGI=("Q", values(3)))))
    assert read_observations(path).kind == "intensity"
    assert read_observations(path, "F,SIGF").kind == "amplitude"


def test_model_amplitudes_never_match(tmp_path):
    columns = {
        "FC": ("F", values(5)),
        "PHIC": ("P", values(6)),
        "FWT": ("F", values(7)),
        "PHWT": ("P", values(8)),
    }
    path = write(tmp_path, make_mtz(columns | plain()))
    assert read_observations(path).labels == ("F", "SIGF")
    with pytest.raises(UserError, match=r"FC\(F\) PHIC\(P\)"):
        read_observations(write(tmp_path, make_mtz(columns), "model.mtz"))


def test_columns_without_any_value_are_no_candidates(tmp_path):
    empty = np.full(5000, np.nan)
    path = write(tmp_path, make_mtz(plain(I=("J", empty), SIGI=("Q", empty))))
    assert read_observations(path).labels == ("F", "SIGF")


def test_anomalous_pairs_are_averaged(tmp_path):
    plus, minus, sigma = values(1), values(2), np.full(5000, 3.0)
    minus[5] = sigma_minus_5 = np.nan
    sigma_minus = sigma.copy()
    sigma_minus[5] = sigma_minus_5
    mtz = make_mtz(
        {"I(+)": ("K", plus), "SIGI(+)": ("M", sigma), "I(-)": ("K", minus), "SIGI(-)": ("M", sigma_minus)}
    )
    data = read_observations(write(tmp_path, mtz))
    assert data.labels == ("I(+)", "SIGI(+)", "I(-)", "SIGI(-)")
    row = {tuple(h): i for i, h in enumerate(mtz.make_miller_array().tolist())}
    order = [row[tuple(h)] for h in data.hkl.tolist()]
    expected = 0.5 * (plus + minus)[order]
    expected[order.index(5)] = plus[5]
    np.testing.assert_allclose(data.value, expected, rtol=1e-6)
    assert data.sigma[order.index(5)] == pytest.approx(3.0)
    assert np.median(data.sigma) == pytest.approx(3.0 / np.sqrt(2.0))


def test_equivalent_rows_are_averaged_by_their_weights(tmp_path):
    mtz = make_mtz(plain())
    data = np.array(mtz)
    mate = data.copy()
    mate[:, :3] *= -1
    mate[:, 3] += 10.0
    mate[:, 4] *= 2.0
    mtz.set_data(np.concatenate([data, mate]))
    merged = read_observations(write(tmp_path, mtz))
    assert len(merged) == len(data)
    assert "averaged" in merged.notes[-1]
    order = np.lexsort(data[:, 2::-1].T)
    np.testing.assert_allclose(merged.value, data[order, 3] + 2.0, rtol=1e-5)
    np.testing.assert_allclose(merged.sigma, data[order, 4] / np.sqrt(1.25), rtol=1e-5)


def test_impossible_rows_are_left_out_and_counted(tmp_path):
    f, sigma = values(), values(1, 2.0)
    f[:3], f[3:5], sigma[5:9], f[9], sigma[10] = np.nan, -7.0, 0.0, np.inf, np.nan
    mtz = make_mtz({"F": ("F", f), "SIGF": ("Q", sigma)})
    data = read_observations(write(tmp_path, mtz))
    assert len(data) == mtz.nreflections - 11
    assert [note.split()[0] for note in data.notes] == ["2", "4", "2"]


@pytest.mark.parametrize(
    ("classes", "expected"), [(range(20), 0), ([0] + [1] * 19, 0), ([1] + [0] * 19, 1), ([1], None)]
)
def test_test_set_is_the_smaller_class_or_zero(tmp_path, classes, expected):
    flags = np.resize(np.array(classes, dtype=float), 5000)
    data = read_observations(write(tmp_path, make_mtz(plain(FreeR_flag=("I", flags)))))
    assert data.test_value == expected


BROKEN = {
    "centrosymmetric": (make_mtz(plain(), "P -1"), "P -1"),
    "no cell": (make_mtz(plain(), cell=None), "unit cell"),
    "cell against group": (make_mtz(plain(), "P 43", d_min=3.0), "P 43 allows"),
    "all zero": (make_mtz({"F": ("F", np.zeros(5000)), "SIGF": ("Q", values())}), "zero or missing"),
    "all negative": (make_mtz({"F": ("F", -values()), "SIGF": ("Q", values())}), "0 usable"),
    "no sigma": (make_mtz({"F": ("F", values()), "SIGF": ("Q", np.zeros(5000))}), "every σ"),
    "few": (make_mtz(plain(), d_min=6.0), "usable of"),
    "unmerged": (make_mtz(plain(**{"M/ISYM": ("Y", np.ones(5000))})), "unmerged"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_contents_are_explained(tmp_path, case):
    mtz, words = BROKEN[case]
    with pytest.raises(UserError) as error:
        read_observations(write(tmp_path, mtz))
    assert words in str(error.value)


def test_missing_space_group_is_explained(tmp_path):
    path = write(tmp_path, make_mtz(plain()))
    path.write_bytes(path.read_bytes().replace(b"SYMINF ", b"NOTHING").replace(b"SYMM ", b"NONE "))
    with pytest.raises(UserError, match="no space group"):
        read_observations(path)


def test_wrong_labels_are_explained(tmp_path):
    path = write(tmp_path, make_mtz(plain()))
    with pytest.raises(UserError, match="column NIX"):
        read_observations(path, "NIX,SIGF")
    with pytest.raises(UserError, match="types F"):
        read_observations(path, "F")


def test_files_that_are_no_data_are_explained(tmp_path):
    path = write(tmp_path, make_mtz(plain()))
    (tmp_path / "truncated.mtz").write_bytes(path.read_bytes()[:2000])
    (tmp_path / "truncated.mtz.gz").write_bytes(gzip.compress(path.read_bytes())[:2000])
    (tmp_path / "empty.mtz").write_bytes(b"")
    (tmp_path / "text.mtz").write_text("hello\n")
    for name in ("absent.mtz", "truncated.mtz", "truncated.mtz.gz", "empty.mtz", "text.mtz", "."):
        with pytest.raises(UserError):
            read_observations(tmp_path / name)


def test_gzipped_mtz_is_the_same_data(tmp_path):
    path = write(tmp_path, make_mtz(plain()))
    (tmp_path / "data.mtz.gz").write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(
        read_observations(path).value, read_observations(tmp_path / "data.mtz.gz").value
    )


def test_centrosymmetric_data_go_on_in_p1_when_asked(tmp_path):
    data = read_observations(write(tmp_path, make_mtz(plain(), "P 1 2/m 1")), in_p1=True)
    assert data.spacegroup.number == 1


def test_too_low_a_resolution_is_told_from_a_file_without_data(tmp_path):
    path = write(tmp_path, make_mtz(plain()))
    with pytest.raises(UserError, match=r"to 15 Å[^~]*--d-min"):
        read_observations(path, d_min=15.0)


def test_text_of_another_program_is_to_be_converted(tmp_path):
    path = tmp_path / "data.hkl"
    path.write_text("NREFlection=1\nINDE 1 2 3 FOBS= 12.3 SIGMA= 1.2\n")
    with pytest.raises(UserError, match="convert it to MTZ"):
        read_observations(path)
