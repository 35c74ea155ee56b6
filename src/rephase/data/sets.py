"""Fixed sets of test crystals: lists of fragment ids and seeds, never coordinates or maps."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rephase.data.crystals import CrystalModel
from rephase.data.packing import pack
from rephase.errors import UserError


class SetEntry(BaseModel):
    """One crystal of a set: which fragment, and the seed of its cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Fragment id, PDBID_ENTITY.pd_START")
    seed: int = Field(ge=0, description="Seed of the angles and, outside P1, of the position")


class CrystalSet(BaseModel):
    """A list of crystals that any machine rebuilds alike from the same fragments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    fragments: str = Field(description="File that holds the fragments")
    split: Literal["val", "test"]
    spacegroup: str = "P 1"
    least_solvent: float | None = Field(
        default=None, ge=0.0, lt=1.0, description="Cells grow to this content"
    )
    most_solvent: float | None = Field(
        default=None, gt=0.0, le=1.0, description="Fragments above were left out"
    )
    entries: tuple[SetEntry, ...]


def read_set(path: Path) -> CrystalSet:
    """Read a set from JSON.

    Raises
    ------
    UserError
        If the file is missing or is no set.
    """
    try:
        return CrystalSet.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"the set {path}", "no such file") from None
    except ValidationError as error:
        raise UserError(f"a set of crystals in {path}", str(error)) from None


def write_set(path: Path, crystals: CrystalSet) -> None:
    """Write a set as JSON, one entry a line."""
    head = crystals.model_dump_json(exclude={"entries"}, indent=1).removesuffix("\n}")
    entries = ",\n".join(f"  {entry.model_dump_json()}" for entry in crystals.entries)
    path.write_text(f'{head},\n "entries": [\n{entries}\n ]\n}}\n', encoding="utf-8")


def crystal_of(
    crystals: CrystalSet, entry: SetEntry, xyz_cart: NDArray[np.floating], elements: NDArray[np.str_]
) -> CrystalModel:
    """Pack the fragment of an entry, shape ``(n, 3)`` in Å, as the set says."""
    rng = np.random.default_rng(entry.seed)
    xyz = np.asarray(xyz_cart, dtype=np.float64)
    return pack(xyz, elements, rng, crystals.spacegroup, solvent=crystals.least_solvent)
