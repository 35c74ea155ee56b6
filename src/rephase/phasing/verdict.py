"""Whether to believe a solution, from figures that need no truth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rephase.phasing.finish import FinishedPhases
from rephase.phasing.search import Round

Word = Literal["solved", "doubtful", "not solved"]

# Free correlation on validation fragments: solved 0.72 and more, far from it 0.35 and less (LOG.md).
SOLVED_ABOVE = 0.60
DOUBTFUL_ABOVE = 0.45
_EVEN_CHANCE = 0.50  # middle of the empty range, where a start is as likely right as wrong
_STEEPNESS = 30.0  # logistic: 5 % at 0.40, 95 % at 0.60
_MARGIN = 2.0  # standard errors of the correlation; the best of many rounds is judged, and data may be few
_SYMMETRY_NEEDED = 0.65  # agreement of mates phased independently: 0.95 if right, settled noise up to 0.56


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


def judge_solution(best: Round, finished: FinishedPhases, operators: int) -> Judgement:
    """Judge the best start of a search.

    Parameters
    ----------
    best
        Its round.
    finished
        What became of it.
    operators
        Number of symmetry operators; with more than one their agreement has to confirm the phases.
    """
    rows = best.problem.grid.expansion.asu_index[best.problem.omitted]
    count = len(np.unique(rows))  # symmetry mates share one measurement
    figure = best.figure
    lower = figure - _MARGIN * (1.0 - figure**2) / np.sqrt(max(count - 1, 1))
    symmetric = operators > 1
    confirmed = not symmetric or finished.fit.agreement >= _SYMMETRY_NEEDED
    probability = float(1.0 / (1.0 + np.exp(-_STEEPNESS * (lower - _EVEN_CHANCE))))
    if not confirmed:
        probability = min(probability, 0.5)
    word: Word = "not solved"
    if lower >= DOUBTFUL_ABOVE:
        word = "solved" if figure >= SOLVED_ABOVE and confirmed else "doubtful"
    sentence = f"{count} reflections that were never used are predicted with a correlation of {figure:.2f}"
    if symmetric:
        sentence += f"; phases found without symmetry obey the operators to {finished.fit.agreement:.2f}"
    return Judgement(word, probability, figure, sentence + ".")
