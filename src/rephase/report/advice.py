"""What to do after a run."""

from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.phase import Solution
from rephase.phasing.prepare import PreparedData
from rephase.phasing.recipes import ATOMIC_D_MIN
from rephase.report.viewers import COOT_SCRIPT

_GOOD_COMPLETENESS = 0.95  # missing reflections hurt ab initio phasing more than refinement


def next_steps(prepared: PreparedData, solution: Solution, kept: KeptHand) -> tuple[str, ...]:
    """Advise how to go on: with the map, or towards one.

    Parameters
    ----------
    prepared
        The data.
    solution
        What came of them.
    kept
        What became of the hand.
    """
    if solution.judgement.word == "solved":
        return (*_look(kept), "Build and refine a model against this map; only a refined model is proof.")
    if solution.judgement.word == "doubtful":
        return (*_look(kept), *_towards_phases(prepared, solution))
    return ("Do not interpret the map.", *_towards_phases(prepared, solution))


def _look(kept: KeptHand) -> tuple[str, ...]:
    look = f"Look at the map: coot --script {COOT_SCRIPT}"
    if kept.decision.hand is not None:
        return (look,)
    return (
        look,
        "The hand is open. Right-handed helices or L residues tell which of the two maps is right: "
        "compare map.ccp4 with map_other_hand.ccp4.",
    )


def _towards_phases(prepared: PreparedData, solution: Solution) -> tuple[str, ...]:
    steps = []
    if solution.time_limit_hit:
        steps.append("Give it more time: --time-limit, and other random numbers: --seed.")
    if prepared.copies is None:
        steps.append("Give the sequence with --sequence: the size of the molecule helps the search.")
    if prepared.reflections.d_min > ATOMIC_D_MIN:
        steps.append(
            f"Data to {ATOMIC_D_MIN:g} Å or better, where atoms are separate, or a crystal form with more "
            "solvent are much easier to phase."
        )
    if prepared.quality.completeness < _GOOD_COMPLETENESS or len(prepared.quality.missing_low):
        steps.append("Measure the missing reflections, those at low resolution above all.")
    if prepared.quality.l_test.twinned:
        steps.append("Look for a crystal that is not twinned.")
    steps.append("If a similar structure is known, use molecular replacement.")
    return tuple(steps)
