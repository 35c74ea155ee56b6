"""Lists of crystals as sets on disk, which hold every crystal and its resolution limit, and need no seeds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from rephase.data.crystals.placement import placed, placement_of
from rephase.data.crystals.placements import placements_from
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.lists.crystal_lists import CrystalList
from rephase.data.lists.listed_crystals import ListedCrystal, check_sum, crystals_of
from rephase.data.lists.listed_fragments import read_listed_part
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import RECORD, SetOrigin, read_record
from rephase.data.sets.set_writer import SetPart, check_target, write_set
from rephase.errors import UserError


def build_listed_set(
    crystals: CrystalList,
    files: Sequence[Path],
    path: Path,
    *,
    force: bool = False,
    advance: Callable[[int], None] = lambda crystals: None,
) -> list[ListedCrystal]:
    """Make the crystals of a list, verify their sum, and write them as a set, unless there is one already.

    Parameters
    ----------
    crystals
        The list.
    files
        As for `rephase.data.lists.listed_fragments.read_listed_part`.
    path
        Directory of the set.
    force
        Replace a set of that name.
    advance
        Called with the number of crystals made.

    Returns
    -------
    The crystals in the order of the list, read from the set where it was there before; the set has its
    fragments in another order.

    Raises
    ------
    UserError
        When the list is empty, fragments are missing, crystals are others than listed, or the set cannot
        be written.
    OSError
        When the disk is full.
    """
    if not force and _is_built(crystals, path):
        return list(stored_crystals(FragmentSet.open(path), [entry.id for entry in crystals.entries]))
    check_target(path, force)
    part = read_listed_part(crystals, files)
    made: list[ListedCrystal] = []
    for one in crystals_of(crystals, part.fragments):
        made.append(one)
        advance(1)
    check_sum(crystals, made)
    origin = SetOrigin(
        command="rephase data build-tests",
        key=_key(crystals),
        config=crystals.model_dump(mode="json", exclude={"entries"}),
        sources=len({parse_fragment_id(one.id).entry for one in made}),
    )
    write_set(path, [_with_crystals(part, made)], origin, force=force)
    return made


def _key(crystals: CrystalList) -> str:
    return sha256(crystals.model_dump_json().encode()).hexdigest()


def _is_built(crystals: CrystalList, path: Path) -> bool:
    return (path / RECORD).is_file() and read_record(path).origin.key == _key(crystals)


def stored_crystals(fragments: FragmentSet, ids: Sequence[str]) -> Iterator[ListedCrystal]:
    """Read fixed crystals with their resolution limits from a set, in the order of `ids`.

    Raises
    ------
    UserError
        When the set lacks one of the ids, crystals or resolution limits.
    """
    rows = fragments.indices_of(ids)
    limits = fragments.d_min[rows]
    if not fragments.has_crystals or np.isnan(limits).any():
        raise UserError(
            "a set with crystals and their d_min", f"{fragments.path}", "make it by rephase data build-tests"
        )
    found, placements = fragments.read(rows), fragments.placements(rows)
    elements = found.elements
    for i, (name, d_min) in enumerate(zip(ids, limits.tolist(), strict=True)):
        atoms = found.atoms_of(i)
        xyz_cart = found.xyz_cart[atoms].astype(np.float64)
        model = placed(placements[i], xyz_cart, elements[atoms])
        yield ListedCrystal(name, str(found.sequence[i]), model, d_min)


def _with_crystals(part: SetPart, made: Sequence[ListedCrystal]) -> SetPart:
    """Add their crystals to fragments, which are in the same order."""
    xyz_cart = part.fragments.xyz_cart.astype(np.float64)
    rows = [part.fragments.atoms_of(i) for i in range(len(made))]
    placements = [placement_of(one.model, xyz_cart[atoms]) for one, atoms in zip(made, rows, strict=True)]
    d_min = np.array([one.d_min for one in made], np.float32)
    return replace(part, placements=placements_from(placements), d_min=d_min)
