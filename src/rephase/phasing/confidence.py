"""How probable it is that a solution is right, from figures that need no truth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Word = Literal["solved", "doubtful", "not solved"]

# Free correlation on validation fragments: solved 0.72 and more, far from it 0.35 and less (LOG.md).
SOLVED_ABOVE = 0.60
DOUBTFUL_ABOVE = 0.45
_EVEN_CHANCE = 0.50  # middle of the empty range, where a start is as likely right as wrong
_STEEPNESS = 30.0  # logistic: 5 % at 0.40, 95 % at 0.60
_MARGIN = 2.0  # standard errors of the correlation; the best of many rounds is judged, and data may be few
_SYMMETRY_NEEDED = 0.65  # agreement of mates phased independently: 0.95 if right, settled noise up to 0.56


@dataclass(frozen=True)
class PriorEvidence:
    """What the density prior says of a solution.

    Attributes
    ----------
    merit
        Mean figure of merit of its prediction, Σ A|P| / Σ A².
    agreement
        Σ A|P| cos Δφ / Σ A² of its prediction from the map and that from its inverse, the larger one.
    contrast
        The larger of these minus the smaller one.
    """

    merit: float
    agreement: float
    contrast: float


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
    agreeing
        Other starts with the same map, as a part of those compared.
    contrast
        Standard deviation of the local density variance over its mean: solvent makes it large.
    prior
        What the density prior says; None without one.
    """

    free_correlation: float
    free_reflections: int
    symmetry: float | None
    agreeing: float
    contrast: float
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
        The free correlation behind it.
    sentence
        For people.
    """

    word: Word
    probability: float
    figure: float
    sentence: str


def judge_solution(evidence: Evidence) -> Judgement:
    """Judge a solution by its figures; a better one never makes the verdict worse."""
    figure, count = evidence.free_correlation, evidence.free_reflections
    lower = figure - _MARGIN * (1.0 - figure**2) / np.sqrt(max(count - 1, 1))
    confirmed = evidence.symmetry is None or evidence.symmetry >= _SYMMETRY_NEEDED
    probability = float(1.0 / (1.0 + np.exp(-_STEEPNESS * (lower - _EVEN_CHANCE))))
    if not confirmed:
        probability = min(probability, 0.5)
    word: Word = "not solved"
    if lower >= DOUBTFUL_ABOVE:
        word = "solved" if figure >= SOLVED_ABOVE and confirmed else "doubtful"
    sentence = f"{count} reflections that were never used are predicted with a correlation of {figure:.2f}"
    if evidence.symmetry is not None:
        sentence += f"; phases found without symmetry obey the operators to {evidence.symmetry:.2f}"
    return Judgement(word, probability, figure, sentence + ".")
