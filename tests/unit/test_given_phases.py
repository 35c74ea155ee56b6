"""Phases to start from: they reach the search as they are, and uncertain ones are drawn anew."""

from pathlib import Path
from types import SimpleNamespace

import gemmi
import numpy as np
import pytest
import torch
from phasing_crystals import problem_of, true_phases, truth
from prior_oracles import projection_of, untrained

from rephase.crystal.reflections import Reflections
from rephase.io.observations import Observations
from rephase.io.start_phases import StartPhases
from rephase.phasing.finish import FinishedPhases
from rephase.phasing.given_phases import (
    GivenPhases,
    at_given_origin,
    drawn_phases,
    from_given,
    given_phases,
    given_starts,
    prior_states_of,
)
from rephase.phasing.prepare import prepare
from rephase.phasing.symmetry_origin import SymmetryFit


@pytest.fixture(scope="module")
def crystal():
    return truth("P 21 21 21", atoms=4, d_min=1.2)


def given_of(crystal, fom: float, evidence: bool = True) -> GivenPhases:
    return GivenPhases(np.angle(crystal.F), np.full(len(crystal.F), fom), evidence)


def test_they_are_expanded_with_their_symmetry(crystal):
    grid = problem_of(crystal).grid
    rows = given_of(crystal, 0.7).on(grid.expansion)
    strong = np.abs(crystal.F)[grid.expansion.asu_index] > 1.0
    true = true_phases(crystal, grid)
    np.testing.assert_allclose(np.exp(1j * rows.phi)[strong], np.exp(1j * true)[strong], atol=1e-3)
    np.testing.assert_array_equal(rows.fom, 0.7)


def test_certain_phases_are_not_drawn_anew():
    given = GivenPhases(np.linspace(-3, 3, 50), np.ones(50), True)
    np.testing.assert_allclose(drawn_phases(given, 4, 0), np.tile(given.phi, (4, 1)))


def test_drawn_phases_have_the_stated_figure_of_merit():
    given = GivenPhases(np.zeros(4000), np.full(4000, 0.6), True)
    drawn = drawn_phases(given, 3, 0)
    np.testing.assert_array_equal(drawn[0], given.phi)
    assert np.cos(drawn[1:]).mean() == pytest.approx(0.6, abs=0.02)
    np.testing.assert_array_equal(drawn, drawn_phases(given, 3, 0))


def test_phases_that_are_not_known_are_random():
    given = GivenPhases(np.zeros(4000), np.zeros(4000), True)
    assert np.abs(np.cos(drawn_phases(given, 2, 0)).mean(axis=1)).max() < 0.05


def test_the_prior_is_shown_them_as_evidence_only_if_they_are(crystal):
    grid = problem_of(crystal).grid
    projection = projection_of(crystal, grid, untrained(), symmetric=True)
    for evidence in (True, False):
        rows = given_of(crystal, 0.5, evidence).on(grid.expansion)
        states = prior_states_of(rows, 3, 0, projection)
        shown = np.abs(grid.at_reflections(states.given))
        expected = 0.5 * projection.amplitude if evidence else np.zeros_like(projection.amplitude)
        np.testing.assert_allclose(shown, np.tile(expected, (3, 1)), atol=1e-4)


def test_the_classical_search_starts_at_them(crystal):
    problem = problem_of(crystal)
    grid = problem.grid
    starts = given_starts(problem, grid, 2, torch.Generator().manual_seed(0), given=given_of(crystal, 0.8))
    F = grid.at_reflections(grid.structure_factors(starts))
    expected = np.where(problem.omitted, 0.0, 0.8 * problem.full)
    np.testing.assert_allclose(np.abs(F[0]), expected, atol=1e-3)
    used = expected > 0.05
    turned = F[0][used] * np.exp(-1j * true_phases(crystal, grid)[used])
    np.testing.assert_allclose(np.angle(turned), 0.0, atol=1e-2)


def observations(count: int = 400) -> Observations:
    cell, group = gemmi.UnitCell(15, 16, 17, 90, 90, 90), gemmi.SpaceGroup("P 1")
    hkl = np.asarray(gemmi.make_miller_array(cell, group, 2.0), dtype=np.int32)[:count]
    f = 20.0 + np.random.default_rng(0).rayleigh(10.0, len(hkl))
    data = Reflections(hkl, f, 0.1 * f, cell, group)
    return Observations(
        hkl=data.hkl,
        value=data.f,
        sigma=data.sigf,
        kind="amplitude",
        labels=("F", "SIGF"),
        cell=cell,
        spacegroup=group,
        source=gemmi.Mtz(),
        free_label=None,
        test_value=None,
        notes=(),
    )


@pytest.mark.parametrize("fom_given", [True, False])
def test_they_stay_with_their_reflections(fom_given):
    observed = observations()
    prepared = prepare(observed, d_min=2.5)
    n = len(observed.hkl)
    phi, known = np.linspace(-3, 3, n), np.arange(n) % 3 > 0
    start = StartPhases(
        np.where(known, phi, 0.0),
        np.where(known, 0.9, 0.0),
        np.zeros((n, 4)),
        known,
        fom_given,
        Path("x.mtz"),
        ("PHI",),
    )
    given = given_phases(start, observed.hkl, prepared)
    assert len(given.phi) == len(prepared) < n
    row = {tuple(hkl): i for i, hkl in enumerate(observed.hkl.tolist())}
    rows = [row[tuple(hkl)] for hkl in prepared.reflections.hkl.tolist()]
    np.testing.assert_array_equal(given.phi, start.phi[rows])
    np.testing.assert_array_equal(given.fom > 0.0, known[rows])
    assert given.evidence == fom_given
    assert from_given(given, prepared).given


@pytest.mark.parametrize(
    ("group", "shift"),
    [("P 21 21 21", (0.5, 0.0, 0.5)), ("P 1 21 1", (0.5, 0.3, 0.0)), ("P 1", (0.1, 0.2, 0.7))],
)
def test_a_solution_at_another_permissible_origin_comes_back_to_theirs(group, shift):
    """Half of the phases are unknown, and the others are wrong by up to 60°."""
    crystal = truth(group, atoms=4, d_min=1.2)
    grid = problem_of(crystal).grid
    n, rng = len(crystal.hkl), np.random.default_rng(0)
    true = np.angle(crystal.F)
    given = GivenPhases(true + rng.uniform(-1.0, 1.0, n), np.where(np.arange(n) % 2, 0.7, 0.0), True)
    moved = true + 2 * np.pi * crystal.hkl @ np.array(shift)
    fit = SymmetryFit(np.zeros(3), 1.0, {})
    elsewhere = FinishedPhases(grid.expansion.phases(moved), moved, np.ones(n), fit, 1.0, False)
    found = at_given_origin(elsewhere, given, prepared_of(crystal, group), grid.expansion)
    strong = np.abs(crystal.F) > 1.0
    assert np.cos(found.phi_asu - true)[strong].min() > 0.9
    assert np.cos(found.phi - grid.expansion.phases(true))[strong[grid.expansion.asu_index]].min() > 0.9


def prepared_of(crystal, group: str) -> SimpleNamespace:
    """The amplitudes of a crystal with a primitive cell, as if measured."""
    f = np.abs(crystal.F)
    data = Reflections(crystal.hkl, f, 0.1 * f, crystal.setting.cell, gemmi.SpaceGroup(group))
    return SimpleNamespace(reflections=data)
