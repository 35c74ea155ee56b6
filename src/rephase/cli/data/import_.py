"""`rephase data import`: make a set from a compressed file of fragments."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def import_(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    clusters: Literal["auto", "mmseqs", "align", "none"] = "auto",
    seed: int = 0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a set from a compressed file of fragments.

    The file is an .npz such as fragments15.npz, whose fragments keep their splits. Windows that it holds
    twice are taken once, and fragments of training whose sequences are more than 30 % identical to held-out
    ones are left out.

    For example:

    - `rephase data import fragments15.npz -o p15`

    Parameters
    ----------
    file
        The .npz file.
    output
        Directory of the set.
    clusters
        How similar sequences are found: by MMseqs2, by alignment in Python, by the first that is there
        (auto); with none only identical ones are.
    seed
        Of the order of the fragments in the set.
    force
        Replace a set of that name.
    """
    from rephase.data.build.set_import import import_fragments
    from rephase.data.sets.set_summary import say_summary
    from rephase.data.structures.build_config import BuildConfig
    from rephase.errors import UserError
    from rephase.io.config import read_config
    from rephase.logs import Log

    if seed < 0:
        raise UserError("--seed: zero or more", str(seed), "type for example --seed 1")
    config = read_config(BuildConfig, None, [f"clusters.method={clusters}", f"seed={seed}"])
    with Log() as log:
        record = import_fragments(file, output, config=config, force=force)
        say_summary(output, record, log)
        log.say(f"the set is {output}\n\nnext: rephase data check {output}")
