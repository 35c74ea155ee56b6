"""Phase sets in MTZ files: columns by type, and what the user is told when that fails."""

import gemmi
import numpy as np
import pytest

from rephase.errors import UserError
from rephase.io.phase_sets import (
    FOM_OF_CALCULATED,
    check_writable,
    phase_and_fom_from_hl,
    read_phase_set,
    rotate_hl,
    split_selector,
)

HKL = np.array([[1, 2, 3], [2, 0, 1], [1, 1, 1]])


def write(path, columns, hkl=HKL, spacegroup="P 21 21 21"):
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(spacegroup)
    mtz.set_cell_for_all(gemmi.UnitCell(20, 25, 30, 90, 90, 90))
    mtz.add_dataset("test")
    for label, (kind, _) in columns.items():
        mtz.add_column(label, kind)
    values = [np.broadcast_to(np.asarray(v, dtype=float), len(hkl)) for _, v in columns.values()]
    mtz.set_data(np.column_stack([hkl, *values]).astype(np.float32))
    mtz.write_to_file(str(path))
    return path


OBSERVED = {"FP": ("F", [10, 20, 30]), "SIGFP": ("Q", 1)}
CALCULATED = {"FC": ("F", [11, 21, 31]), "PHIC": ("P", [30, 90, -60])}
WEIGHTED = {"PHIB": ("P", [40, 90, -50]), "FOM": ("W", [0.5, 0.9, np.nan])}


@pytest.mark.parametrize(
    ("text", "path", "labels"),
    [
        ("a.mtz", "a.mtz", ()),
        ("dir/a.mtz:FC,PHIC", "dir/a.mtz", ("FC", "PHIC")),
        ("C:/data/a.mtz", "C:/data/a.mtz", ()),
        ("C:/data/a.mtz:F, PHI", "C:/data/a.mtz", ("F", "PHI")),
    ],
)
def test_selectors_follow_the_last_colon(text, path, labels):
    found, chosen = split_selector(text)
    assert (str(found), chosen) == (path, labels)


def test_amplitude_and_phase_are_found_beside_the_observations(tmp_path):
    read = read_phase_set(write(tmp_path / "a.mtz", OBSERVED | CALCULATED))
    assert read.labels == ("FC", "PHIC")
    np.testing.assert_allclose(read.f, [11, 21, 31])
    np.testing.assert_allclose(np.degrees(read.phi), [30, 90, -60], rtol=1e-6)
    np.testing.assert_allclose(read.fom, FOM_OF_CALCULATED)
    np.testing.assert_allclose(read.fobs, [10, 20, 30])


def test_phase_and_fom_weight_the_observed_amplitudes(tmp_path):
    read = read_phase_set(write(tmp_path / "a.mtz", OBSERVED | WEIGHTED))
    assert read.labels == ("PHIB", "FOM")
    np.testing.assert_allclose(read.f, [5, 18, np.nan], rtol=1e-6)
    assert np.isnan(read.phi[2])


def test_a_third_label_is_the_weight_in_any_order(tmp_path):
    path = write(tmp_path / "a.mtz", OBSERVED | CALCULATED | WEIGHTED)
    read = read_phase_set(path, ("FOM", "PHIC", "FC"))
    np.testing.assert_allclose(read.f[:2], [5.5, 18.9], rtol=1e-6)


def test_several_sets_are_answered_with_the_selectors_to_type(tmp_path):
    path = write(tmp_path / "a.mtz", OBSERVED | CALCULATED | WEIGHTED)
    with pytest.raises(UserError) as error:
        read_phase_set(path)
    assert f"{path}:FC,PHIC" in error.value.do
    assert f"{path}:PHIB,FOM" in error.value.do


def test_absent_columns_are_answered_with_what_there_is(tmp_path):
    path = write(tmp_path / "a.mtz", OBSERVED | CALCULATED)
    with pytest.raises(UserError, match=r"column PHIX[\s\S]*FC\(F\) PHIC\(P\)"):
        read_phase_set(path, ("FC", "PHIX"))
    with pytest.raises(UserError, match=r"SIGFP \(type Q\)"):
        read_phase_set(path, ("FC", "SIGFP"))


