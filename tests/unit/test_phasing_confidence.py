"""The verdict: better figures never make it worse, and symmetry has to agree."""

from dataclasses import replace

import numpy as np
import pytest

from rephase.phasing.confidence import (
    DOUBTFUL_CHANCE,
    SOLVED_CHANCE,
    Evidence,
    chance_without_prior,
    correlation_needed,
    judge_solution,
)
from rephase.phasing.prior_evidence import PriorEvidence

ORDER = {"not solved": 0, "doubtful": 1, "solved": 2}
CLASSICAL = Evidence(
    free_correlation=0.73, free_reflections=200, symmetry=None, cross_validated=0.8, prior=None
)

RIGHT = PriorEvidence(agreement=0.88, log_odds=3.0)


def check_never_worse(series: list[Evidence]) -> None:
    judged = [judge_solution(one) for one in series]
    words, chances = [ORDER[one.word] for one in judged], [one.probability for one in judged]
    assert words == sorted(words)
    assert chances == sorted(chances)
    assert 0.0 <= chances[0] <= chances[-1] <= 1.0


def test_it_never_gets_worse_with_a_better_figure():
    series = [replace(CLASSICAL, free_correlation=x) for x in np.linspace(-0.2, 0.99, 60)]
    check_never_worse(series)
    assert {judge_solution(one).word for one in series} == set(ORDER)
    assert judge_solution(series[0]).probability < 0.01
    assert judge_solution(series[-1]).probability > 0.99


def test_it_never_gets_worse_with_better_symmetry():
    series = [replace(CLASSICAL, free_correlation=0.9, symmetry=x) for x in np.linspace(0.0, 1.0, 30)]
    check_never_worse(series)
    assert judge_solution(series[-1]).word == "solved"


def test_phases_that_disagree_with_the_symmetry_are_not_solved():
    right = replace(CLASSICAL, free_correlation=0.95)
    judged = judge_solution(replace(right, symmetry=0.2))
    assert judged.word != "solved"
    assert judged.probability <= 0.5
    assert judge_solution(right).word == "solved"


def test_a_handful_of_omitted_reflections_is_not_enough():
    assert judge_solution(replace(CLASSICAL, free_correlation=0.7, free_reflections=5)).word != "solved"
    assert judge_solution(replace(CLASSICAL, free_correlation=0.7)).word == "solved"


def test_nothing_omitted_is_never_solved():
    assert judge_solution(replace(CLASSICAL, free_correlation=0.0, free_reflections=0)).word == "not solved"


def test_the_sentence_says_the_numbers():
    symmetric = judge_solution(replace(CLASSICAL, symmetry=0.88))
    assert "200" in symmetric.sentence
    assert "0.73" in symmetric.sentence
    assert "0.88" in symmetric.sentence
    assert "operators" not in judge_solution(CLASSICAL).sentence
    assert symmetric.figure == pytest.approx(0.73)


@pytest.mark.parametrize("count", [5, 100, 3000])
@pytest.mark.parametrize("chance", [DOUBTFUL_CHANCE, SOLVED_CHANCE])
def test_the_limits_of_the_correlation_are_those_of_the_probability(count, chance):
    limit = correlation_needed(chance, count)
    evidence = replace(CLASSICAL, free_correlation=limit, free_reflections=count)
    assert chance_without_prior(evidence) == pytest.approx(chance, rel=1e-6)


def test_with_a_prior_no_figure_decides_alone():
    judged = judge_solution(replace(CLASSICAL, prior=RIGHT))
    assert (judged.solved_above, judged.doubtful_above) == (None, None)
    assert "0.88" in judged.sentence
    assert judge_solution(CLASSICAL).solved_above is not None


@pytest.mark.parametrize("figure", ["free_correlation", "cross_validated", "symmetry"])
def test_with_a_prior_no_better_figure_makes_the_verdict_worse(figure):
    base = replace(CLASSICAL, prior=RIGHT, symmetry=0.9)
    check_never_worse([replace(base, **{figure: x}) for x in np.linspace(0.0, 1.0, 30)])


@pytest.mark.parametrize(("figure", "word"), [(0.5, "not solved"), (0.7, "doubtful"), (0.9, "solved")])
def test_with_a_prior_cross_validation_decides(figure, word):
    assert judge_solution(replace(CLASSICAL, cross_validated=figure, prior=RIGHT)).word == word


def test_free_reflections_have_to_confirm_what_the_prior_likes():
    liked = replace(CLASSICAL, prior=PriorEvidence(agreement=1.0, log_odds=9.0), cross_validated=1.0)
    assert judge_solution(replace(liked, free_correlation=0.9)).word == "solved"
    assert judge_solution(replace(liked, free_correlation=0.1)).word != "solved"
