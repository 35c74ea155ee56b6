"""Cα centres are recognised by their neighbours, and their hand by the sign of a volume."""

import gemmi
import numpy as np
import pytest
from numpy.typing import NDArray

from rephase.data.peptides.peptide import build_peptide, chain_from_torsions
from rephase.phasing.hand_peaks import ChiralCentres, centres_of_atoms, find_atoms

CELL = gemmi.UnitCell(40.0, 42.0, 44.0, 90.0, 100.0, 90.0)


def fractional(xyz_cart: NDArray[np.float64]) -> NDArray[np.float64]:
    return xyz_cart @ np.array(CELL.frac.mat.tolist()).T


def test_inner_residues_with_a_side_chain_are_counted_and_all_are_left() -> None:
    peptide = build_peptide("AVLGTSKA", np.random.default_rng(3))
    counted = centres_of_atoms(fractional(peptide.xyz_cart), CELL)
    # Glycine has no Cβ and the first residue a free amine; the last one's carboxylate is a carbonyl too.
    assert counted == ChiralCentres(left=6, right=0, amides=7)


def test_the_mirror_image_has_as_many_right_residues() -> None:
    xyz = build_peptide("AVLGTSKA", np.random.default_rng(3)).xyz_cart
    assert centres_of_atoms(fractional(-xyz), CELL) == ChiralCentres(left=0, right=6, amides=7)


def test_a_molecule_across_the_edge_of_the_cell_is_counted_alike() -> None:
    xyz = fractional(build_peptide("AVLTSKA", np.random.default_rng(3)).xyz_cart)
    inside = centres_of_atoms(xyz - xyz.mean(axis=0) + 0.5, CELL)
    assert centres_of_atoms((xyz - xyz.mean(axis=0)) % 1.0, CELL) == inside
    assert inside.left == 6


def test_small_errors_of_the_atoms_do_not_turn_a_residue() -> None:
    xyz = chain_from_torsions("A" * 12, [(-63.0, -43.0)] * 12).xyz_cart
    moved = xyz + 0.05 * np.random.default_rng(0).normal(size=xyz.shape)
    counted = centres_of_atoms(fractional(moved), CELL)
    assert counted.left >= 6
    assert counted.right == 0


def test_no_atoms_are_no_evidence() -> None:
    assert centres_of_atoms(np.empty((0, 3)), CELL) == ChiralCentres(0, 0, 0)


def test_peaks_are_found_between_grid_points() -> None:
    cell, n = gemmi.UnitCell(12.0, 12.0, 12.0, 90.0, 90.0, 90.0), 48
    true = np.array([[2.1, 3.3, 4.6], [8.0, 8.1, 0.1]])
    axis = np.arange(n) * 12.0 / n
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    step = grid[None] - true[:, None, None, None]
    step -= 12.0 * np.round(step / 12.0)
    found = find_atoms(np.exp(-(step**2).sum(-1) / 0.25).sum(0), cell) * 12.0
    assert found == pytest.approx(true, abs=0.02) or found[::-1] == pytest.approx(true, abs=0.02)


def test_of_peaks_closer_than_a_bond_the_higher_stays() -> None:
    cell = gemmi.UnitCell(10.0, 10.0, 10.0, 90.0, 90.0, 90.0)
    density = np.full((40, 40, 40), 0.5)
    density[20, 20, 20], density[20, 20, 23], density[5, 5, 5] = 2.0, 1.5, 1.8
    assert np.round(find_atoms(density, cell) * 40).tolist() == [[20, 20, 20], [5, 5, 5]]
