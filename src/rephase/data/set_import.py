"""A compressed file of fragments becomes a set."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragments import Fragments, load_fragments
from rephase.data.selection import select
from rephase.data.set_record import SetOrigin, SetRecord
from rephase.data.set_writer import SetPart, check_target, write_set
from rephase.errors import UserError

_PART = 16384  # fragments; their copies need some 60 MB


def import_fragments(
    file: Path,
    path: Path,
    *,
    seed: int = 0,
    force: bool = False,
    advance: Callable[[int], None] = lambda fragments: None,
) -> SetRecord:
    """Write the fragments of a file, with the splits they have, as a set.

    Fragments whose residues cannot be told apart, because their atoms do not begin with N, are left out and
    counted.

    Parameters
    ----------
    file
        Such as fragments15.npz, for `load_fragments`.
    path
        Directory of the set to make.
    seed
        Of the order of the fragments.
    force
        Replace a set of that name.
    advance
        Called with the number of fragments of each shard written.

    Raises
    ------
    UserError
        When the file cannot be read, or the set cannot be written.
    OSError
        When the disk is full.
    """
    check_target(path, force)
    fragments = load_fragments(file)
    if not len(fragments):
        raise UserError("fragments", f"none in {file}", "give another file")
    good = np.flatnonzero(_in_order(fragments))
    origin = SetOrigin(
        command="rephase data import",
        sources=1,
        rejected={"fragments": {"atoms of a residue out of order": len(fragments) - len(good)}},
    )
    return write_set(
        path, _parts(fragments, good, file.name), origin, seed=seed, force=force, advance=advance
    )


def _parts(fragments: Fragments, rows: NDArray[np.int64], source: str) -> Iterator[SetPart]:
    for first in range(0, len(rows), _PART):
        some = rows[first : first + _PART]
        yield SetPart(select(fragments, some), source=np.full(len(some), source))


def _in_order(fragments: Fragments) -> NDArray[np.bool_]:
    """Tell which fragments begin with N and have a residue for each letter of their sequences."""
    residues = fragments.residue[fragments.offset[1:] - 1] + 1
    begins = fragments.atom_name[fragments.offset[:-1]] == "N"
    return np.asarray(begins & (residues == np.strings.str_len(fragments.sequence)))
