"""How probable it is that a solution is right, from figures that need no truth."""

import math
from dataclasses import dataclass
from typing import Literal

from rephase.phasing.prior_evidence import PriorEvidence

Word = Literal["solved", "doubtful", "not solved"]

SOLVED_CHANCE = 0.90
"""Probability from which a solution is called solved: by less, wrong ones were called so (LOG.md)."""

DOUBTFUL_CHANCE = 0.20

_MARGIN = 2.0  # standard errors of the correlation; the best of many rounds is judged, and data may be few
_SYMMETRY_NEEDED = 0.65  # agreement of mates phased independently: 0.95 if right, settled noise up to 0.56

# Without a prior, by the lower bound of the free correlation alone. On validation fragments it is 0.72 and
# more where the map is right, 0.35 and less where it is far from it (LOG.md): even chances in the middle of
# the empty range, and 5 % at 0.40, 95 % at 0.60.
_EVEN_CHANCE = 0.50
_STEEPNESS = 30.0

# With a prior, by the cross-validation of all reflections: logistic regression on validation crystals
# (benchmarks/confidence.py). All but 1 of 122 right answers have 0.67 and more, 87 wrong ones 0.60 and less.
_EVEN_WITH_PRIOR = 0.665
_STEEPNESS_WITH_PRIOR = 21.6

LEAST_BOUND = 0.25
"""Free correlation less two standard errors that a solution needs to be called solved: cross-validation is of
phases that all reflections have had a part in. On validation crystals 116 of 122 right answers have more, and
8 of 87 wrong ones, 0.34 at most."""

UNCONFIRMED = 0.5


@dataclass(frozen=True)
class Evidence:
    """Figures of a solution.

    Attributes
    ----------
    free_correlation
        Of measured and predicted E of reflections that had no part in the phases.
    free_reflections
        How many independent ones there are.
    symmetry
        ⟨cos Δφ⟩ of symmetry mates that were phased independently; None where there are none.
    cross_validated
        Correlation of measured and predicted E of all reflections, each predicted from the others; the
        search knew them.
    prior
        What the density prior says; None without one.
    """

    free_correlation: float
    free_reflections: int
    symmetry: float | None
    cross_validated: float
    prior: PriorEvidence | None = None


@dataclass(frozen=True)
class Judgement:
    """Verdict on a solution.

    Attributes
    ----------
    word
        ``"solved"``, ``"doubtful"`` or ``"not solved"``.
    probability
        That the map correlates with the true one by 0.8 or more, up to hand; calibrated on fragments.
    figure
        The free correlation.
    solved_above, doubtful_above
        What it has to be where it decides alone; None where it does not.
    sentence
        For people.
    """

    word: Word
    probability: float
    figure: float
    solved_above: float | None
    doubtful_above: float | None
    sentence: str


def judge_solution(evidence: Evidence) -> Judgement:
    """Judge a solution by its figures; a better one never makes the verdict worse."""
    alone = evidence.prior is None
    probability = chance_without_prior(evidence) if alone else chance_with_prior(evidence)
    if evidence.symmetry is not None and evidence.symmetry < _SYMMETRY_NEEDED:
        probability = min(probability, 0.5)
    word: Word = "not solved"
    if probability >= DOUBTFUL_CHANCE:
        word = "solved" if probability >= SOLVED_CHANCE else "doubtful"
    count = evidence.free_reflections
    return Judgement(
        word=word,
        probability=probability,
        figure=evidence.free_correlation,
        solved_above=correlation_needed(SOLVED_CHANCE, count) if alone else None,
        doubtful_above=correlation_needed(DOUBTFUL_CHANCE, count) if alone else None,
        sentence=_sentence(evidence),
    )


def chance_without_prior(evidence: Evidence) -> float:
    """Probability that a solution of the classical search is right."""
    return _logistic(_STEEPNESS * (lower_bound(evidence) - _EVEN_CHANCE))


def chance_with_prior(evidence: Evidence) -> float:
    """Probability that a solution is right of which the density prior says something."""
    chance = _logistic(_STEEPNESS_WITH_PRIOR * (evidence.cross_validated - _EVEN_WITH_PRIOR))
    return chance if lower_bound(evidence) >= LEAST_BOUND else min(chance, UNCONFIRMED)


def lower_bound(evidence: Evidence) -> float:
    """Free correlation less two standard errors."""
    r = evidence.free_correlation
    return r - _standard_errors(evidence.free_reflections) * (1.0 - r**2)


def correlation_needed(probability: float, count: int) -> float:
    """Free correlation of `count` reflections that gives a probability, where it decides alone: up to 1."""
    bound = _EVEN_CHANCE + math.log(probability / (1.0 - probability)) / _STEEPNESS
    errors = _standard_errors(count)  # r − errors (1 − r²) = bound
    return (math.sqrt(1.0 + 4.0 * errors * (bound + errors)) - 1.0) / (2.0 * errors)


def _standard_errors(count: int) -> float:
    return _MARGIN / math.sqrt(max(count - 1, 1))


def _logistic(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(score, -700.0)))


def _sentence(evidence: Evidence) -> str:
    count, r = evidence.free_reflections, evidence.free_correlation
    sentence = f"{count} reflections that were never used are predicted with a correlation of {r:.2f}"
    if evidence.prior is not None:
        sentence += f"; the density prior agrees with the map to {evidence.prior.agreement:.2f}"
    if evidence.symmetry is not None:
        sentence += f"; phases found without symmetry obey the operators to {evidence.symmetry:.2f}"
    return sentence + "."
