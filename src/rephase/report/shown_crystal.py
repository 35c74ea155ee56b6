"""One fragment of a set in its crystal, to be looked at."""

from dataclasses import dataclass

import numpy as np

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.placement import placed
from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell, draw_crystal
from rephase.data.sets.fragment_set import FragmentSet
from rephase.errors import UserError

_SUGGESTED = 3
RECIPE = CrystalRecipe(cell=GrowingCell())


@dataclass(frozen=True, eq=False)
class ShownCrystal:
    """A fragment and its crystal.

    Attributes
    ----------
    fragment
        Id of the fragment.
    sequence
        One-letter codes.
    split
        Part of the set it belongs to.
    resolution
        Of its entry in Å; NaN where nothing was measured.
    source
        File that it came from; may be empty.
    model
        The crystal.
    stored
        Whether the set fixes the crystal; if not, it was drawn to be shown.
    """

    fragment: str
    sequence: str
    split: str
    resolution: float
    source: str
    model: CrystalModel
    stored: bool


def shown_crystal(fragments: FragmentSet, fragment: str, seed: int) -> ShownCrystal:
    """Take the crystal of a fragment from the set, or draw one by the growing-cell rule.

    Parameters
    ----------
    fragments
        An open set.
    fragment
        Id of one of its fragments.
    seed
        Of the crystal where none is stored.

    Raises
    ------
    UserError
        When there is no such fragment; the nearest ids are told.
    """
    _suggest_longer_ids(fragments, fragment)
    rows = fragments.indices_of([fragment])
    found = fragments.read(rows)
    facts = fragments.manifest.slice(int(rows[0]), 1).to_pylist()[0]
    xyz_cart, elements = found.xyz_cart.astype(np.float64), found.elements
    if fragments.has_crystals:
        model = placed(fragments.placements(rows)[0], xyz_cart, elements)
    else:
        drawn = draw_crystal(xyz_cart, elements, RECIPE, np.random.default_rng(seed))
        if drawn is None:
            raise UserError("a crystal of the fragment", "its molecules touch", "choose another --seed")
        model = drawn
    return ShownCrystal(
        fragment=fragment,
        sequence=facts["sequence"],
        split=facts["split"],
        resolution=float(found.resolution[0]),
        source=facts["source"],
        model=model,
        stored=fragments.has_crystals,
    )


def _suggest_longer_ids(fragments: FragmentSet, start: str) -> None:
    """Raise a UserError where the user gave the beginning of an id, in either case, as of an entry."""
    ids = [str(one) for one in fragments.manifest["id"].to_pylist()]
    longer = sorted(one for one in ids if one.upper().startswith(start.upper()))
    if longer and start not in longer:
        near = ", ".join(longer[:_SUGGESTED])
        found = f"{start}, with which {len(longer)} begin" if len(longer) > 1 else start
        raise UserError(f"an id of the set {fragments.path}", found, f"did you mean {near}?")
