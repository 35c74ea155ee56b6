"""Density and Patterson map of one model crystal."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rephase.crystal.grid import grid_shape
from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1
from rephase.errors import UserError
from rephase.physics.atoms import pack_atoms
from rephase.physics.density import density_from_structure_factors, patterson_from_structure_factors
from rephase.physics.structure_factors import structure_factors

OVERSAMPLING = 2.0
"""Points per d_min / 2: smooth to the eye."""
MOST_POINTS = 20_000_000
"""Of a grid; its maps then take half a gigabyte."""


@dataclass(frozen=True, eq=False)
class CrystalMaps:
    """Maps of a crystal to some resolution, both without F000.

    Attributes
    ----------
    d_min
        Å.
    density
        e/Å³, shape ``(nu, nv, nw)``.
    patterson
        e²/Å³, shape ``(nu, nv, nw)``.
    """

    d_min: float
    density: NDArray[np.float64]
    patterson: NDArray[np.float64]


def crystal_maps(model: CrystalModel, d_min: float) -> CrystalMaps:
    """Compute the maps of a crystal, its symmetry expanded.

    Parameters
    ----------
    model
        The crystal.
    d_min
        High-resolution limit in Å.

    Raises
    ------
    UserError
        When the grid would have more than `MOST_POINTS`.
    """
    shape = grid_shape(model.cell, d_min, OVERSAMPLING)
    if np.prod(shape, dtype=np.int64) > MOST_POINTS:
        found = f"{' × '.join(map(str, shape))} points to {d_min:g} Å in a cell of {model.cell.volume:.0f} Å³"
        raise UserError(f"maps of at most {MOST_POINTS:,} points", found, "choose a coarser --d-min")
    whole = expand_to_p1(model)
    elements = sorted(set(whole.elements.tolist()))
    atoms = pack_atoms(
        torch.from_numpy(whole.xyz_frac),
        torch.from_numpy(np.searchsorted(elements, whole.elements)),
        torch.tensor([0, len(whole)]),
        elements,
        torch.from_numpy(whole.b_iso),
    )
    cell = torch.tensor([model.cell.parameters], dtype=torch.float64)
    F = structure_factors(atoms, cell, d_min, shape)
    volume = float(model.cell.volume)
    return CrystalMaps(
        d_min=d_min,
        density=density_from_structure_factors(F, volume, shape)[0].numpy(),
        patterson=patterson_from_structure_factors(F, volume, shape)[0].numpy(),
    )
