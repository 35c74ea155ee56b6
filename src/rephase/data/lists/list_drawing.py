"""Drawing the lists of test crystals: fragments in a balanced order, crystals that fit, and a fair shuffle.

Fragments are tried in rounds, in each of which every entry gives one window, so that large entries do not
dominate. All chance comes from a hash of the fragment's id: another entry more or less changes little in a
list, and nothing in the crystals that stay. The list is in the order of the seeds of its crystals, which is
random: every prefix of a list is a random sample of it.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.fragments import Fragments, Split
from rephase.data.lists.crystal_lists import Choice, CrystalList, ListEntry, StructureWindows
from rephase.data.lists.listed_crystals import ListedCrystal, crystal_of, crystals_of, sum_of_crystals
from rephase.data.lists.listed_fragments import cut_structures, entry_of_name
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
        Splits by PDB id in capitals; see `rephase.data.structures.split_table.read_split_table`.
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
        found = f"{crystals.name}, which was drawn otherwise"
        raise UserError("a list with structures for its source, and a choice", found, "leave it as it is")
    held = {entry for path in files if splits.get(entry := entry_of_name(path.name)) == crystals.split}
    if not held:
        raise UserError(f"structures of the split {crystals.split}", "none", "give more, or another table")
    fragments = cut_structures(source, files, held, crystals.split).fragments
    tries = _without_repeats(_in_rounds(fragments, choice.seed), choice)
    pool = list(islice(_fitting(crystals, fragments, tries, advance), choice.pool))
    if len(pool) < choice.pool:
        found = f"{len(pool)} of the {len(fragments)} windows of {len(held)} entries"
        raise UserError(f"{choice.pool} fragments that fit {crystals.name}", found, "lower its pool and size")
    drawn = crystals.model_copy(update={"entries": _take(pool, choice)})
    made = list(crystals_of(drawn, fragments))
    return drawn.model_copy(update={"crystals_sha256": sum_of_crystals(made)}), made


@dataclass(frozen=True, order=True)
class _Try:
    """A fragment in its turn: the round, its place in it, and the seed of the crystal that is tried."""

    round: int
    place: int
    seed: int
    row: int
    sequence: str


def _in_rounds(fragments: Fragments, seed: int) -> list[_Try]:
    """Order fragments so that every entry gives its first before any gives its second, and so on."""
    drawn = sorted((*_two_numbers(seed, one), row) for row, one in enumerate(fragments.ids.tolist()))
    seen: Counter[str] = Counter()
    tries = []
    for place, crystal_seed, row in drawn:
        entry = parse_fragment_id(str(fragments.ids[row])).entry
        tries.append(_Try(seen[entry], place, crystal_seed, row, str(fragments.sequence[row])))
        seen[entry] += 1
    return sorted(tries)


def _two_numbers(seed: int, name: str) -> tuple[int, int]:
    """Draw the place of a fragment and the seed of its crystal."""
    drawn = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(drawn[:8], "big"), int.from_bytes(drawn[8:12], "big")


def _without_repeats(tries: Sequence[_Try], choice: Choice) -> Iterator[_Try]:
    seen: set[str] = set()
    for one in tries:
        if choice.sequences == "any" or one.sequence not in seen:
            yield one
        seen.add(one.sequence)


def _fitting(
    crystals: CrystalList,
    fragments: Fragments,
    tries: Iterable[_Try],
    advance: Callable[[int], None],
) -> Iterator[tuple[ListEntry, float]]:
    """Yield entries whose fragments fit, with their solvent content."""
    elements = fragments.elements
    for one in tries:
        atoms = fragments.atoms_of(one.row)
        entry = ListEntry(id=str(fragments.ids[one.row]), seed=one.seed)
        model = crystal_of(crystals, entry, fragments.xyz_cart[atoms], elements[atoms])
        if model is not None:
            advance(1)
            yield entry, solvent_fraction(model)


def _take(pool: list[tuple[ListEntry, float]], choice: Choice) -> tuple[ListEntry, ...]:
    """Take the list from the pool, in the order of the seeds."""
    shuffled = sorted((entry for entry, _ in pool), key=_by_seed)
    if choice.take == "any":
        return tuple(shuffled[: choice.size])
    tightest = sorted(pool, key=lambda one: (one[1], _by_seed(one[0])))[: choice.size]
    return tuple(sorted((entry for entry, _ in tightest), key=_by_seed))


def _by_seed(entry: ListEntry) -> tuple[int, str]:
    return entry.seed, entry.id
