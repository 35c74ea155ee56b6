"""Which searches suit the data: recipes that differ in where they start and in what they know of the density.

All numbers are the best of those tried on validation fragments and on measured data (LOG.md).
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import AtomsInEnvelope, MolecularEnvelope, SparseAtoms
from rephase.phasing.fragment_seeds import BackbonePiece, fragment_starts, helix, strand
from rephase.phasing.prepare import PreparedData
from rephase.phasing.projections import random_starts
from rephase.phasing.search import Problem, Recipe

Start = Callable[[Problem, AmplitudeGrid, int, torch.Generator], Tensor]

ATOMIC_D_MIN = 1.3  # Å; up to here atoms are separate peaks and need no envelope
ENVELOPED_ATOMS_D_MIN = 1.7  # Å; beyond it peaks are no atoms: none of ten tight cells was solved at 2.0 Å
_GUESSES = (0.47, 0.70)  # solvent fractions to try where nothing is known: an average and a wet crystal
_CLOSE_PACKED = (
    0.1  # solvent fraction taken for counting atoms; only the ceiling of their height depends on it
)


def recipes_for(prepared: PreparedData) -> list[Recipe]:
    """Choose recipes in the order in which they are to be tried.

    Parameters
    ----------
    prepared
        Data, with what is known of the content of the cell.
    """
    if prepared.reflections.d_min <= ATOMIC_D_MIN:
        return [
            soft_atoms(),
            sharp_atoms("helices", _from(helix(10))),
            sharp_atoms("random phases", at_random),
        ]
    found: list[Recipe] = []
    for solvent in solvent_hypotheses(prepared):
        found += [enveloped(solvent), tightly_enveloped(solvent)]
        if prepared.reflections.d_min <= ENVELOPED_ATOMS_D_MIN:
            found += [
                atoms_in_envelope(solvent, "helices", _from(helix(8))),
                atoms_in_envelope(solvent, "random phases", at_random),
                atoms_in_envelope(solvent, "strands", _from(strand(5))),
            ]
    return found


def solvent_hypotheses(prepared: PreparedData) -> list[float]:
    """Solvent fractions worth trying: one copy of the sequence, the likeliest number, or guesses."""
    if prepared.copies is None:
        return list(_GUESSES)
    likeliest = prepared.solvent_fraction
    single = 1.0 - (1.0 - likeliest) / prepared.copies
    return [single] if prepared.copies == 1 else [single, likeliest]


def at_random(problem: Problem, grid: AmplitudeGrid, starts: int, generator: torch.Generator) -> Tensor:
    """Start from random phases, see `random_starts`."""
    return random_starts(grid, starts, generator)


def soft_atoms() -> Recipe:
    """Slightly sharpened data, a low floor: small structures and noisy data."""
    constraint = partial(SparseAtoms, fraction=1.0 - _CLOSE_PACKED, floor=1.0)
    return Recipe("soft atoms from random phases", _CLOSE_PACKED, 0.5, 0.75, True, constraint, at_random)


def sharp_atoms(origin: str, start: Start) -> Recipe:
    """Almost normalised data, a high floor: hundreds of atoms."""
    constraint = partial(SparseAtoms, fraction=1.0 - _CLOSE_PACKED, floor=2.0)
    return Recipe(f"sharp atoms from {origin}", _CLOSE_PACKED, 0.9, 0.70, True, constraint, start)


def enveloped(solvent: float) -> Recipe:
    """Envelope and positivity alone: much solvent."""
    constraint = partial(MolecularEnvelope, fraction=1.0 - solvent)
    return Recipe("envelope from random phases", solvent, 0.0, 0.90, False, constraint, at_random)


def tightly_enveloped(solvent: float) -> Recipe:
    """Shrink the envelope to what is well above zero, and wander more: tight cells."""
    constraint = partial(MolecularEnvelope, fraction=0.85 * (1.0 - solvent))
    return Recipe("tight envelope from random phases", solvent, 0.0, 0.95, False, constraint, at_random)


def atoms_in_envelope(solvent: float, origin: str, start: Start) -> Recipe:
    """Peaks inside an envelope: little solvent, atoms not quite resolved."""
    constraint = partial(AtomsInEnvelope, fraction=1.0 - solvent, floor=1.0)
    return Recipe(f"atoms in an envelope from {origin}", solvent, 0.5, 0.80, True, constraint, start)


def _from(piece: BackbonePiece) -> Start:
    return partial(fragment_starts, piece=piece)
