"""`rephase data import`: make a set from a compressed file of fragments."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def import_(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    seed: int = 0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a set from a compressed file of fragments.

    The file is an .npz such as fragments15.npz, whose fragments keep their splits.

    For example:

    - `rephase data import fragments15.npz -o p15`

    Parameters
    ----------
    file
        The .npz file.
    output
        Directory of the set.
    seed
        Of the order of the fragments in the set.
    force
        Replace a set of that name.
    """
    from rephase.data.set_import import import_fragments
    from rephase.data.set_summary import say_summary
    from rephase.errors import UserError
    from rephase.logs import Log

    if seed < 0:
        raise UserError("--seed: zero or more", str(seed), "type for example --seed 1")
    with Log() as log:
        record = import_fragments(file, output, seed=seed, force=force)
        say_summary(output, record, log)
        log.say(f"written {output}\n\nnext: rephase data show {output}")
