"""Which searches suit the data: one recipe for each way of using what is known of the density.

All numbers are the best of those tried on validation fragments and on measured data (LOG.md).
"""

from functools import partial

from rephase.phasing.constraints import AtomsInEnvelope, MolecularEnvelope, SparseAtoms
from rephase.phasing.prepare import PreparedData
from rephase.phasing.search import Recipe

ATOMIC_D_MIN = 1.3  # Å; up to here atoms are separate peaks and need no envelope
_GUESSES = (0.47, 0.70)  # solvent fractions to try where nothing is known: an average and a wet crystal
_CLOSE_PACKED = 0.1  # solvent fraction taken for counting atoms; only the ceiling of their height depends on it


def recipes_for(prepared: PreparedData) -> list[Recipe]:
    """Choose recipes in the order in which they are to be tried.

    Parameters
    ----------
    prepared
        Data, with what is known of the content of the cell.
    """
    if prepared.reflections.d_min <= ATOMIC_D_MIN:
        return [_soft_atoms(), _sharp_atoms()]
    found: list[Recipe] = []
    for solvent in solvent_hypotheses(prepared):
        found += [_envelope(solvent), _atoms_in_envelope(solvent)]
    return found


def solvent_hypotheses(prepared: PreparedData) -> list[float]:
    """Solvent fractions worth trying: one copy of the sequence, the likeliest number of copies, or guesses."""
    if prepared.copies is None:
        return list(_GUESSES)
    likeliest = prepared.solvent_fraction
    single = 1.0 - (1.0 - likeliest) / prepared.copies
    return [single] if prepared.copies == 1 else [single, likeliest]


def _soft_atoms() -> Recipe:
    constraint = partial(SparseAtoms, fraction=1.0 - _CLOSE_PACKED, floor=1.0)
    return Recipe("soft atoms", _CLOSE_PACKED, 0.5, beta=0.75, zero_mean=True, constraint=constraint)


def _sharp_atoms() -> Recipe:
    constraint = partial(SparseAtoms, fraction=1.0 - _CLOSE_PACKED, floor=2.0)
    return Recipe("sharp atoms", _CLOSE_PACKED, 0.9, beta=0.7, zero_mean=True, constraint=constraint)


def _envelope(solvent: float) -> Recipe:
    constraint = partial(MolecularEnvelope, fraction=1.0 - solvent)
    return Recipe("envelope", solvent, 0.0, beta=0.9, zero_mean=False, constraint=constraint)


def _atoms_in_envelope(solvent: float) -> Recipe:
    constraint = partial(AtomsInEnvelope, fraction=1.0 - solvent, floor=1.0)
    return Recipe("atoms in an envelope", solvent, 0.5, beta=0.8, zero_mean=True, constraint=constraint)
