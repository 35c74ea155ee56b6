"""Put a molecule into a crystal: the growing P1 cell of RecCrysFormer, and the door to the other groups."""

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from rephase.data.crystals.cell_shapes import chiral_group, draw_triclinic_angles
from rephase.data.crystals.contacts import (
    MIN_CONTACT,
    InteratomicVectors,
    interatomic_vectors,
    lattice_box,
)
from rephase.data.crystals.crystal_model import (
    B_ISO,
    CrystalModel,
    mass_centre,
    orthogonalisation,
    protein_volume,
)
from rephase.data.crystals.packing_symmetry import pack_symmetric
from rephase.errors import UserError

FloatArray = NDArray[np.float64]

EDGE_STEP = 0.25  # Å


def pack(
    xyz_cart: FloatArray,
    elements: NDArray[np.str_],
    rng: np.random.Generator,
    spacegroup: str = "P 1",
    *,
    solvent: float | None = None,
    draws: int = 1,
) -> CrystalModel:
    """Pack a molecule so that every intermolecular contact is longer than 3.45 Å.

    Parameters
    ----------
    xyz_cart
        Coordinates in Å, shape ``(n, 3)``; the position is free, the hand is kept.
    elements
        Element symbols, shape ``(n,)``.
    rng
        Source of the angles, orientations and positions; the same state gives the same crystal.
    spacegroup
        Any group without mirrors and inversions. P1 follows `pack_p1`, the others `pack_symmetric`.
    solvent
        Least solvent content: the cell grows beyond the contacts, in the same shape, to reach it.
    draws
        Number of crystals made, of which the one with the smallest cell is returned. The first keeps the
        orientation given, the others are turned at random.

    Raises
    ------
    UserError
        If the group is unknown or not chiral, or `solvent` lies outside 0 to 0.99.
    """
    group = chiral_group(spacegroup)
    if solvent is not None and not 0.0 <= solvent <= 0.99:
        raise UserError("a solvent content from 0 to 0.99", f"{solvent}")
    make = pack_p1 if len(group.operations()) == 1 else pack_symmetric
    best = make(xyz_cart, elements, rng, group, solvent=solvent)
    for _ in range(draws - 1):
        turned = Rotation.from_quat(rng.normal(size=4)).apply(xyz_cart)
        crystal = make(turned, elements, rng, group, solvent=solvent)
        if crystal.cell.volume < best.cell.volume:
            best = crystal
    return best


def pack_p1(
    xyz_cart: FloatArray,
    elements: NDArray[np.str_],
    rng: np.random.Generator,
    spacegroup: gemmi.SpaceGroup,
    *,
    solvent: float | None = None,
) -> CrystalModel:
    """Pack by the rule of RecCrysFormer, reindexed to a ≥ b ≥ c, the mass-weighted centre at ½ ½ ½.

    The edges start from the extents of the molecule, the angles are drawn, and the edges that take part in
    the shortest contact grow by 0.25 Å until no contact is left. Parameters as in `pack`.
    """
    angles = draw_triclinic_angles(rng)
    axes = orthogonalisation(gemmi.UnitCell(1, 1, 1, *angles))
    vectors = interatomic_vectors(xyz_cart)
    edges = grow_edges(vectors, axes, np.maximum(np.ptp(xyz_cart, axis=0), 1.0))
    needed = 0.0 if solvent is None else protein_volume(elements) / (1.0 - solvent)
    while (volume := np.linalg.det(axes) * edges.prod()) < needed:
        edges = grow_edges(vectors, axes, edges * np.cbrt(needed / volume) * (1.0 + 1e-6))
    return _ordered_p1(xyz_cart, elements, spacegroup, edges, angles)


def grow_edges(vectors: InteratomicVectors, axes: FloatArray, edges: FloatArray) -> FloatArray:
    """Lengthen cell edges, shape ``(3,)`` in Å, along the unit `axes` until no lattice contact is left."""
    edges = edges.copy()
    reach = vectors.reach + MIN_CONTACT
    lattice = lattice_box(axes * edges, reach)  # longer edges never bring more lattice points into reach
    lattice = lattice[len(lattice) // 2 + 1 :]  # one of each pair ±T; the molecule itself is the middle
    moves = lattice != 0
    while True:
        distance = vectors.distance(lattice @ (axes * edges).T, MIN_CONTACT)
        if not np.isfinite(distance).any():  # also where no lattice vector is in reach
            return edges
        edges[moves[distance.argmin()]] += EDGE_STEP


def _ordered_p1(
    xyz_cart: FloatArray,
    elements: NDArray[np.str_],
    spacegroup: gemmi.SpaceGroup,
    edges: FloatArray,
    angles: FloatArray,
) -> CrystalModel:
    """Name the axes so that a ≥ b ≥ c, keep the hand, and centre the molecule in the cell."""
    to_frac = np.linalg.inv(orthogonalisation(gemmi.UnitCell(*edges, *angles)))
    xyz_frac = (xyz_cart - mass_centre(xyz_cart, elements)) @ to_frac.T
    order = np.argsort(-edges, kind="stable")
    if np.linalg.det(np.eye(3)[order]) < 0:
        xyz_frac = -xyz_frac  # an odd permutation makes the axes left-handed: turn all three round
    return CrystalModel(
        cell=gemmi.UnitCell(*edges[order], *angles[order]),
        spacegroup=spacegroup,
        xyz_frac=xyz_frac[:, order] + 0.5,
        elements=elements,
        b_iso=np.full(len(elements), B_ISO),
    )
