"""Symmetry of structure factors against direct summation by gemmi (StructureFactorCalculatorX)."""

import gemmi
import numpy as np
import pytest

from rephase.crystal.grid import grid_shape
from rephase.crystal.primitive import primitive_setting
from rephase.crystal.symmetry import (
    centric_phase,
    chiral_spacegroups,
    expand_to_p1,
    systematic_absences,
)

ONE_SETTING = [gemmi.find_spacegroup_by_number(g.number) for g in chiral_spacegroups()]
NUMBERS = sorted({g.number for g in ONE_SETTING})
UNUSUAL = [
    "P 21 1 1",
    "P 1 1 21",
    "I 1 2 1",
    "B 1 1 2",
    "P 2 21 21",
    "R 3:R",
    "R 3 2:H",
    "C 2 2 21",
    "A 1 2 1",
]


def cell_for(group: gemmi.SpaceGroup) -> gemmi.UnitCell:
    """A cell of arbitrary lengths and angles which the group's operators allow."""
    metric = np.array(gemmi.UnitCell(11, 13, 17, 83, 95, 102).orth.mat.tolist())
    metric = metric.T @ metric
    rotations = np.array([op.rot for op in group.operations().sym_ops]) / gemmi.Op.DEN
    average = np.mean([r.T @ metric @ r for r in rotations], axis=0)
    a, b, c = np.sqrt(np.diag(average))
    cosines = average[1, 2] / (b * c), average[0, 2] / (a * c), average[0, 1] / (a * b)
    return gemmi.UnitCell(a, b, c, *np.degrees(np.arccos(cosines)))


def structure_factors(hkl, cell, group) -> np.ndarray:
    """Sum over every atom of the cell, made by the operators one by one, in P1."""
    structure = gemmi.SmallStructure()
    structure.cell = cell
    rng = np.random.default_rng(7)
    for element in ("C", "N", "O", "S", "C"):
        xyz = rng.random(3).tolist()
        for op in group.operations():
            site = gemmi.SmallStructure.Site()
            site.label, site.element, site.u_iso, site.occ = element, gemmi.Element(element), 0.1, 1.0
            site.fract = gemmi.Fractional(*op.apply_to_xyz(xyz))
            structure.add_site(site)
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    return np.array([calculator.calculate_sf_from_small_structure(structure, list(h)) for h in hkl])


def all_groups() -> list[gemmi.SpaceGroup]:
    return [gemmi.find_spacegroup_by_number(n) for n in NUMBERS] + [gemmi.SpaceGroup(n) for n in UNUSUAL]


def test_there_are_65_chiral_groups():
    assert len(NUMBERS) == 65


@pytest.mark.parametrize("group", all_groups(), ids=lambda g: g.xhm().replace(" ", ""))
def test_expansion_gives_the_direct_sum_in_p1(group):
    cell = cell_for(group)
    hkl = gemmi.make_miller_array(cell, group, 2.8)
    f_asu = structure_factors(hkl, cell, group)
    expansion = expand_to_p1(hkl, group)
    f_p1 = structure_factors(expansion.hkl, cell, group)

    expanded = np.abs(f_asu[expansion.asu_index]) * np.exp(1j * expansion.phases(np.angle(f_asu)))
    np.testing.assert_allclose(expanded, f_p1, atol=1e-9 * np.abs(f_p1).max())
    back = np.abs(f_p1) * np.exp(1j * expansion.phases_to_asu(np.angle(f_p1)))
    np.testing.assert_allclose(back, f_asu[expansion.asu_index], atol=1e-9 * np.abs(f_p1).max())

    everything = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), 2.8)
    present = everything[~systematic_absences(everything, group)]
    h, k, ell = present.T
    flip = (ell < 0) | ((ell == 0) & (k < 0)) | ((ell == 0) & (k == 0) & (h < 0))
    present[flip] *= -1
    assert {tuple(x) for x in present} == {tuple(x) for x in expansion.hkl}
    assert len(present) == len(expansion)


@pytest.mark.parametrize("group", all_groups(), ids=lambda g: g.xhm().replace(" ", ""))
def test_absent_means_zero_and_centric_phases_are_restricted(group):
    cell = cell_for(group)
    hkl = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), 3.5)
    f = structure_factors(hkl, cell, group)
    absent = systematic_absences(hkl, group)
    assert np.abs(f[absent]).max(initial=0.0) < 1e-9 * np.abs(f).max()
    allowed = centric_phase(hkl, group)
    centric = ~np.isnan(allowed)
    np.testing.assert_array_equal(centric, group.operations().centric_flag_array(hkl))
    off_axis = np.abs(f * np.sin(np.angle(f) - allowed))[centric & ~absent]
    assert off_axis.max(initial=0.0) < 1e-9 * np.abs(f).max()


CENTRED = [g for g in all_groups() if g.centring_type() not in "P"]


@pytest.mark.parametrize("group", CENTRED, ids=lambda g: g.xhm().replace(" ", ""))
def test_primitive_cell_describes_the_same_crystal(group):
    cell = cell_for(group)
    setting = primitive_setting(cell, group)
    points = len(group.operations().cen_ops)
    assert cell.volume / setting.cell.volume == pytest.approx(points, rel=1e-9)
    hkl = gemmi.make_miller_array(cell, group, 2.8)
    primitive = setting.hkl_to_primitive(hkl)
    np.testing.assert_array_equal(setting.hkl_from_primitive(primitive), hkl)
    np.testing.assert_allclose(
        setting.cell.calculate_1_d2_array(primitive), cell.calculate_1_d2_array(hkl), rtol=1e-5
    )
    reindexed = setting.expansion(expand_to_p1(hkl, group))
    direct = expand_to_p1(primitive, setting.operations)
    order = np.lexsort(reindexed.hkl.T[::-1])
    np.testing.assert_array_equal(reindexed.hkl[order], direct.hkl)
    phases = structure_factors(hkl, cell, group)
    strong = np.abs(phases)[direct.asu_index] > 1e-6
    difference = reindexed.phases(np.angle(phases))[order] - direct.phases(np.angle(phases))
    np.testing.assert_allclose(np.exp(1j * difference[strong]), 1.0, atol=1e-9)
    everything = gemmi.make_miller_array(setting.cell, gemmi.SpaceGroup("P 1"), 2.8)
    assert len(direct) == np.count_nonzero(~systematic_absences(everything, setting.operations))


@pytest.mark.parametrize("group", all_groups(), ids=lambda g: g.xhm().replace(" ", ""))
def test_grid_accepts_every_operator(group):
    cell = cell_for(group)
    shape = grid_shape(cell, 2.0, 1.2, group)
    assert all(n % 2 == 0 for n in shape)
    size = np.array(shape)
    for op in group.operations():
        rotation, shift = np.array(op.rot) / op.DEN, np.array(op.tran) / op.DEN
        np.testing.assert_array_equal(np.rint(shift * size), shift * size)
        for column in range(3):
            moved = rotation[:, column] / size[column] * size
            np.testing.assert_allclose(moved, np.rint(moved), atol=1e-12)
