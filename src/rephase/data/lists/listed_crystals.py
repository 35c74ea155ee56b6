"""The crystals that a list stands for, and the sum by which two machines know that theirs are the same."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.recipes import draw_crystal
from rephase.data.fragments import Fragments
from rephase.data.lists.crystal_lists import CrystalList, ListEntry
from rephase.errors import UserError

_OF_RESOLUTION = 1  # second word of the seed of d_min, so that no draw of the crystal moves it


@dataclass(frozen=True, eq=False)
class ListedCrystal:
    """A test crystal.

    Attributes
    ----------
    id
        Of its fragment.
    sequence
        One-letter codes.
    model
        The crystal.
    d_min
        Resolution limit in Å.
    """

    id: str
    sequence: str
    model: CrystalModel
    d_min: float


def crystal_of(
    crystals: CrystalList, entry: ListEntry, xyz_cart: NDArray[np.floating], elements: NDArray[np.str_]
) -> CrystalModel | None:
    """Make one crystal of a list of its fragment at `xyz_cart`, shape ``(n, 3)`` in Å; None if it clashes."""
    rng = np.random.default_rng(entry.seed)
    return draw_crystal(np.asarray(xyz_cart, dtype=np.float64), elements, crystals.crystal, rng)


def d_min_of(crystals: CrystalList, entry: ListEntry) -> float:
    """Return the resolution limit of one entry in Å, drawn evenly from the range of the list."""
    rng = np.random.default_rng([entry.seed, _OF_RESOLUTION])
    return float(np.float32(rng.uniform(*crystals.d_min)))


def crystals_of(crystals: CrystalList, fragments: Fragments) -> Iterator[ListedCrystal]:
    """Make the crystals of a list, in its order.

    Parameters
    ----------
    crystals
        The list.
    fragments
        At least those of the list; `rephase.data.lists.listed_fragments.read_listed` reads them.

    Raises
    ------
    UserError
        When a fragment is missing, or does not fit its crystal: it is not the one that was listed.
    """
    rows = {one: i for i, one in enumerate(fragments.ids.tolist())}
    elements = fragments.elements
    for entry in crystals.entries:
        if entry.id not in rows:
            raise UserError(f"the fragments of {crystals.name}", f"no {entry.id}", "give all its structures")
        atoms = fragments.atoms_of(rows[entry.id])
        model = crystal_of(crystals, entry, fragments.xyz_cart[atoms], elements[atoms])
        if model is None:
            raise _other(crystals.name, f"{entry.id} does not fit its cell")
        sequence = str(fragments.sequence[rows[entry.id]])
        yield ListedCrystal(entry.id, sequence, model, d_min_of(crystals, entry))


def sum_of_crystals(crystals: Iterable[ListedCrystal]) -> str:
    """Return the SHA-256 sum of crystals.

    Of each: id, sequence and space group; cell to 0.001 Å and 0.001°, d_min to 0.0001 Å; elements, and
    Cartesian coordinates to 0.01 Å. Rounding hides that machines differ in the last digits of float64.
    """
    summed = hashlib.sha256()
    for one in crystals:
        cell = _whole(np.array(one.model.cell.parameters), 1000.0)
        words = [one.id, one.sequence, one.model.spacegroup.xhm(), "".join(one.model.elements.tolist())]
        summed.update("\n".join(words).encode() + b"\0")
        summed.update(cell + _whole(np.array([one.d_min]), 10000.0) + _whole(one.model.xyz_cart, 100.0))
    return summed.hexdigest()


def check_sum(crystals: CrystalList, found: Iterable[ListedCrystal]) -> None:
    """Raise a UserError where the crystals made of a list are not those it was written for."""
    if sum_of_crystals(found) != crystals.crystals_sha256:
        raise _other(crystals.name, "others: their SHA-256 sum differs")


def _whole(values: NDArray[np.float64], parts: float) -> bytes:
    return np.rint(values * parts).astype("<i8").tobytes()


def _other(name: str, found: str) -> UserError:
    do = "give the structures that the list was drawn from, and the version of rephase it came with"
    return UserError(f"the crystals of {name}", found, do)
