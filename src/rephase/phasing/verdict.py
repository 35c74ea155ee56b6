"""Whether to believe a solution, from figures that need no truth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rephase.phasing.finish import FinishedPhases
from rephase.phasing.search import Round

Word = Literal["solved", "doubtful", "not solved"]

SOLVED_ABOVE = 0.60  # free correlation; see benchmarks/calibration.py for both limits and the logistic curve
DOUBTFUL_ABOVE = 0.45
_MIDPOINT = 0.55
_STEEPNESS = 30.0
_SYMMETRY_NEEDED = 0.5  # agreement of symmetry mates that were phased independently


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
    count = int(best.problem.omitted.sum())
    figure = best.figure
    error = (1.0 - figure**2) / np.sqrt(max(count - 1, 1))
    lower = figure - 2.0 * error
    symmetric = operators > 1
    confirmed = not symmetric or finished.fit.agreement >= _SYMMETRY_NEEDED
    probability = float(1.0 / (1.0 + np.exp(-_STEEPNESS * (lower - _MIDPOINT + error))))
    if figure >= SOLVED_ABOVE and lower >= DOUBTFUL_ABOVE and confirmed:
        word: Word = "solved"
    elif figure >= DOUBTFUL_ABOVE and lower >= DOUBTFUL_ABOVE - 0.15:
        word = "doubtful"
    else:
        word = "not solved"
    if not confirmed:
        probability = min(probability, 0.5)
    sentence = f"{count} reflections that were never used are predicted with a correlation of {figure:.2f}"
    if symmetric:
        sentence += f"; phases found without symmetry obey the operators to {finished.fit.agreement:.2f}"
    return Judgement(word, probability, figure, sentence + ".")
