"""Names of fragments, ``PDBID_ENTITY.pd_START`` as in RecCrysFormer 2025, appendix C."""

import re
from dataclasses import dataclass

from rephase.errors import UserError

_ID = re.compile(r"(?P<entry>.+)_(?P<entity>[^_.]+)(?:\.pd)?_(?P<start>[0-9]+)")


@dataclass(frozen=True)
class FragmentId:
    """Where a fragment comes from.

    Attributes
    ----------
    entry
        PDB id, in capitals.
    entity
        Number of the molecule within the entry.
    start
        Place of the first residue among the modelled residues of the entity, from 1; residues other than the
        twenty amino acids and selenomethionine do not count.
    """

    entry: str
    entity: str
    start: int

    def __str__(self) -> str:
        return f"{self.entry}_{self.entity}.pd_{self.start}"

    @property
    def chain(self) -> str:
        """Entry and entity, the key of a sequence."""
        return entity_key(self.entry, self.entity)


def entity_key(entry: str, entity: str) -> str:
    """Return the name of an entity of an entry, such as ``4AZ3_1``."""
    return f"{entry}_{entity}"


def parse_fragment_id(text: str) -> FragmentId:
    """Take an id apart; ``16VP_1_104`` is read like ``16VP_1.pd_104``.

    Raises
    ------
    UserError
        When it is no such id.
    """
    found = _ID.fullmatch(text)
    if found is None:
        raise UserError("a fragment id such as 4AZ3_1.pd_11", repr(text), "name it PDBID_ENTITY.pd_START")
    return FragmentId(found["entry"], found["entity"], int(found["start"]))
