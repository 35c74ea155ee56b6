"""Iterative projection: the truth is a fixed point, and a way leads there from its neighbourhood."""

import numpy as np
import pytest
import torch
from phasing_crystals import grid_of, map_correlation, true_map, true_phases, truth

from rephase.phasing.constraints import MolecularEnvelope
from rephase.phasing.projections import impose_amplitudes, random_starts
from rephase.phasing.relaxation import LEARN_EVERY, relax, settle
from rephase.physics.reflection_grid import grid_to_hkl


@pytest.fixture(scope="module")
def crystal():
    """Broad atoms, so that the map to this resolution has no ripples and is positive."""
    return truth("P 1", atoms=6, d_min=1.2, b_iso=35.0)


@pytest.fixture(scope="module")
def grid(crystal):
    return grid_of(crystal)


def disturbed(crystal, grid, spread):
    amplitude = grid_to_hkl(grid.amplitude, grid.index).numpy()
    error = np.random.default_rng(4).normal(0.0, spread, len(amplitude))
    return grid.density(grid.from_reflections(amplitude * np.exp(1j * (true_phases(crystal, grid) + error))))[
        None
    ]


def last(steps):
    return list(steps)[-1][1]


@pytest.mark.parametrize("beta", [0.6, 0.9])
def test_the_true_map_is_a_fixed_point(crystal, grid, beta):
    rho = true_map(crystal, grid)
    assert float(rho.min()) > -0.005 * float(rho.max())
    for _, measured in relax(rho, grid, MolecularEnvelope(grid, 0.9), 40, beta, 10):
        assert map_correlation(measured, rho) > 0.999


def test_the_true_map_stays_when_it_settles(crystal, grid):
    rho = true_map(crystal, grid)
    assert map_correlation(settle(rho, grid, MolecularEnvelope(grid, 0.9), 20), rho) > 0.999


def test_relaxation_and_settling_repair_disturbed_phases(crystal, grid):
    truth_map, start = true_map(crystal, grid), disturbed(crystal, grid, 0.9)
    before = map_correlation(start, truth_map)
    assert before < 0.8
    assert (
        map_correlation(last(relax(start, grid, MolecularEnvelope(grid, 0.4), 150, 0.8, 50)), truth_map)
        > 0.97
    )
    assert map_correlation(settle(start, grid, MolecularEnvelope(grid, 0.4), 50), truth_map) > before + 0.1


def test_reported_maps_have_the_measured_amplitudes(crystal, grid):
    start = random_starts(grid, 2, torch.Generator().manual_seed(0))
    for _, measured in relax(start, grid, MolecularEnvelope(grid, 0.4), 20, 0.8, 10):
        torch.testing.assert_close(impose_amplitudes(measured, grid), measured, rtol=1e-3, atol=1e-4)


def test_reports_come_at_the_asked_iterations_and_at_the_last_one(grid):
    start = random_starts(grid, 1, torch.Generator().manual_seed(0))
    steps = [step for step, _ in relax(start, grid, MolecularEnvelope(grid, 0.4), 25, 0.8, 10)]
    assert steps == [10, 20, 25]


def test_one_step_is_the_published_formula(grid):
    """x → β/2 (R_density R_amplitude + 1) x + (1 − β) P_amplitude x (Luke, 2005), by its reflections."""
    beta, x = 0.7, random_starts(grid, 1, torch.Generator().manual_seed(1)) + 0.1
    constraint = MolecularEnvelope(grid, 0.4)
    p = impose_amplitudes(x, grid)
    constraint.learn(p, 0.5)
    support = constraint.support

    class Learnt:
        def learn(self, rho, progress):
            pass

        def __call__(self, rho):
            return torch.where(support, rho.clamp(min=0.0), 0.0)

    reflected = 2.0 * p - x
    expected = 0.5 * beta * (2.0 * Learnt()(reflected) - reflected + x) + (1.0 - beta) * p
    (_, _), (_, second) = relax(x, grid, Learnt(), 2, beta, 1)
    torch.testing.assert_close(second, impose_amplitudes(expected, grid), rtol=1e-4, atol=1e-5)


def test_a_batch_is_a_loop(grid):
    start = random_starts(grid, 3, torch.Generator().manual_seed(2))
    together = last(relax(start, grid, MolecularEnvelope(grid, 0.4), 10, 0.8, 10))
    for k in range(3):
        alone = last(relax(start[k : k + 1], grid, MolecularEnvelope(grid, 0.4), 10, 0.8, 10))
        assert map_correlation(together[k], alone) > 0.9999


def test_the_constraint_learns_at_the_first_and_then_at_every_fifth_iteration(grid):
    seen = []

    class Watched(MolecularEnvelope):
        def learn(self, rho, progress):
            seen.append(progress)
            super().learn(rho, progress)

    start = random_starts(grid, 1, torch.Generator().manual_seed(0))
    last(relax(start, grid, Watched(grid, 0.4), 20, 0.8, 20))
    assert seen == [step / 20 for step in range(1, 21, LEARN_EVERY)]
