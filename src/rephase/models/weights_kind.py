"""Two kinds of weights come in files of one form: of networks from Patterson maps, and of density priors."""

import json
from pathlib import Path
from typing import Literal

from rephase.errors import UserError

Kind = Literal["network", "prior"]

PRIOR_KIND = "density-prior"
"""What the text about the weights of a prior says of their kind; that of other networks says nothing."""

_NAMES: dict[Kind, str] = {"network": "a network from Patterson maps", "prior": "a density prior"}
_USE: dict[Kind, str] = {
    "network": "networks go to --weights of rephase solve",
    "prior": "priors go to --prior of rephase solve and rephase modify",
}


def kind_of_header(header: str) -> Kind | None:
    """Tell the kind of weights by the text about them; None where it is of neither."""
    try:
        found = json.loads(header)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    if found.get("kind") == PRIOR_KIND:
        return "prior"
    return "network" if "kind" not in found and "maps" in found else None


def check_kind(header: str, wanted: Kind, path: Path) -> None:
    """Raise a UserError when a file holds weights of the other kind."""
    kind = kind_of_header(header)
    if kind is not None and kind != wanted:
        raise other_kind(str(path), kind)


def other_kind(what: str, kind: Kind) -> UserError:
    """Make the error that says of a name or path that its weights are of this kind, and what for."""
    wanted: Kind = "network" if kind == "prior" else "prior"
    return UserError(_NAMES[wanted], f"{what}, {_NAMES[kind]}", _USE[kind])
