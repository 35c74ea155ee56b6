"""Phasing with a density prior, end to end: one that knows the answer is believed, another is not."""

import numpy as np
import pytest
from network_crystals import dipeptide, measured
from phasing_crystals import CPU
from prior_oracles import oracle, untrained

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.structure_factors import structure_factors
from rephase.evaluate.alignment import align
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.exploration import FROM_GIVEN, FROM_RANDOM
from rephase.phasing.given_phases import GivenPhases
from rephase.phasing.kept_hand import keep_hand
from rephase.phasing.phase import Solution, phase, pose, project_prior
from rephase.phasing.prepare import PreparedData
from rephase.phasing.recipes import recipes_for


@pytest.fixture(scope="module")
def crystal(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedData, np.ndarray]:
    """A dipeptide and its true phases, radians, shape ``(n,)``."""
    model = dipeptide(cell=(12.0, 12.0, 12.0, 90.0, 90.0, 90.0))
    prepared = measured(model, tmp_path_factory.mktemp("data"))
    return prepared, np.angle(structure_factors(model, prepared.reflections.hkl))


def knowing(prepared: PreparedData, true: np.ndarray) -> TrainedPrior:
    data = prepared.reflections
    setting = primitive_setting(data.cell, data.spacegroup)
    problem = pose(prepared, recipes_for(prepared)[0], setting, data.hkl, 0, CPU)
    projection = project_prior(untrained(), problem, prepared)
    phi = problem.grid.expansion.phases(true)
    return oracle(problem.grid, phi, amplitude=projection.data.amplitude)


def correlation(crystal: tuple[PreparedData, np.ndarray], solution: Solution) -> float:
    prepared, true = crystal
    data = prepared.reflections
    return align(data.hkl, data.f, true, data.f, solution.phi, data.spacegroup).score


def test_a_prior_that_knows_the_answer_is_believed(crystal) -> None:
    prepared, true = crystal
    prior = knowing(prepared, true)
    solution = phase(prepared, seed=0, device=CPU, time_limit=60.0, prior=prior)
    assert solution.judgement.word == "solved"
    assert solution.judgement.probability > 0.9
    assert {start.recipe for start in solution.starts} == {FROM_RANDOM}
    assert all(start.by_prior for start in solution.starts)
    assert correlation(crystal, solution) > 0.99
    assert solution.evidence.prior is not None
    assert keep_hand(prepared, solution, seed=0).phi.shape == true.shape


def test_given_phases_come_first_and_keep_origin_and_hand(crystal) -> None:
    prepared, true = crystal
    given = GivenPhases(true, np.full(len(true), 0.8), True)
    solution = phase(
        prepared, seed=0, device=CPU, time_limit=60.0, prior=knowing(prepared, true), given=given
    )
    assert {start.recipe for start in solution.starts} == {FROM_GIVEN}
    assert np.average(np.cos(solution.phi - true), weights=prepared.reflections.f) > 0.99
    assert solution.problem.recipe.given


def test_a_prior_that_has_learnt_nothing_solves_nothing(crystal) -> None:
    prepared, _ = crystal
    solution = phase(prepared, seed=0, device=CPU, time_limit=0.0, prior=untrained())
    assert solution.judgement.word == "not solved"
    assert solution.time_limit_hit
