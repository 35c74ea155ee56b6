"""What the constraints know of density: size of the molecule, separate atoms, no giant one."""

import numpy as np
import pytest
import torch
from phasing_crystals import grid_of, map_correlation, true_map, true_phases, truth

from rephase.phasing.constraints import AtomsInEnvelope, MolecularEnvelope, SparseAtoms
from rephase.physics.reflection_grid import grid_to_hkl


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=20, d_min=1.0, b_iso=6.0)


@pytest.fixture(scope="module")
def grid(crystal):
    return grid_of(crystal, zero_mean=True)


def noise(grid):
    return torch.randn((2, *grid.shape), generator=torch.Generator().manual_seed(5))


def test_nothing_outside_the_envelope_and_nothing_negative(grid):
    constraint = MolecularEnvelope(grid, 0.3)
    rho = noise(grid)
    constraint.learn(rho, 0.5)
    allowed = constraint(rho)
    assert constraint.support is not None
    assert constraint.support.float().mean().item() == pytest.approx(0.3, abs=0.002)
    assert float(allowed[~constraint.support].abs().max()) == 0.0
    assert torch.equal(allowed[constraint.support], rho[constraint.support].clamp(min=0.0))


def test_the_envelope_gets_more_detailed_until_two_thirds_of_the_run(grid):
    rho = noise(grid)

    def surface(progress):
        constraint = MolecularEnvelope(grid, 0.5)
        constraint.learn(rho, progress)
        assert constraint.support is not None
        return int((constraint.support != torch.roll(constraint.support, 1, dims=1)).sum())

    assert surface(0.0) < surface(0.4) < surface(0.67) == surface(1.0)


def test_atoms_stay_and_what_lies_between_them_goes(crystal, grid):
    rho = true_map(crystal, grid)
    rho = rho - rho.mean()
    constraint = SparseAtoms(grid, 0.9, 1.0)
    constraint.learn(rho, 0.5)
    allowed = constraint(rho)
    place = np.rint(crystal.atoms * np.array(grid.shape)).astype(int) % np.array(grid.shape)
    assert torch.all(allowed[0][tuple(place.T)] > 0.0)
    assert float((allowed > 0).float().mean()) < 0.15
    assert map_correlation(allowed, rho) > 0.95


def test_one_giant_atom_is_cut_down(grid):
    """All phases equal satisfy positivity and sparseness best: the false solution of P1."""
    amplitude = grid_to_hkl(grid.amplitude, grid.index).numpy()
    giant = grid.density(grid.from_reflections(amplitude.astype(complex)))[None]
    constraint = SparseAtoms(grid, 0.9, 1.0)
    constraint.learn(giant, 0.5)
    assert float(constraint(giant).max()) < 0.5 * float(giant.max())


def test_the_ceiling_is_lower_where_there_are_more_atoms(grid):
    rho = noise(grid) * 0.01
    rho[:, 0, 0, 0] = 1e3
    peaks = []
    for fraction in (0.1, 0.9):
        constraint = SparseAtoms(grid, fraction, 1.0)
        constraint.learn(rho, 0.5)
        peaks.append(float(constraint(rho).max()))
    assert peaks[0] == pytest.approx(3.0 * peaks[1], rel=0.35)


def test_levels_follow_the_scale_of_the_map(crystal, grid):
    rho = noise(grid)
    small, large = SparseAtoms(grid, 0.9, 1.0), SparseAtoms(grid, 0.9, 1.0)
    small.learn(rho, 0.5)
    large.learn(100.0 * rho, 0.5)
    torch.testing.assert_close(large(100.0 * rho), 100.0 * small(rho), rtol=1e-4, atol=1e-3)


def test_both_at_once_is_one_after_the_other(grid):
    rho = noise(grid)
    both, outer, inner = (
        AtomsInEnvelope(grid, 0.4, 1.0),
        MolecularEnvelope(grid, 0.4),
        SparseAtoms(grid, 0.4, 1.0),
    )
    for constraint in (both, outer, inner):
        constraint.learn(rho, 0.5)
    assert torch.equal(both(rho), outer(inner(rho)))
    assert float((both(rho) > 0).float().mean()) < 0.4


def test_true_phases_survive_every_constraint_better_than_random_ones(crystal, grid):
    amplitude = grid_to_hkl(grid.amplitude, grid.index).numpy()
    random = np.random.default_rng(0).uniform(0, 2 * np.pi, len(amplitude))
    maps = [
        grid.density(grid.from_reflections(amplitude * np.exp(1j * phi)))[None]
        for phi in (true_phases(crystal, grid), random)
    ]
    for make in (
        MolecularEnvelope,
        lambda g, f: SparseAtoms(g, f, 1.0),
        lambda g, f: AtomsInEnvelope(g, f, 1.0),
    ):
        kept = []
        for rho in maps:
            constraint = make(grid, 0.5)
            constraint.learn(rho, 1.0)
            kept.append(map_correlation(constraint(rho), rho))
        assert kept[0] > kept[1] + 0.05
