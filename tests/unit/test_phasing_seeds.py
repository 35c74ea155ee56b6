"""Pieces of standard backbone: their geometry and hand, and finding how one is turned in a crystal."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch
from phasing_crystals import CPU, map_correlation
from scipy.spatial.transform import Rotation

from rephase.phasing import fragment_seeds
from rephase.phasing.amplitude_grid import amplitude_grid
from rephase.phasing.constraints import MolecularEnvelope
from rephase.phasing.fragment_seeds import best_rotations, fragment_starts, helix, strand
from rephase.phasing.search import Problem, Recipe
from rephase.physics.reflection_grid import grid_to_hkl

CELL = gemmi.UnitCell(15.0, 18.0, 14.0, 84.0, 97.0, 103.0)
D_MIN = 2.5
TURN = Rotation.from_rotvec([0.7, -1.1, 0.4]).as_matrix()


def alpha_carbons(piece):
    """Second atom of each residue: N, Cα, C, O, Cβ."""
    xyz, electrons = piece.xyz[:-1].reshape(-1, 5, 3), piece.electrons[:-1].reshape(-1, 5)
    assert (electrons[:, :2] == [7.0, 6.0]).all()
    return xyz[:, 1]


def dihedral(a, b, c, d):
    first, middle, last = b - a, c - b, d - c
    normal, other = np.cross(first, middle), np.cross(middle, last)
    return np.degrees(np.arctan2(np.cross(normal, other) @ middle / np.linalg.norm(middle), normal @ other))


def test_a_helix_is_right_handed_and_rises_by_one_and_a_half_angstrom():
    ca = alpha_carbons(helix(10))
    assert len(ca) == 10
    np.testing.assert_allclose(np.linalg.norm(np.diff(ca, axis=0), axis=1), 3.8, atol=0.05)
    turns = [dihedral(*ca[i : i + 4]) for i in range(7)]
    np.testing.assert_allclose(turns, 50.0, atol=6.0)
    axis = np.linalg.svd(ca - ca.mean(axis=0))[2][0]
    assert np.abs(np.polyfit(np.arange(10), ca @ axis, 1)[0]) == pytest.approx(1.5, abs=0.1)


def test_a_strand_is_extended():
    ca = alpha_carbons(strand(5))
    assert np.linalg.norm(ca[4] - ca[0]) == pytest.approx(4 * 3.3, abs=0.8)
    assert abs(dihedral(*ca[:4])) > 150.0


@pytest.mark.parametrize("make", [helix, strand])
def test_a_piece_is_l_alanine_about_its_centre(make):
    piece = make(5)
    assert len(piece.xyz) == 26
    np.testing.assert_allclose(piece.xyz.mean(axis=0), 0.0, atol=1e-9)
    for n, ca, c, _, cb in piece.xyz[:-1].reshape(-1, 5, 3):
        assert np.linalg.det([n - ca, c - ca, cb - ca]) > 1.5  # Å³; L, D would be negative


def structure_factors(piece, turn, hkl):
    xyz = piece.xyz @ turn.T @ np.array(CELL.frac.mat.tolist()).T
    return np.exp(2j * np.pi * (hkl @ xyz.T)) @ piece.electrons


def crystal_of(piece, turn, noise: float = 0.0) -> Problem:
    """A crystal of one turned piece; a tenth of the reflections omitted."""
    hkl = np.asarray(gemmi.make_miller_array(CELL, gemmi.SpaceGroup("P 1"), D_MIN), dtype=np.int32)
    rng = np.random.default_rng(0)
    f = np.abs(structure_factors(piece, turn, hkl)) * np.exp(noise * rng.normal(size=len(hkl)))
    grid = amplitude_grid(CELL, gemmi.SpaceGroup("P 1").operations(), hkl, f, CPU, True)
    full = grid_to_hkl(grid.amplitude, grid.index).numpy().astype(np.float64)
    recipe = Recipe("", 0.5, 0.0, 0.8, True, lambda g: MolecularEnvelope(g, 0.5), fragment_starts)
    return Problem(recipe, grid, full, np.ones(len(full)), rng.random(len(full)) < 0.1)


@pytest.fixture
def coarse(monkeypatch):
    """Fewer rotations, enough for one short helix in a small cell, to keep the tests short."""
    monkeypatch.setattr(fragment_seeds, "ROTATIONS", 3000)
    monkeypatch.setattr(fragment_seeds, "_CANDIDATES", 25)


@pytest.mark.usefixtures("coarse")
def test_the_rotation_of_a_helix_is_found():
    problem = crystal_of(helix(8), TURN, noise=0.1)
    found = best_rotations(problem, helix(8), 4, seed=1)
    assert found.shape == (4, 3, 3)
    np.testing.assert_allclose(
        found @ found.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-9
    )
    assert degrees_between(found[0], TURN) < 6.0
    for i in range(4):
        assert all(degrees_between(found[i], found[j]) > 15.0 for j in range(i))


def degrees_between(first, second):
    return np.degrees(Rotation.from_matrix(first @ second.T).magnitude())


def test_omitted_reflections_have_no_say_in_the_rotation(monkeypatch):
    monkeypatch.setattr(fragment_seeds, "ROTATIONS", 500)
    monkeypatch.setattr(fragment_seeds, "_CANDIDATES", 8)
    problem = crystal_of(helix(8), TURN)
    changed = replace(problem, full=np.where(problem.omitted, 10.0, 1.0) * problem.full)
    first, second = (best_rotations(p, helix(8), 2, seed=1) for p in (problem, changed))
    np.testing.assert_array_equal(first, second)


@pytest.mark.usefixtures("coarse")
def test_starts_carry_the_phases_of_the_piece_and_nothing_of_the_omitted_reflections():
    problem = crystal_of(helix(8), TURN)
    working = problem.grid.without(problem.omitted)
    maps = fragment_starts(problem, working, 3, torch.Generator().manual_seed(1), piece=helix(8))
    assert maps.shape == (3, *working.shape)
    F = working.structure_factors(maps[0])
    assert float(np.abs(working.at_reflections(F)[problem.omitted]).max()) < 1e-3
    true = working.from_reflections(structure_factors(helix(8), TURN, working.expansion.hkl))
    assert map_correlation(maps[0], working.density(true)) > 0.8
    assert map_correlation(maps[1], working.density(true)) < 0.6


def test_separable_sums_are_direct_sums():
    problem = crystal_of(helix(5), TURN)
    rows = np.arange(0, len(problem.full), 7)
    turns = np.stack([TURN, np.eye(3)])
    found = fragment_seeds._transform(helix(5), turns, problem, rows).numpy()
    hkl = problem.grid.expansion.hkl[rows]
    direct = np.stack([structure_factors(helix(5), turn, hkl) for turn in turns])
    np.testing.assert_allclose(found, direct, atol=1e-2)
