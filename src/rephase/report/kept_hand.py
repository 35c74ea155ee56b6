"""Which of the two hands of a solution is kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.origins import enantiomorph, moved_phases, origin_shifts
from rephase.phasing.hand import decide_hand
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.report.results import Hand

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KeptHand:
    """Phases of the hand that is kept, and of the other one where both are open.

    Attributes
    ----------
    phi
        Phases in radians, shape ``(n,)``.
    other
        Those of the mirror image at a permissible origin, shape ``(n,)``; None where nothing is open.
    record
        For the report.
    warning
        What contradicts the choice; empty if nothing does.
    """

    phi: FloatArray
    other: FloatArray | None
    record: Hand
    warning: str = ""


def keep_hand(prepared: PreparedData, solution: Solution, seed: int) -> KeptHand:
    """Keep the hand that the space group or the density decides, or both where neither does."""
    if solution.judgement.word == "not solved":
        return KeptHand(solution.phi, None, Hand(status="undecided", decided_by="there is no solution"))
    data = prepared.reflections
    grid = solution.problem.grid
    row = grid.expansion.asu_index
    operators = len(solution.setting.operations.sym_ops)
    found = decide_hand(
        grid.expansion.hkl,
        (solution.fom * prepared.f_isotropic)[row],
        solution.finished.phi,
        grid.cell,
        seed=seed,
        copies=operators,
    )
    shifts = origin_shifts(data.spacegroup, data.spacegroup, "other")
    if shifts is None:
        record = Hand(status="decided", decided_by=f"screw axes of {data.spacegroup.xhm()}")
        partner = enantiomorph(data.spacegroup)
        doubt = f"{found.evidence}. The space group may be {partner.xhm() if partner else 'the other one'}."
        return KeptHand(solution.phi, None, record, doubt if found.hand == "other" else "")
    mirrored = moved_phases(data.hkl, solution.phi, shifts.discrete[0], "other")
    if found.hand is None:
        return KeptHand(solution.phi, mirrored, Hand(status="undecided", decided_by=found.evidence))
    if found.hand == "same":
        return KeptHand(solution.phi, None, Hand(status="decided", decided_by=found.evidence))
    inverted = f"{found.evidence}; the phases were inverted"
    return KeptHand(mirrored, None, Hand(status="decided", decided_by=inverted))
