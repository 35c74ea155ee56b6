"""Pack a molecule into a crystal with symmetry: a rigid-body search in a growing cell."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.cell_shapes import draw_angles, tie_edges
from rephase.data.crystals.contacts import (
    MIN_CONTACT,
    InteratomicVectors,
    interatomic_vectors,
    lattice_points,
)
from rephase.data.crystals.crystal_model import (
    B_ISO,
    CrystalModel,
    mass_centre,
    orthogonalisation,
    protein_volume,
    rotation_and_shift,
)

FloatArray = NDArray[np.float64]

FIRST_SOLVENT = 0.30  # solvent content at which the search starts; tight protein crystals reach about 0.3
GROWTH = 1.06  # growth of all edges when no position is free of contacts
REFINEMENT = (GROWTH ** (-2 / 3), GROWTH ** (-1 / 3))  # tried on the way back, so cells are tight to 2 %
POSITIONS = 64  # positions tried before the cell grows
SHAPE_SPREAD = 0.25  # standard deviation of the logarithm of the edges about the extents of the molecule


@dataclass(frozen=True, eq=False)
class SymmetryCopy:
    """A fractional symmetry operator x' = Rx + t and the vectors from its copy to the molecule."""

    rotation: FloatArray
    shift: FloatArray
    vectors: InteratomicVectors


def pack_symmetric(
    xyz_cart: FloatArray,
    elements: NDArray[np.str_],
    rng: np.random.Generator,
    spacegroup: gemmi.SpaceGroup,
    *,
    solvent: float | None = None,
) -> CrystalModel:
    """Pack in any chiral group: all edges grow until a random position has no contact below 3.45 Å.

    The shape of the cell follows the extents of the molecule, with a random spread, and the crystal system;
    the search starts at 30 % solvent, or at `solvent` where that is more. The axes stay in the setting of the
    group. Parameters as in `rephase.data.crystals.packing.pack`.
    """
    angles = draw_angles(spacegroup, rng)
    axes = orthogonalisation(gemmi.UnitCell(1, 1, 1, *angles))
    centred = xyz_cart - mass_centre(xyz_cart, elements)
    copies = symmetry_copies(centred, axes, spacegroup)
    extents = np.ptp(centred, axis=0) + MIN_CONTACT
    shape = tie_edges(spacegroup, extents * np.exp(SHAPE_SPREAD * rng.normal(size=3)))
    volume = protein_volume(elements) * len(copies) / (1.0 - max(FIRST_SOLVENT, solvent or 0.0))
    edges = shape * np.cbrt(volume / (np.linalg.det(axes) * shape.prod()))
    edges, centre = grow_until_free(copies, axes, edges * GROWTH ** rng.random(), rng)
    return CrystalModel(
        cell=gemmi.UnitCell(*edges, *angles),
        spacegroup=spacegroup,
        xyz_frac=centred @ np.linalg.inv(axes * edges).T + centre,
        elements=elements,
        b_iso=np.full(len(elements), B_ISO),
    )


def grow_until_free(
    copies: list[SymmetryCopy], axes: FloatArray, edges: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Lengthen cell edges, ``(3,)`` in Å, along the unit `axes` until a position is free; return both."""
    first = edges
    while (centre := free_position(copies, axes * edges, rng)) is None:
        edges = edges * GROWTH
    for factor in REFINEMENT if edges is not first else ():
        tighter = free_position(copies, axes * edges * factor, rng)
        if tighter is not None:
            return edges * factor, tighter
    return edges, centre


def symmetry_copies(
    centred: FloatArray, axes: FloatArray, spacegroup: gemmi.SpaceGroup
) -> list[SymmetryCopy]:
    """Return the operators, identity first, with the vectors of a molecule centred at the origin.

    A rotation of the crystal system is the same in Å for every length of the edges, so `axes` may be of unit
    length; the vectors then hold while the cell grows.
    """
    copies = []
    for op in spacegroup.operations():
        rotation, shift = rotation_and_shift(op)
        turn = None if op == gemmi.Op() else axes @ rotation @ np.linalg.inv(axes)
        copies.append(SymmetryCopy(rotation, shift, interatomic_vectors(centred, turn)))
    return copies


def free_position(
    copies: list[SymmetryCopy], orth: FloatArray, rng: np.random.Generator
) -> FloatArray | None:
    """Return a fractional position, shape ``(3,)``, with no contact below 3.45 Å, or None."""
    lattice = lattice_points(orth, copies[0].vectors.reach + MIN_CONTACT)
    lattice = lattice[np.any(lattice != 0, axis=1)]
    if len(lattice) and np.any(np.isfinite(copies[0].vectors.distance(lattice @ orth.T, MIN_CONTACT))):
        return None
    centres = rng.random((POSITIONS, 3))
    for copy in copies[1:]:
        moved = centres @ copy.rotation.T + copy.shift - centres
        moved -= np.round(moved)
        away = float(np.linalg.norm(moved @ orth.T, axis=1).max())
        lattice = lattice_points(orth, copy.vectors.reach + MIN_CONTACT + away)
        shifts = (moved[:, None, :] + lattice) @ orth.T
        touching = np.isfinite(copy.vectors.distance(shifts, MIN_CONTACT)).any(axis=1)
        centres = centres[~touching]
        if not len(centres):
            return None
    return np.asarray(centres[0])
