"""Starting phases: columns by type, carried to the measured reflections, refused where they make no sense."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.crystal.symmetry import expand_to_p1
from rephase.errors import UserError
from rephase.io.observations import read_observations
from rephase.io.phase_sets import phase_and_fom_from_hl
from rephase.io.phased import carry_hl
from rephase.io.start_phases import measured_columns, read_start_phases

CELL = (24.0, 27.0, 31.0, 90.0, 90.0, 90.0)
GROUP = "P 21 21 21"


def hkl_of(group: str = GROUP, cell: tuple[float, ...] = CELL, d_min: float = 2.5) -> np.ndarray:
    spacegroup = gemmi.SpaceGroup(group)
    hkl = np.asarray(gemmi.make_miller_array(gemmi.UnitCell(*cell), spacegroup, d_min), np.int32)
    return hkl[~np.asarray(spacegroup.operations().systematic_absences(hkl), bool)]


def columns_of(hkl: np.ndarray, seed: int = 0) -> dict[str, tuple[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    n = len(hkl)
    return {
        "FP": ("F", rng.uniform(5, 90, n)),
        "SIGFP": ("Q", rng.uniform(1, 2, n)),
        "PHIB": ("P", rng.uniform(-180, 180, n)),
        "FOM": ("W", rng.uniform(0, 1, n)),
    }


def write(
    path: Path,
    columns: dict[str, tuple[str, np.ndarray]],
    hkl: np.ndarray,
    *,
    group: str = GROUP,
    cell: tuple[float, ...] = CELL,
) -> str:
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(group)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("x")
    for label, (kind, _) in columns.items():
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([hkl, *(values for _, values in columns.values())]).astype(np.float32))
    mtz.write_to_file(str(path))
    return str(path)


def changed(**replaced: tuple[str, np.ndarray] | None) -> dict[str, tuple[str, np.ndarray]]:
    """The usual columns, some of them replaced, added, or (None) left out."""
    columns = columns_of(hkl_of()) | replaced
    return {label: column for label, column in columns.items() if column is not None}


def refused(tmp_path: Path, columns: dict[str, tuple[str, np.ndarray]], labels: str = "") -> str:
    data = read_observations(write(tmp_path / "data.mtz", columns_of(hkl_of()), hkl_of()))
    path = write(tmp_path / "start.mtz", columns, hkl_of())
    with pytest.raises(UserError) as raised:
        read_start_phases(path + labels, data)
    return str(raised.value)


def test_phase_and_its_figure_of_merit_are_found_by_type(tmp_path: Path) -> None:
    columns = changed(PHIT=("P", np.linspace(-170, 170, len(hkl_of()))))
    path = write(tmp_path / "a.mtz", columns, hkl_of())
    data = read_observations(path)
    start = read_start_phases(path, data)
    assert start.labels == ("PHIB", "FOM")
    assert start.known.all()
    assert start.fom_given
    np.testing.assert_allclose(start.fom, columns["FOM"][1], atol=1e-6)
    np.testing.assert_allclose(np.cos(start.phi - np.radians(columns["PHIB"][1])), 1.0, atol=1e-6)
    _, fom = phase_and_fom_from_hl(start.hl, data.hkl, data.spacegroup)
    acentric = ~np.asarray(data.spacegroup.operations().centric_flag_array(data.hkl), bool)
    np.testing.assert_allclose(fom[acentric], np.clip(start.fom, 0, 0.9999)[acentric], atol=1e-3)


def test_measured_columns_named_with_phases_choose_the_data(tmp_path: Path) -> None:
    other = {"F2": ("F", np.ones(len(hkl_of()))), "SIGF2": ("Q", np.ones(len(hkl_of())))}
    path = write(tmp_path / "a.mtz", changed(**other), hkl_of())
    assert measured_columns(path) is None
    assert measured_columns(f"{path}:PHIB,FOM") is None
    assert measured_columns(f"{path}:F2,PHIB,FOM") == "F2,SIGF2"
    assert measured_columns(f"{path}:FP,SIGFP,PHIB") == "FP,SIGFP"
    data = read_observations(path, "FP,SIGFP")
    assert read_start_phases(f"{path}:F2,PHIB,FOM", data).labels == ("PHIB", "FOM")
    with pytest.raises(UserError, match="NOSUCH"):
        measured_columns(f"{path}:NOSUCH,PHIB")


def test_phases_are_found_by_type_where_only_measured_columns_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mtz", changed(), hkl_of())
    assert read_start_phases(f"{path}:FP,SIGFP", read_observations(path)).labels == ("PHIB", "FOM")


def test_phase_alone_counts_as_of_unknown_quality(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mtz", changed(FOM=None), hkl_of())
    start = read_start_phases(path, read_observations(path))
    assert not start.fom_given
    np.testing.assert_array_equal(start.fom, 1.0)


def test_phases_follow_the_reflections_whatever_their_indices(tmp_path: Path) -> None:
    """The file lists Friedel mates and symmetry equivalents; phases of a real map change accordingly."""
    atoms = np.random.default_rng(1).random((5, 3))
    operations = gemmi.SpaceGroup(GROUP).operations()
    everywhere = np.array([op.apply_to_xyz(atom) for op in operations for atom in atoms.tolist()])

    def phi_deg(hkl: np.ndarray) -> np.ndarray:
        return np.degrees(np.angle(np.exp(2j * np.pi * (hkl @ everywhere.T)).sum(1)))

    hkl = hkl_of()
    data = read_observations(write(tmp_path / "data.mtz", columns_of(hkl), hkl))
    rotation = np.array(list(operations)[1].rot) // gemmi.Op.DEN
    moved = np.where(np.arange(len(hkl))[:, None] % 2 == 0, -hkl, hkl @ rotation)
    columns = {"P": ("P", phi_deg(moved)), "M": ("W", np.full(len(hkl), 0.5))}
    start = read_start_phases(write(tmp_path / "start.mtz", columns, moved), data)
    assert start.known.all()
    np.testing.assert_allclose(np.cos(start.phi - np.radians(phi_deg(data.hkl))), 1.0, atol=1e-5)
    in_p1 = read_observations(tmp_path / "data.mtz", in_p1=True)
    expanded = read_start_phases(str(tmp_path / "start.mtz"), in_p1)
    np.testing.assert_allclose(np.cos(expanded.phi - np.radians(phi_deg(in_p1.hkl))), 1.0, atol=1e-5)


def test_coefficients_are_carried_like_the_phases_that_they_stand_for() -> None:
    spacegroup = gemmi.SpaceGroup("P 31 2 1")
    cell = (20.0, 20.0, 25.0, 90.0, 90.0, 120.0)
    hkl = hkl_of("P 31 2 1", cell)
    hl = np.random.default_rng(0).normal(size=(len(hkl), 4))
    rows = expand_to_p1(hkl, spacegroup)
    p1 = gemmi.SpaceGroup("P 1")
    phi, fom = phase_and_fom_from_hl(hl, hkl, p1)
    carried_phi, carried_fom = phase_and_fom_from_hl(carry_hl(rows, hl), rows.hkl, p1)
    np.testing.assert_allclose(carried_fom, fom[rows.asu_index], atol=1e-3)
    strong = carried_fom > 0.2
    np.testing.assert_allclose(np.cos(carried_phi - rows.phases(phi))[strong], 1.0, atol=1e-3)


def test_missing_phases_are_told_from_those_that_are_there(tmp_path: Path) -> None:
    n = len(hkl_of())
    columns = columns_of(hkl_of())
    columns["PHIB"][1][: n // 2] = np.nan
    path = write(tmp_path / "a.mtz", columns, hkl_of())
    data = read_observations(path)
    start = read_start_phases(path, data)
    assert np.count_nonzero(start.known) == n - n // 2
    assert not start.fom[~start.known].any()
    assert not start.hl[~start.known].any()
    chosen = start.select(np.array([n - 1, 0]))
    assert chosen.known.tolist() == [True, False]


@pytest.mark.parametrize("phase", [0.0, 90.0])
def test_phases_that_are_all_alike_are_refused(tmp_path: Path, phase: float) -> None:
    told = refused(tmp_path, changed(PHIB=("P", np.full(len(hkl_of()), phase))))
    assert f"every phase is {phase:g}°" in told


def test_figures_of_merit_that_are_all_zero_are_refused(tmp_path: Path) -> None:
    assert "every figure of merit is zero" in refused(tmp_path, changed(FOM=("W", np.zeros(len(hkl_of())))))


@pytest.mark.parametrize("factor", [100.0, -1.0])
def test_figures_of_merit_outside_0_to_1_are_refused_by_name(tmp_path: Path, factor: float) -> None:
    told = refused(tmp_path, changed(FOM=("W", factor * columns_of(hkl_of())["FOM"][1])))
    assert "between 0 and 1 in column FOM" in told
    assert ("divide them by 100" in told) == (factor == 100.0)


def test_phases_in_radians_are_refused(tmp_path: Path) -> None:
    phi = np.radians(columns_of(hkl_of())["PHIB"][1])
    assert "look like radians" in refused(tmp_path, changed(PHIB=("P", phi)))


def test_two_sets_of_phases_are_refused_with_what_to_type(tmp_path: Path) -> None:
    n = len(hkl_of())
    more = {"PHI2": ("P", np.linspace(-99, 99, n)), "FOM2": ("W", np.full(n, 0.5))}
    told = refused(tmp_path, changed(**more))
    assert "start.mtz:PHIB,FOM" in told
    assert "start.mtz:PHI2,FOM2" in told


@pytest.mark.parametrize("label", ["PHDELWT", "PHFOFCWT", "PHIDELFWT"])
def test_phases_of_a_difference_map_are_not_taken_for_the_start(tmp_path: Path, label: str) -> None:
    """As REFMAC writes them: those of the difference map stand beside the figures of merit."""
    phi, merit = columns_of(hkl_of())["PHIB"], columns_of(hkl_of())["FOM"]
    columns = changed(PHIB=None, FOM=None) | {"PHIC": phi, "PHWT": phi, label: phi, "FOM": merit}
    said = refused(tmp_path, columns)
    assert "2 possible ones" in said
    assert ":PHIC,FOM" in said
    assert ":PHWT,FOM" in said
    assert label not in said
    path = write(tmp_path / "map.mtz", changed(PHIB=None, FOM=None) | {"PH2FOFCWT": phi}, hkl_of())
    assert read_start_phases(path, read_observations(path)).labels == ("PH2FOFCWT",)


def test_map_coefficients_are_no_measurements(tmp_path: Path) -> None:
    columns = changed(FWT=("F", np.ones(len(hkl_of()))), PHWT=columns_of(hkl_of())["PHIB"])
    path = write(tmp_path / "a.mtz", columns, hkl_of())
    with pytest.raises(UserError, match=r"FWT \(type F\) without one[^~]*:FP,SIGFP,PHWT"):
        measured_columns(f"{path}:FWT,PHWT")


def test_columns_that_are_no_phases_are_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, changed(), ":FOM")
    assert "types P, PW, AAAA" in told
    assert "starting phases" in refused(tmp_path, changed(PHIB=None, FOM=None))
    assert "column NOSUCH" in refused(tmp_path, changed(), ":NOSUCH")


@pytest.mark.parametrize(
    ("group", "cell", "told"),
    [
        (GROUP, (24.0, 27.0, 35.0, 90.0, 90.0, 90.0), "cell 24 27 35"),
        ("P 21 21 2", CELL, "space group P 21 21 2, not P 21 21 21"),
    ],
)
def test_phases_of_another_crystal_are_refused(
    tmp_path: Path, group: str, cell: tuple[float, ...], told: str
) -> None:
    data = read_observations(write(tmp_path / "data.mtz", columns_of(hkl_of()), hkl_of()))
    hkl = hkl_of(group, cell)
    path = write(tmp_path / "other.mtz", columns_of(hkl), hkl, group=group, cell=cell)
    with pytest.raises(UserError, match=told):
        read_start_phases(path, data)


def test_too_few_common_reflections_are_refused(tmp_path: Path) -> None:
    data = read_observations(write(tmp_path / "data.mtz", columns_of(hkl_of()), hkl_of()))
    few = {label: (kind, values[:10]) for label, (kind, values) in columns_of(hkl_of()).items()}
    path = write(tmp_path / "few.mtz", few, hkl_of()[:10])
    with pytest.raises(UserError, match="measured reflections"):
        read_start_phases(path, data)
