"""Cell shapes: the angles that are drawn and the edges that are tied, by crystal system."""

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError

FloatArray = NDArray[np.float64]

ANGLES = np.array([90.0, 100.0, 110.0, 120.0])
"""Cell angles in degrees, and their odds (RecCrysFormer 2025, appendix "Unit Cell Configuration")."""
ANGLE_ODDS = np.array([1 / 3, 1 / 3, 2 / 9, 1 / 9])

FLATTEST = 0.25  # least volume of a cell with unit edges: 120/120/120° is flat, 120/120/110° has 0.46


def chiral_group(name: str) -> gemmi.SpaceGroup:
    """Return the space group of that name, one of the 65 that keep the hand of a molecule.

    Raises
    ------
    UserError
        If there is no such group, or it has mirrors or inversions.
    """
    group = gemmi.find_spacegroup_by_name(name)
    if group is None:
        raise UserError("a space group symbol", repr(name), "write it as P1, P21, P212121, C2, P43212 …")
    if not group.is_sohncke():
        raise UserError("a space group of chiral molecules (no mirror, no inversion)", group.hm)
    return group


def unit_cell_volume(angles_deg: FloatArray) -> float:
    """Return the volume of a cell with unit edges and these angles, shape ``(3,)``; 0 if they cannot meet."""
    cos = np.cos(np.radians(angles_deg))
    return float(np.sqrt(max(0.0, 1.0 - float((cos**2).sum()) + 2.0 * float(cos.prod()))))


def draw_triclinic_angles(rng: np.random.Generator) -> FloatArray:
    """Draw α, β, γ in degrees from 90/100/110/120 with p = 1/3, 1/3, 2/9, 1/9, until they close a cell."""
    while True:
        angles = np.asarray(rng.choice(ANGLES, size=3, p=ANGLE_ODDS))
        if unit_cell_volume(angles) > FLATTEST:
            return angles


def draw_angles(spacegroup: gemmi.SpaceGroup, rng: np.random.Generator) -> FloatArray:
    """Draw α, β, γ in degrees, shape ``(3,)``; only the angles that the crystal system leaves free vary."""
    system = spacegroup.crystal_system()
    if system == gemmi.CrystalSystem.Triclinic:
        return draw_triclinic_angles(rng)
    angles = np.full(3, 90.0)
    if spacegroup.ext == "R":
        angles[:] = rng.choice(ANGLES[:3])
    elif system == gemmi.CrystalSystem.Monoclinic:
        angles["abc".index(spacegroup.monoclinic_unique_axis())] = rng.choice(ANGLES, p=ANGLE_ODDS)
    elif system in (gemmi.CrystalSystem.Trigonal, gemmi.CrystalSystem.Hexagonal):
        angles[2] = 120.0
    return angles


def tie_edges(spacegroup: gemmi.SpaceGroup, edges: FloatArray) -> FloatArray:
    """Return edges, shape ``(3,)``, with those that symmetry makes equal replaced by their geometric mean."""
    system = spacegroup.crystal_system()
    tied = edges.copy()
    if system == gemmi.CrystalSystem.Cubic or spacegroup.ext == "R":
        tied[:] = np.cbrt(edges.prod())
    elif system in (
        gemmi.CrystalSystem.Tetragonal,
        gemmi.CrystalSystem.Trigonal,
        gemmi.CrystalSystem.Hexagonal,
    ):
        tied[:2] = np.sqrt(edges[0] * edges[1])
    return tied
