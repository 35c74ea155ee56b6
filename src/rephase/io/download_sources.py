"""Where the files of PDB entries lie: RCSB, PDBe, or any server by a template of addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from rephase.errors import UserError
from rephase.io.download_checks import EXTENSIONS, StructureFormat

_FIELDS = ("id", "ID", "middle")


@dataclass(frozen=True)
class Source:
    """A server and the template of its addresses for each format.

    Attributes
    ----------
    name
        What it is called in messages.
    templates
        Addresses with ``{id}`` or ``{ID}`` for the code in lower or upper case, and ``{middle}`` for the two
        characters that name its folder in the archive.
    """

    name: str
    templates: Mapping[StructureFormat, str]

    def url(self, entry: str, kind: StructureFormat) -> str:
        """Return the address of the file of an entry, given by its lower-case code."""
        values = {"id": entry, "ID": entry.upper(), "middle": entry[-3:-1]}
        return re.sub(r"\{(\w+)\}", lambda field: values[field[1]], self.templates[kind])


RCSB = Source(
    "rcsb",
    {
        "mmcif": "https://files.rcsb.org/download/{id}.cif.gz",
        "pdb": "https://files.rcsb.org/download/{id}.pdb.gz",
        "bcif": "https://models.rcsb.org/{id}.bcif.gz",
    },
)
_EBI_ARCHIVE = "https://ftp.ebi.ac.uk/pub/databases/pdb/data/structures/divided"
PDBE = Source(
    "pdbe",
    {
        "mmcif": f"{_EBI_ARCHIVE}/mmCIF/{{middle}}/{{id}}.cif.gz",
        "pdb": f"{_EBI_ARCHIVE}/pdb/{{middle}}/pdb{{id}}.ent.gz",
        "bcif": "https://www.ebi.ac.uk/pdbe/entry-files/download/{id}.bcif",
    },
)
SOURCES = {source.name: source for source in (RCSB, PDBE)}


def read_source(word: str) -> Source:
    """Find a source by its name, or make one of a template of addresses.

    Raises
    ------
    UserError
        When the word is no source, or the template has no code or unknown fields in it.
    """
    if word.lower() in SOURCES:
        return SOURCES[word.lower()]
    wanted = f"a source: {', '.join(SOURCES)}, or an address with {{id}} in it"
    do = "write for example http://mirror.org/{middle}/{id}.cif.gz"
    try:
        address = parse_url(word)
    except LocationParseError as error:
        raise UserError(wanted, repr(word), do) from error
    fields = set(re.findall(r"\{(.*?)\}", word))
    if address.scheme not in ("http", "https") or not address.host or not fields & {"id", "ID"}:
        raise UserError(wanted, repr(word), do)
    if unknown := sorted(fields.difference(_FIELDS)):
        known = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise UserError(f"the fields {known} in an address", f"{{{unknown[0]}}} in {word}", do)
    return Source(address.netloc or address.host, dict.fromkeys(EXTENSIONS, word))
