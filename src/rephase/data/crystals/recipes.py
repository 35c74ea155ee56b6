"""Crystal recipes: how a fragment is put into a crystal, as settings, and the crystal they lead to."""

from typing import Annotated, Literal

import gemmi
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator
from scipy.spatial.transform import Rotation

from rephase.data.crystals.cell_shapes import chiral_group
from rephase.data.crystals.contacts import MIN_CONTACT, closest_contact
from rephase.data.crystals.crystal_model import B_ISO, CrystalModel, mass_centre
from rephase.data.crystals.packing import pack
from rephase.errors import UserError
from rephase.io.config import Config

FloatArray = NDArray[np.float64]


def _chiral(name: str) -> str:
    try:
        return chiral_group(name).hm
    except UserError as error:  # pydantic reports ValueErrors with the name of the setting
        raise ValueError(f"{error.wanted}, not {error.found}") from None


GroupName = Annotated[str, AfterValidator(_chiral)]


class GrowingCell(Config):
    """A cell that grows until no intermolecular contact is shorter than 3.45 Å (RecCrysFormer 2025).

    Attributes
    ----------
    spacegroups
        Groups without mirrors and inversions, of which one is drawn for each crystal.
    solvent
        Least solvent content, drawn evenly from this range; None leaves the cell as tight as the rule makes
        it, so a range makes the loose variants.
    """

    kind: Literal["growing"] = "growing"
    spacegroups: tuple[GroupName, ...] = Field(default=("P 1",), min_length=1)
    solvent: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _solvent_is_a_range(self) -> "GrowingCell":
        if self.solvent is not None and not 0.0 <= self.solvent[0] <= self.solvent[1] <= 0.99:
            raise ValueError("solvent: two numbers from 0 to 0.99, the smaller first")
        return self


Edge = Annotated[float, Field(gt=2.0, le=500.0)]


def _ascending(edge: float | tuple[float, float]) -> float | tuple[float, float]:
    if isinstance(edge, tuple) and edge[0] > edge[1]:
        raise ValueError("two numbers, the smaller first")
    return edge


class CubicCell(Config):
    """A cubic P1 cell, as in the sets 1a, 1b and 2 of the Patterson U-Net (2023).

    Attributes
    ----------
    edge
        Å; or a range from which it is drawn evenly for each crystal.
    """

    kind: Literal["cubic"] = "cubic"
    edge: Annotated[Edge | tuple[Edge, Edge], AfterValidator(_ascending)] = 20.0


class CrystalRecipe(Config):
    """How a fragment becomes a crystal.

    Attributes
    ----------
    cell
        The rule of the cell.
    orientation
        ``random``: turned at random before packing; ``as-built``: as in the file of the fragment.
    """

    cell: GrowingCell | CubicCell = Field(default=GrowingCell(), discriminator="kind")
    orientation: Literal["random", "as-built"] = "random"


def draw_crystal(
    xyz_cart: FloatArray, elements: NDArray[np.str_], recipe: CrystalRecipe, rng: np.random.Generator
) -> CrystalModel | None:
    """Draw a crystal of a molecule.

    Parameters
    ----------
    xyz_cart
        Coordinates in Å, shape ``(n, 3)``; the position is free, the hand is kept.
    elements
        Element symbols, shape ``(n,)``.
    recipe
        The settings.
    rng
        Source of orientation, angles and position; the same state gives the same crystal.

    Returns
    -------
    The crystal; in P1 the mass-weighted centre of the molecule lies at ½ ½ ½. None where molecules would
    touch in a cell of fixed size.
    """
    if recipe.orientation == "random":
        xyz_cart = Rotation.from_quat(rng.normal(size=4)).apply(xyz_cart)
    if isinstance(recipe.cell, CubicCell):
        edge = recipe.cell.edge
        return _cubic_crystal(
            xyz_cart, elements, edge if isinstance(edge, float) else float(rng.uniform(*edge))
        )
    groups = recipe.cell.spacegroups
    group = groups[int(rng.integers(len(groups)))] if len(groups) > 1 else groups[0]
    return pack(xyz_cart, elements, rng, group, solvent=_least_solvent(recipe.cell, rng))


def _least_solvent(cell: GrowingCell, rng: np.random.Generator) -> float | None:
    if cell.solvent is None or cell.solvent[0] == cell.solvent[1]:  # what is fixed takes no random number
        return None if cell.solvent is None else cell.solvent[0]
    return float(rng.uniform(*cell.solvent))


def _cubic_crystal(xyz_cart: FloatArray, elements: NDArray[np.str_], edge: float) -> CrystalModel | None:
    crystal = CrystalModel(
        cell=gemmi.UnitCell(edge, edge, edge, 90.0, 90.0, 90.0),
        spacegroup=gemmi.SpaceGroup("P 1"),
        xyz_frac=(xyz_cart - mass_centre(xyz_cart, elements)) / edge + 0.5,
        elements=elements,
        b_iso=np.full(len(elements), B_ISO),
    )
    return crystal if closest_contact(crystal, limit=MIN_CONTACT) > MIN_CONTACT else None
