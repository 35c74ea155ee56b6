"""Peaks of a map as dummy atoms."""

import gemmi
import numpy as np
import pytest

from rephase.crystal.density_map import density_map
from rephase.report.map_view import MapForReport
from rephase.report.peaks import unique_peaks

CELL = gemmi.UnitCell(11.0, 13.0, 9.0, 90.0, 105.0, 90.0)
CHAIN = np.array(
    [[9.5, 1.0, 8.6], [10.4, 1.9, 9.3], [11.2, 1.2, 10.3], [12.3, 2.0, 10.9]]
)  # Å, over the edge


def map_of_chain(spacegroup: gemmi.SpaceGroup) -> MapForReport:
    """The map at 0.9 Å of equal atoms and their symmetry mates."""
    hkl = np.array(gemmi.make_miller_array(CELL, spacegroup, 0.9), dtype=np.int32)
    frac = CHAIN @ np.array(CELL.frac.mat.tolist()).T
    F = np.zeros(len(hkl), dtype=complex)
    for op in spacegroup.operations():
        moved = frac @ (np.array(op.rot) / op.DEN).T + np.array(op.tran) / op.DEN
        F += np.exp(2j * np.pi * (hkl @ moved.T)).sum(axis=1)
    F *= np.exp(-CELL.calculate_1_d2_array(hkl))
    density = density_map(hkl, np.abs(F), np.angle(F), CELL, spacegroup)
    a, b, c, alpha, beta, gamma = CELL.parameters
    return MapForReport(density, (a, b, c, alpha, beta, gamma), spacegroup.xhm())


@pytest.mark.parametrize("name", ["P 1", "P 1 21 1", "C 1 2 1"])
def test_atoms_over_the_cell_edge_come_back_as_one_molecule(name: str) -> None:
    xyz, heights = unique_peaks(map_of_chain(gemmi.SpaceGroup(name)), len(CHAIN))
    assert len(heights) == len(CHAIN)
    found = np.sort(np.linalg.norm(xyz[:, None] - xyz, axis=-1), axis=None)
    expected = np.sort(np.linalg.norm(CHAIN[:, None] - CHAIN, axis=-1), axis=None)
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_highest_peak_comes_first_and_no_more_than_asked_for() -> None:
    xyz, heights = unique_peaks(map_of_chain(gemmi.SpaceGroup("P 1")), 3)
    assert xyz.shape == (3, 3)
    assert heights.tolist() == sorted(heights, reverse=True)


def test_empty_map_has_no_peaks() -> None:
    flat = MapForReport(np.zeros((12, 12, 12), np.float32), (9, 9, 9, 90, 90, 90), "P 1")
    xyz, heights = unique_peaks(flat, 5)
    assert xyz.shape == (0, 3)
    assert heights.shape == (0,)
