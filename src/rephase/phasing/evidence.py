"""Collect the figures by which a solution is judged."""

import numpy as np

from rephase.phasing.confidence import Evidence
from rephase.phasing.finish import FinishedPhases
from rephase.phasing.prior_evidence import prior_evidence
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.search import Round


def evidence_of(best: Round, finished: FinishedPhases, projection: PriorProjection | None) -> Evidence:
    """Collect what is known of the best start of a round.

    Parameters
    ----------
    best
        The round.
    finished
        What became of its best start.
    projection
        The prior at work on all reflections; None without one.
    """
    problem = best.problem
    rows = problem.grid.expansion.asu_index[problem.omitted]
    return Evidence(
        free_correlation=best.figure,
        free_reflections=len(np.unique(rows)),  # symmetry mates share one measurement
        symmetry=finished.fit.agreement if finished.fit.by_operator else None,
        cross_validated=finished.cross_validated,
        prior=prior_evidence(projection, finished.phi) if projection is not None else None,
    )
