"""Sequences of entities, put together again from their fragments."""

from collections import defaultdict
from collections.abc import Iterable

from rephase.data.fragment_ids import parse_fragment_id

_LONGEST = 100_000  # residues; the longest protein known has 36 000, and a false start must not fill memory


def entity_sequences(fragments: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the fragments of each entity, with X for the residues between them.

    Parameters
    ----------
    fragments
        Ids such as ``4AZ3_1.pd_11`` and sequences, in any order. Residues before the first fragment are left
        out; where fragments disagree, the first in the alphabet of ids counts.

    Returns
    -------
    Sequences by entity, such as ``4AZ3_1``. An entity whose numbers spread over more than 100 000 residues is
    left with the fragments from the first number on as far as that.

    Raises
    ------
    UserError
        When an id has another form.
    """
    letters: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for name, sequence in sorted(fragments):
        fragment = parse_fragment_id(name)
        known = letters[fragment.chain]
        for place, letter in enumerate(sequence, fragment.start):
            known.setdefault(place, letter)
    return {chain: _joined(known) for chain, known in sorted(letters.items())}


def _joined(letters: dict[int, str]) -> str:
    first = min(letters)
    last = min(max(letters), first + _LONGEST - 1)
    return "".join(letters.get(place, "X") for place in range(first, last + 1))
