"""Which of the two hands of a solution is kept."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.origins import OriginShifts, enantiomorph, moved_phases, origin_shifts
from rephase.models.trained_prior import outside_prior_range
from rephase.phasing.hand import HandDecision, decide_hand, nothing_decides
from rephase.phasing.hand_network import hand_by_network
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_hand import hand_with_prior
from rephase.phasing.prior_projection import PriorProjection

FloatArray = NDArray[np.float64]

LEANING = ("network", "prior")
"""Sources whose score says something even where it decides nothing."""


@dataclass(frozen=True, eq=False)
class KeptHand:
    """Phases of the hand that is kept, and of the other one where both are open.

    Attributes
    ----------
    phi
        Phases in radians, shape ``(n,)``.
    other
        Those of the mirror image at a permissible origin, shape ``(n,)``; None where nothing is open.
    decision
        What decided, about the phases of the solution as it was found.
    inverted
        Whether `phi` are those of the inverse of that solution.
    warning
        What contradicts the choice; empty if nothing does.
    """

    phi: FloatArray
    other: FloatArray | None
    decision: HandDecision
    inverted: bool = False
    warning: str = ""


def keep_hand(prepared: PreparedData, solution: Solution, seed: int) -> KeptHand:
    """Keep the hand that the space group, the network or the density decides, or both where none does.

    Parameters
    ----------
    prepared
        The data.
    solution
        What came of them.
    seed
        Of the search of the density.
    """
    if solution.judgement.word == "not solved":
        return KeptHand(solution.phi, None, nothing_decides("there is no solution"))
    data = prepared.reflections
    found = _evidence(prepared, solution, seed)
    if solution.judgement.word == "doubtful":  # what tells the hand of right maps only leans in others
        found = replace(found, hand=None)
    if solution.problem.recipe.given and found.hand is None:
        found = HandDecision("same", f"the hand of the given phases; {found.evidence}", found.score, "given")
    shifts = origin_shifts(data.spacegroup, data.spacegroup, "other")
    if shifts is None:
        decision = HandDecision("same", f"screw axes of {data.spacegroup.xhm()}", math.inf, "screw axes")
        partner = enantiomorph(data.spacegroup)
        doubt = f"{found.evidence}. The space group may be {partner.xhm() if partner else 'the other one'}."
        return KeptHand(solution.phi, None, decision, warning=doubt if found.hand == "other" else "")
    return _chosen(prepared, solution, found, shifts)


def _evidence(prepared: PreparedData, solution: Solution, seed: int) -> HandDecision:
    """Ask the network where it knows such crystals, else the density itself, and the prior if there is one.

    The templates that are fitted to the density are of longer chains than the crystals of networks hold.
    """
    grid = solution.problem.grid
    row = grid.expansion.asu_index
    f, phi = (solution.fom * prepared.f_isotropic)[row], solution.finished.phi
    if solution.predictions is not None and not solution.predictions.outside:
        return hand_by_network(solution.predictions, grid.expansion.hkl, f, phi)
    operators = len(solution.setting.operations.sym_ops)
    found = decide_hand(grid.expansion.hkl, f, phi, grid.cell, seed=seed, copies=operators)
    said = solution.evidence.prior
    if said is None or solution.prior is None or _unknown_to(solution.prior, prepared):
        return found
    return hand_with_prior(found, said)


def _unknown_to(projection: PriorProjection, prepared: PreparedData) -> bool:
    return bool(outside_prior_range(projection.prior.record, prepared.reflections.d_min))


def _chosen(
    prepared: PreparedData, solution: Solution, found: HandDecision, shifts: OriginShifts
) -> KeptHand:
    """Keep one hand, or put the likelier one first where a network or the prior leans to it."""
    mirrored = moved_phases(prepared.reflections.hkl, solution.phi, shifts.discrete[0], "other")
    inverted = found.hand == "other" or (found.hand is None and found.source in LEANING and found.score < 0)
    phi, other = (mirrored, solution.phi) if inverted else (solution.phi, mirrored)
    return KeptHand(phi, other if found.hand is None else None, found, inverted)
