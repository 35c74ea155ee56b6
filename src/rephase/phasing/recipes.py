"""Which searches suit the data: one recipe for each way of using what is known of the density."""

from functools import partial

from rephase.phasing.constraints import AtomsInEnvelope, MolecularEnvelope, SparseAtoms
from rephase.phasing.prepare import PreparedData
from rephase.phasing.search import Recipe

ATOMIC_D_MIN = 1.3  # Å; below it atoms are separate peaks and need no envelope
_GUESSES = (0.47, 0.70, 0.30)  # solvent fractions to try where nothing is known: mean, wet and dry crystals


def recipes_for(prepared: PreparedData) -> list[Recipe]:
    """Choose recipes in the order in which they are to be tried.

    The values of β and of the sharpening are the best of those tried on validation fragments (LOG.md).

    Parameters
    ----------
    prepared
        Data, with what is known of the content of the cell.
    """
    atomic = prepared.reflections.d_min <= ATOMIC_D_MIN
    found: list[Recipe] = []
    for solvent in solvent_hypotheses(prepared):
        protein = 1.0 - solvent
        if atomic:
            atoms = partial(SparseAtoms, fraction=protein)
            found.append(Recipe("separate atoms", solvent, sharpening=0.5, beta=0.75, constraint=atoms))
        else:
            outline = partial(MolecularEnvelope, fraction=protein)
            found.append(Recipe("envelope", solvent, sharpening=0.0, beta=0.9, constraint=outline))
        both = partial(AtomsInEnvelope, fraction=protein)
        found.append(Recipe("atoms in an envelope", solvent, sharpening=0.5, beta=0.8, constraint=both))
    return found


def solvent_hypotheses(prepared: PreparedData) -> list[float]:
    """Solvent fractions worth trying: one copy of the sequence, the likeliest number of copies, or guesses."""
    if prepared.copies is None:
        return list(_GUESSES)
    likeliest = prepared.solvent_fraction
    single = 1.0 - (1.0 - likeliest) / prepared.copies
    return [single] if prepared.copies == 1 else [single, likeliest]
