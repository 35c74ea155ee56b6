"""How many molecules fit the asymmetric unit, and how much solvent is left (Matthews, 1968).

Matthews, B. W. (1968). J. Mol. Biol. 33, 491–497.
"""

import math
from dataclasses import dataclass

import gemmi

from rephase.errors import UserError

_PROTEIN_VOLUME = 1.23  # Å³/Da: 0.74 cm³/g divided by Avogadro's number (Matthews, 1968)
_USUAL_VM = 2.3  # Å³/Da, the most frequent value (Kantardjieff & Rupp, 2003, Protein Sci. 12, 1865–1871)
_SMALLEST_VM = 1.15  # Å³/Da; tightly packed peptides reach 1.25, small-molecule crystals of peptides 1.2

AVERAGE_SOLVENT = 1.0 - _PROTEIN_VOLUME / _USUAL_VM
"""Solvent fraction at the most frequent V_M, 0.47: what is assumed without a sequence."""


@dataclass(frozen=True)
class CellContent:
    """Number of copies and solvent.

    Attributes
    ----------
    copies
        Copies of the whole sequence in the asymmetric unit.
    vm
        Crystal volume per protein mass in Å³/Da.
    solvent_fraction
        Fraction of the volume not taken by protein, between 0 and 1.
    """

    copies: int
    vm: float
    solvent_fraction: float


def cell_content(cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup, mass: float) -> CellContent:
    """Find the number of copies that brings V_M nearest (in ratio) to its most frequent value.

    Parameters
    ----------
    cell, spacegroup
        The crystal.
    mass
        Mass of one copy in Da.

    Raises
    ------
    UserError
        If not even one copy fits.
    """
    asu_volume = cell.volume / len(spacegroup.operations())
    if asu_volume / mass < _SMALLEST_VM:
        raise UserError(
            f"a sequence of at most {asu_volume / _SMALLEST_VM:.0f} Da for this cell",
            f"{mass:.0f} Da in {asu_volume:.0f} Å³ (V_M {asu_volume / mass:.2f} Å³/Da)",
            "give the sequence of the asymmetric unit's content, or check cell and space group",
        )
    most = max(1, int(asu_volume / (_SMALLEST_VM * mass)))
    copies = min(range(1, most + 1), key=lambda n: abs(math.log(asu_volume / (n * mass) / _USUAL_VM)))
    vm = asu_volume / (copies * mass)
    return CellContent(copies, vm, max(0.0, 1.0 - _PROTEIN_VOLUME / vm))
