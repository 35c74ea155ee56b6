"""Side-chain conformers: the most common rotamer of each residue, in the names that PeptideBuilder uses.

The χ angles are those of the most populated rotamer of the penultimate rotamer library (Lovell, Word,
Richardson & Richardson 2000, Proteins 40, 389; common-atom values rounded to 5°). Proline keeps the ring of
PeptideBuilder.
"""

from types import MappingProxyType
from typing import Any

CHI_DEG = MappingProxyType(
    {
        "C": (-65,),  # m
        "D": (-70, -15),  # m-20
        "E": (-65, 180, -10),  # mt-10
        "F": (-65, -85),  # m-85
        "H": (-65, -70),  # m-70
        "I": (-65, 170),  # mt
        "K": (-65, 180, 180, 180),  # mttt
        "L": (-65, 175),  # mt
        "M": (-65, -65, -70),  # mmm
        "N": (-65, -20),  # m-20
        "Q": (-65, 180, -25),  # mt-30
        "R": (-65, 180, 180, 175),  # mtt180
        "S": (60,),  # p
        "T": (60,),  # p
        "V": (175,),  # t
        "W": (-65, 95),  # m95
        "Y": (-65, -85),  # m-85
    }
)
"""χ1, χ2 … in degrees by one-letter code; glycine, alanine and proline have none to set."""

BRANCH_DEG = 122.0
"""Angle about the bond between the two heavy branches of a tetrahedral carbon, seen along the chain."""


def rotamer_angles(residue: str) -> list[float] | None:
    """Return the angles that PeptideBuilder's ``inputRotamers`` takes, in degrees; None where there are none.

    PeptideBuilder wants the second branch of Val, Ile, Leu and Thr and the guanidinium of Arg as well; for
    planar groups it finds the second branch itself.
    """
    if residue not in CHI_DEG:
        return None
    chi = [float(angle) for angle in CHI_DEG[residue]]
    if residue == "V":
        return [chi[0], chi[0] + BRANCH_DEG]
    if residue == "T":
        return [chi[0], chi[0] - BRANCH_DEG]
    if residue == "I":
        return [chi[0], chi[0] - BRANCH_DEG, chi[1]]
    if residue == "L":
        return [*chi, chi[1] + BRANCH_DEG]
    if residue == "R":
        return [*chi, 0.0, 180.0]
    return chi


def set_rotamer(geometry: Any) -> None:
    """Give a PeptideBuilder residue geometry its most common rotamer."""
    angles = rotamer_angles(geometry.residue_name)
    if angles is not None:
        geometry.inputRotamers(angles)
