"""The verdict: better figures never make it worse, and symmetry has to agree."""

from dataclasses import replace

import numpy as np
import pytest
from phasing_crystals import problem_of, truth

from rephase.phasing.finish import FinishedPhases
from rephase.phasing.merit import Merit
from rephase.phasing.search import Round
from rephase.phasing.symmetry_origin import SymmetryFit
from rephase.phasing.verdict import judge_solution

ORDER = {"not solved": 0, "doubtful": 1, "solved": 2}


@pytest.fixture(scope="module")
def problem():
    return problem_of(truth("P 1", atoms=3, d_min=1.3, scale=1.4), omitted=0.1)


def outcome(problem, cc_free, agreement=1.0):
    zero = np.zeros(1)
    best = Round(problem, None, Merit(np.array([cc_free]), zero, zero, zero), 500, 0)
    finished = FinishedPhases(zero, zero, zero, SymmetryFit(np.zeros(3), agreement, {}), cc_free, False)
    return best, finished


def few(problem, count):
    omitted = np.zeros(len(problem.full), dtype=bool)
    omitted[:count] = True
    return replace(problem, omitted=omitted)


def test_it_never_gets_worse_with_a_better_figure(problem):
    judged = [judge_solution(*outcome(problem, x), operators=1) for x in np.linspace(-0.2, 0.99, 60)]
    words = [ORDER[j.word] for j in judged]
    chances = [j.probability for j in judged]
    assert words == sorted(words)
    assert set(words) == {0, 1, 2}
    assert chances == sorted(chances)
    assert 0.0 <= chances[0] < 0.01
    assert 0.99 < chances[-1] <= 1.0


def test_it_never_gets_worse_with_better_symmetry(problem):
    judged = [judge_solution(*outcome(problem, 0.9, x), operators=4) for x in np.linspace(0.0, 1.0, 30)]
    words = [ORDER[j.word] for j in judged]
    assert words == sorted(words)
    assert judged[-1].word == "solved"
    assert [j.probability for j in judged] == sorted(j.probability for j in judged)


def test_phases_that_disagree_with_the_symmetry_are_not_solved(problem):
    judged = judge_solution(*outcome(problem, 0.95, 0.2), operators=4)
    assert judged.word != "solved"
    assert judged.probability <= 0.5
    assert judge_solution(*outcome(problem, 0.95, 0.2), operators=1).word == "solved"


def test_a_handful_of_omitted_reflections_is_not_enough(problem):
    assert judge_solution(*outcome(few(problem, 5), 0.65), operators=1).word != "solved"
    assert judge_solution(*outcome(problem, 0.65), operators=1).word == "solved"


def test_nothing_omitted_is_never_solved(problem):
    assert judge_solution(*outcome(few(problem, 0), 0.0), operators=1).word == "not solved"


def test_the_sentence_says_the_numbers(problem):
    count = int(problem.omitted.sum())
    symmetric = judge_solution(*outcome(problem, 0.73, 0.88), operators=4)
    assert str(count) in symmetric.sentence
    assert "0.73" in symmetric.sentence
    assert "0.88" in symmetric.sentence
    assert "operators" not in judge_solution(*outcome(problem, 0.73), operators=1).sentence
    assert symmetric.figure == pytest.approx(0.73)
