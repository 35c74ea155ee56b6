"""Crystals that are drawn once and kept with the fragments of a set."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.placement import placement_of
from rephase.data.crystals.placements import Placements, placements_from
from rephase.data.crystals.recipes import CrystalRecipe, draw_crystal
from rephase.data.fragments import Fragments

_PURPOSE = 1  # keeps these draws apart from others with the same seed


def fix_crystals(
    fragments: Fragments, recipe: CrystalRecipe, seed: int
) -> tuple[NDArray[np.int64], Placements]:
    """Draw a crystal of each fragment, from a generator that its id alone decides.

    Parameters
    ----------
    fragments
        With the coordinates that will be stored.
    recipe
        How the crystals are made.
    seed
        Other seeds give other crystals.

    Returns
    -------
    The rows of the fragments that have a crystal, and their placements; in a cell of fixed size molecules
    may touch.
    """
    rows, placements, elements = [], [], fragments.elements
    for i in range(len(fragments)):
        atoms = fragments.atoms_of(i)
        xyz_cart = fragments.xyz_cart[atoms].astype(np.float64)
        rng = np.random.default_rng([seed, _PURPOSE, _number(str(fragments.ids[i]))])
        crystal = draw_crystal(xyz_cart, elements[atoms], recipe, rng)
        if crystal is not None:
            rows.append(i)
            placements.append(placement_of(crystal, xyz_cart))
    return np.array(rows, np.int64), placements_from(placements)


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
