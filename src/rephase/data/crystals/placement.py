"""Placements: the few numbers that put a known molecule into a crystal."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from rephase.data.crystals.crystal_model import B_ISO, CrystalModel, mass_centre, orthogonalisation

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a molecule lies in a crystal.

    Attributes
    ----------
    cell
        Edges in Å and angles in degrees, shape ``(6,)``.
    spacegroup
        Hermann–Mauguin symbol, with the setting.
    rotation
        Unit quaternion (x, y, z, w) that turns the molecule, shape ``(4,)``.
    centre_frac
        Fractional position of its mass-weighted centre, shape ``(3,)``.
    """

    cell: FloatArray
    spacegroup: str
    rotation: FloatArray
    centre_frac: FloatArray


def placement_of(model: CrystalModel, xyz_cart: FloatArray) -> Placement:
    """Find the placement that takes a molecule at `xyz_cart`, shape ``(n, 3)`` in Å, into a crystal of it."""
    in_crystal = model.xyz_cart
    centre = mass_centre(in_crystal, model.elements)
    start = xyz_cart - mass_centre(xyz_cart, model.elements)
    turn, _ = Rotation.align_vectors(in_crystal - centre, start)
    return Placement(
        cell=np.array(model.cell.parameters),
        spacegroup=model.spacegroup.xhm(),
        rotation=turn.as_quat(),
        centre_frac=np.asarray(np.linalg.solve(orthogonalisation(model.cell), centre)),
    )


def placed(placement: Placement, xyz_cart: FloatArray, elements: NDArray[np.str_]) -> CrystalModel:
    """Put a molecule at `xyz_cart`, shape ``(n, 3)`` in Å, into its crystal."""
    cell = gemmi.UnitCell(*placement.cell)
    turned = Rotation.from_quat(placement.rotation).apply(xyz_cart - mass_centre(xyz_cart, elements))
    return CrystalModel(
        cell=cell,
        spacegroup=gemmi.SpaceGroup(placement.spacegroup),
        xyz_frac=np.linalg.solve(orthogonalisation(cell), turned.T).T + placement.centre_frac,
        elements=elements,
        b_iso=np.full(len(elements), B_ISO),
    )