@pytest.mark.parametrize("columns", [OBSERVED, {"PHIB": ("P", 0.0), "FOM": ("W", 0.5)}])
def test_files_without_a_usable_set_are_refused(tmp_path, columns):
    with pytest.raises(UserError, match=r"phases in|observed amplitudes"):
        read_phase_set(write(tmp_path / "a.mtz", columns))


def test_what_is_no_mtz_file_is_said_so(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_phase_set(tmp_path / "none.mtz")
    (tmp_path / "text.mtz").write_text("not a reflection file at all" * 10)
    with pytest.raises(UserError, match="to be an MTZ file"):
        read_phase_set(tmp_path / "text.mtz")


def test_repeated_reflections_are_refused(tmp_path):
    path = write(tmp_path / "a.mtz", CALCULATED, hkl=np.array([[1, 2, 3], [1, 2, -3], [1, 1, 1]]))
    with pytest.raises(UserError, match="more than once"):
        read_phase_set(path)


def test_rows_outside_the_asymmetric_unit_are_brought_in_with_their_phases(tmp_path):
    path = write(tmp_path / "a.mtz", CALCULATED, hkl=np.array([[-1, -2, -3], [2, 0, 1], [1, 1, 1]]))
    read = read_phase_set(path)
    assert read.hkl[0].tolist() == [1, 2, 3]
    assert np.degrees(read.phi[0]) % 360 == pytest.approx(330)


def test_an_existing_file_is_not_overwritten_unless_forced(tmp_path):
    target = tmp_path / "there.mtz"
    target.touch()
    with pytest.raises(UserError, match="exists already"):
        check_writable(target, force=False)
    check_writable(target, force=True)
    with pytest.raises(UserError, match="no folder"):
        check_writable(tmp_path / "nowhere" / "a.mtz", force=True)


def test_unimodal_acentric_coefficients_give_the_bessel_figure_of_merit():
    # A = X cos φ, B = X sin φ: FOM = I1(X)/I0(X); X = 2 gives 0.69777 (Abramowitz & Stegun, table 9.8)
    hl = np.array([[2 * np.cos(0.7), 2 * np.sin(0.7), 0, 0]])
    phi, fom = phase_and_fom_from_hl(hl, np.array([[1, 2, 3]], dtype=np.int32), gemmi.SpaceGroup("P 1"))
    assert phi[0] == pytest.approx(0.7)
    assert fom[0] == pytest.approx(0.69777, abs=1e-5)


def test_centric_coefficients_give_the_hyperbolic_tangent():
    # (2, 0, 1) of P2₁2₁2₁ is restricted to 90° or 270°
    hl = np.array([[0, -1.5, 0, 0]])
    spacegroup = gemmi.SpaceGroup("P 21 21 21")
    phi, fom = phase_and_fom_from_hl(hl, np.array([[2, 0, 1]], dtype=np.int32), spacegroup)
    assert np.degrees(phi[0]) % 360 == pytest.approx(270)
    assert fom[0] == pytest.approx(np.tanh(1.5))


def test_rotated_coefficients_describe_the_rotated_probability():
    hl, delta = np.array([[0.7, -0.4, 0.9, 0.3]]), 0.6
    phi = np.linspace(0, 2 * np.pi, 50)

    def exponent(coefficients, angle):
        a, b, c, d = coefficients[0]
        return a * np.cos(angle) + b * np.sin(angle) + c * np.cos(2 * angle) + d * np.sin(2 * angle)

    turned = rotate_hl(hl, np.array([delta]), invert=False)
    np.testing.assert_allclose(exponent(turned, phi + delta), exponent(hl, phi))
    inverted = rotate_hl(hl, np.array([delta]), invert=True)
    np.testing.assert_allclose(exponent(inverted, -phi + delta), exponent(hl, phi))
