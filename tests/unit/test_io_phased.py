"""The phased MTZ: the user's columns untouched, phases right in whatever indexing the file uses."""

import gemmi
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import i0, i1

from rephase.crystal.symmetry import map_to_asu
from rephase.errors import UserError
from rephase.io.phased import PHASED_COLUMNS, hendrickson_lattman, sim_argument, write_phased_mtz

CELL, GROUP = gemmi.UnitCell(11, 13, 17, 90, 90, 90), gemmi.SpaceGroup("P 21 21 21")
RNG = np.random.default_rng(5)
SITES = RNG.random((6, 3))


def structure_factors(hkl):
    f = np.zeros(len(hkl), dtype=complex)
    for op in GROUP.operations():
        images = SITES @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        f += 8.0 * np.exp(2j * np.pi * hkl @ images.T).sum(axis=1)
    return f


def scattered_mtz():
    """A file whose rows lie anywhere in reciprocal space, with unusual extra columns."""
    unique = gemmi.make_miller_array(CELL, GROUP, 1.9)
    operators = list(GROUP.operations())
    hkl = np.array([operators[RNG.integers(4)].apply_to_hkl(list(h)) for h in unique])
    hkl *= RNG.choice([-1, 1], (len(hkl), 1))
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = GROUP
    mtz.add_dataset("native")
    mtz.set_cell_for_all(CELL)
    for label, kind in (("FP", "F"), ("SIGFP", "Q"), ("FREE", "I"), ("FWT", "F"), ("PHWT", "P")):
        mtz.add_column(label, kind)
    extra = RNG.random((len(hkl), 5))
    extra[3, 0] = np.nan
    mtz.set_data(np.column_stack([hkl, extra]).astype(np.float32))
    mtz.history = ["made by a test"]
    return mtz, hkl.astype(np.int32)


@pytest.fixture
def written(tmp_path):
    source, hkl = scattered_mtz()
    phased = map_to_asu(hkl, GROUP)[:-5]
    f = structure_factors(phased)
    fom = RNG.uniform(0.1, 0.95, len(phased))
    notes = write_phased_mtz(
        tmp_path / "phased.mtz", source, phased, np.angle(f), fom, np.abs(f), ("rephase: test",)
    )
    return source, hkl, fom, notes, gemmi.read_mtz_file(str(tmp_path / "phased.mtz"))


def column(mtz, label):
    return np.array(mtz.column_with_label(label))


def test_phases_are_those_of_the_indices_in_the_file(written):
    _, hkl, fom, _, mtz = written
    f = structure_factors(hkl)[:-5]
    got = column(mtz, "FWT")[:-5] * np.exp(1j * np.radians(column(mtz, "PHWT")[:-5]))
    np.testing.assert_allclose(got, fom * f, atol=1e-4 * np.abs(f).max())
    np.testing.assert_array_equal(column(mtz, "PHIB"), column(mtz, "PHWT"))
    np.testing.assert_allclose(column(mtz, "FOM")[:-5], fom, rtol=1e-6)


def test_rows_that_were_not_phased_are_missing_values(written):
    mtz = written[-1]
    for label, kind in PHASED_COLUMNS:
        assert np.isnan(column(mtz, label)[-5:]).all()
        assert mtz.column_with_label(label).type == kind


def test_columns_of_the_user_are_unchanged(written):
    source, _, _, notes, mtz = written
    np.testing.assert_array_equal(np.array(mtz)[:, :8], np.array(source))
    assert mtz.column_labels()[3:8] == ["FP", "SIGFP", "FREE", "FWT_IN", "PHWT_IN"]
    assert notes == ("The input column FWT is kept as FWT_IN.", "The input column PHWT is kept as PHWT_IN.")
    assert source.column_labels()[6:] == ["FWT", "PHWT"]
    assert mtz.history[0] == "rephase: test"
    assert "made by a test" in mtz.history


def test_map_from_the_file_peaks_at_the_atoms(tmp_path):
    source, hkl = scattered_mtz()
    phased = map_to_asu(hkl, GROUP)
    f = structure_factors(phased)
    write_phased_mtz(tmp_path / "m.mtz", source, phased, np.angle(f), np.ones(len(f)), np.abs(f))
    grid = gemmi.read_mtz_file(str(tmp_path / "m.mtz")).transform_f_phi_to_map("FWT", "PHWT", sample_rate=4)
    heights = [grid.interpolate_value(gemmi.Fractional(*xyz)) for xyz in SITES]
    assert min(heights) > 4.0 * np.array(grid).std()


def test_unwritable_place_is_explained(tmp_path):
    source, hkl = scattered_mtz()
    nothing = np.zeros(len(hkl))
    with pytest.raises(UserError, match="output directory"):
        write_phased_mtz(tmp_path / "no" / "x.mtz", source, hkl, nothing, nothing, nothing)


@pytest.mark.parametrize("fom", [0.0, 1e-6, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_sim_argument_inverts_the_bessel_ratio(fom):
    x = sim_argument(np.array([fom]))[0]
    if x < 700:
        assert i1(x) / i0(x) == pytest.approx(fom, rel=1e-8, abs=1e-12)
    else:  # asymptotic expansion of I₁/I₀
        assert 1 - 1 / (2 * x) - 1 / (8 * x * x) == pytest.approx(fom, rel=1e-8)


def test_hendrickson_lattman_coefficients_give_back_phase_and_fom():
    a, b, c, d = hendrickson_lattman(np.array([0.7]), np.array([0.6]), np.array([False]))[0]

    def density(phi):
        return np.exp(a * np.cos(phi) + b * np.sin(phi) + c * np.cos(2 * phi) + d * np.sin(2 * phi))

    total = quad(density, 0, 2 * np.pi)[0]
    mean = quad(lambda p: density(p) * np.cos(p), 0, 2 * np.pi)[0] / total
    mean += 1j * quad(lambda p: density(p) * np.sin(p), 0, 2 * np.pi)[0] / total
    assert abs(mean) == pytest.approx(0.6, rel=1e-6)
    assert np.angle(mean) == pytest.approx(0.7, rel=1e-6)


def test_centric_coefficients_use_two_phases_only():
    a, b, _, _ = hendrickson_lattman(np.array([np.pi / 2]), np.array([0.6]), np.array([True]))[0]
    assert abs(a) < 1e-12
    assert (np.exp(b) - np.exp(-b)) / (np.exp(b) + np.exp(-b)) == pytest.approx(0.6)
