"""Drawing the lists of test crystals: fragments in a balanced order, crystals that fit, and a fair shuffle.

Fragments are tried in rounds, in each of which every entry gives one window drawn at random, so that large
entries do not dominate. The pool of crystals that fit is then shuffled, and the list taken from it: every
prefix of a list is a random sample of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystal_lists import Choice, CrystalList, ListEntry, StructureWindows
from rephase.data.crystals import solvent_fraction
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import Fragments, Split
from rephase.data.listed_crystals import ListedCrystal, crystal_of, crystals_of, sum_of_crystals
from rephase.data.listed_fragments import cut_structures, entry_of_name
from rephase.errors import UserError


def draw_list(
    crystals: CrystalList,
    files: Sequence[Path],
    splits: Mapping[str, Split],
    advance: Callable[[int], None] = lambda crystals: None,
) -> tuple[CrystalList, list[ListedCrystal]]:
    """Draw the entries of a list anew; the same structures give the same list, in whatever order they come.

    Parameters
    ----------
    crystals
        A list whose source is structures and which says how to choose; its entries and sum are replaced.
    files
        Structures in files named by their PDB ids; those of the split of the list are used.
    splits
        Splits by PDB id in capitals; see `rephase.data.split_table.read_split_table`.
    advance
        Called with the number of crystals made.

    Returns
    -------
    The new list, and its crystals.

    Raises
    ------
    UserError
        When the list cannot be drawn, a structure is broken, or too few fragments fit.
    """
    choice, source = crystals.choice, crystals.source
    if choice is None or not isinstance(source, StructureWindows):
        raise UserError(
            "a list with source structures and a choice", crystals.name, "draw another with --only"
        )
    held = {entry for path in files if splits.get(entry := entry_of_name(path.name)) == crystals.split}
    if not held:
        raise UserError(f"structures of the split {crystals.split}", "none", "give more, or another table")
    fragments = cut_structures(source, files, held, crystals.split)
    rng = np.random.default_rng(choice.seed)
    order = _without_repeats(fragments, _in_rounds(fragments, rng), choice)
    pool = list(islice(_fitting(crystals, fragments, order, advance), choice.pool))
    if len(pool) < choice.pool:
        found = f"{len(pool)} of the {len(fragments)} windows of {len(held)} entries"
        raise UserError(f"{choice.pool} fragments that fit {crystals.name}", found, "lower its pool and size")
    entries = _take(pool, choice, rng)
    drawn = crystals.model_copy(update={"entries": entries})
    made = list(crystals_of(drawn, fragments))
    return drawn.model_copy(update={"crystals_sha256": sum_of_crystals(made)}), made


def _in_rounds(fragments: Fragments, rng: np.random.Generator) -> NDArray[np.int64]:
    """Order fragments so that every entry gives its first before any gives its second, and so on."""
    entries = np.array([parse_fragment_id(one).entry for one in fragments.ids.tolist()])
    shuffled = rng.permutation(len(fragments))
    rounds = np.empty(len(fragments), np.int64)
    seen: Counter[str] = Counter()
    for row in shuffled.tolist():
        rounds[row] = seen[entries[row]]
        seen[entries[row]] += 1
    return shuffled[np.argsort(rounds[shuffled], kind="stable")]


def _without_repeats(fragments: Fragments, order: NDArray[np.int64], choice: Choice) -> NDArray[np.int64]:
    if choice.sequences == "any":
        return order
    _, first = np.unique(fragments.sequence[order], return_index=True)
    return order[np.sort(first)]


def _fitting(
    crystals: CrystalList,
    fragments: Fragments,
    order: NDArray[np.int64],
    advance: Callable[[int], None],
) -> Iterator[tuple[ListEntry, float]]:
    """Yield entries whose fragments fit, with their solvent content; the seed is the place of the trial."""
    elements = fragments.elements
    for place, row in enumerate(order.tolist(), start=1):
        atoms = fragments.atoms_of(row)
        entry = ListEntry(id=str(fragments.ids[row]), seed=place)
        model = crystal_of(crystals, entry, fragments.xyz_cart[atoms], elements[atoms])
        if model is not None:
            advance(1)
            yield entry, solvent_fraction(model)


def _take(
    pool: Sequence[tuple[ListEntry, float]], choice: Choice, rng: np.random.Generator
) -> tuple[ListEntry, ...]:
    """Shuffle the pool and take the list from it."""
    shuffled = rng.permutation(len(pool))
    if choice.take == "any":
        taken = shuffled[: choice.size]
    else:
        solvent = np.array([pool[i][1] for i in shuffled.tolist()])
        taken = shuffled[np.sort(np.argsort(solvent, kind="stable")[: choice.size])]
    return tuple(pool[i][0] for i in taken.tolist())
