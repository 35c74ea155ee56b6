"""Facts that the head of a PDB file states in words: dates, R-free, and the molecules of the chains."""

import re
from datetime import date
from itertools import takewhile

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIRST_YEAR = 70  # the Protein Data Bank began in 1971; two digits below 70 are years after 2000
_DATE = re.compile(r"(\d{1,2})-([A-Z]{3})-(\d{2})")
# "FREE R VALUE  :", "FREE R VALUE (NO CUTOFF) :", "FREE R VALUE (F>4SIG(F)) :", but no BIN and no TEST SET
_R_FREE = re.compile(r"REMARK   3\s+FREE R VALUE\s*(?:\([^:]*\))?\s*:\s*(\d*\.?\d+)\s*%?\s*$")
_MOLECULE = re.compile(r"MOL_ID\s*:\s*([^;]*);?(.*?)(?=MOL_ID\s*:|\Z)")
_CHAINS = re.compile(r"(?:^|;)\s*CHAIN\s*:\s*([^;]*)")
_ATOMS = ("ATOM  ", "HETATM", "MODEL ")


def header_lines(content: bytes) -> list[str]:
    """Return the lines before the first atom of a file in ASCII."""
    return list(takewhile(lambda line: not line.startswith(_ATOMS), content.decode("ascii").splitlines()))


def deposition_date(lines: list[str]) -> date | None:
    """Return the date of HEADER, columns 51 to 59."""
    return next((_date_in(line[50:59]) for line in lines if line.startswith("HEADER")), None)


def release_date(lines: list[str]) -> date | None:
    """Return the date of the first modification: REVDAT 1 is the initial release."""
    return next((_date_in(line[13:22]) for line in lines if line.startswith("REVDAT   1 ")), None)


def r_free(lines: list[str]) -> float | None:
    """Return the first R-free of REMARK 3 as a fraction; SHELXL's "no cutoff" figure comes first there."""
    for line in lines:
        found = _R_FREE.match(line)
        if found:
            value = float(found[1])
            return value / 100.0 if value > 1.0 else value
    return None


def molecules(lines: list[str]) -> dict[str, str]:
    """Return the MOL_ID of each chain as COMPND states it; empty without COMPND."""
    text = "".join(line[10:80].rstrip() + " " for line in lines if line.startswith("COMPND"))
    of_chain: dict[str, str] = {}
    for molecule in _MOLECULE.finditer(text):
        for chains in _CHAINS.findall(molecule[2]):
            of_chain.update({chain.strip(): molecule[1].strip() for chain in chains.split(",")})
    return of_chain


def _date_in(text: str) -> date | None:
    found = _DATE.search(text)
    if found is None or found[2] not in _MONTHS:
        return None
    year = int(found[3])
    try:
        return date(
            year + (1900 if year >= _FIRST_YEAR else 2000), _MONTHS.index(found[2]) + 1, int(found[1])
        )
    except ValueError:  # such as 31-FEB
        return None
