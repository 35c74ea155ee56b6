"""Codes of entries of the Protein Data Bank, of which the older ones have two forms."""

import re

_EXTENDED_SHORT = re.compile(r"pdb_0000([1-9][0-9a-z]{3})", re.IGNORECASE)


def shortened(code: str) -> str:
    """Return the code of four characters that an extended code stands for, else the code as it is.

    pdb_00001abc is another form of 1abc. Source: wwPDB, PDB ID extension FAQ.
    """
    same = _EXTENDED_SHORT.fullmatch(code)
    return same[1] if same else code
