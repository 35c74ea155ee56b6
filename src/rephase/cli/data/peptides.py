"""`rephase data peptides`: make a set of random peptides."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rephase.errors import UserError


def peptides(
    *,
    n: int,
    output: Annotated[Path, Parameter(alias="-o")],
    length: str | None = None,
    seed: int = 0,
    config: Path | None = None,
    change: Annotated[tuple[str, ...], Parameter(name="--set", negative="")] = (),
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a set of random peptides, with no download at all.

    Sequences, torsion angles and rotamers are distributed as in proteins, and no atoms clash. A peptide
    depends on the settings, the seed and its number alone: larger sets of a seed contain the smaller ones.

    For example:

    - `rephase data peptides --n 100000 -o peptides`
    - `rephase data peptides --n 5000 --length 2-15 --seed 1 --set val=0.1 -o mixed`

    Parameters
    ----------
    n
        How many peptides.
    output
        New directory for the set.
    length
        Residues of each peptide, 15 unless the settings say otherwise; 2-15 draws it for each.
    seed
        Of every random number.
    config
        Settings in YAML: length, composition (proteins or uniform), spread of bonds and angles (0 to 1), and
        the parts val and test.
    change
        KEY=VALUE changes one setting. Repeat it for more.
    force
        Replace a set of that name.
    """
    if n < 1:
        raise UserError("--n: one peptide or more", str(n), "type for example --n 1000")
    if seed < 0:
        raise UserError("--seed: zero or more", str(seed), "type for example --seed 1")

    from rephase.data.build.peptide_set import write_peptides
    from rephase.data.peptides.random_peptides import PeptideConfig
    from rephase.io.config import read_config
    from rephase.logs import Log

    lengths = () if length is None else (f"length={list(_lengths(length))}",)
    settings = read_config(PeptideConfig, config, [*change, *lengths])
    with Log() as log, log.progress(n, "peptides") as advance:
        record = write_peptides(output, settings, n, seed, force=force, advance=advance)
    splits = ", ".join(f"{count} {split}" for split, count in record.splits.items() if count)
    size = f"{record.stored_bytes / 1e6:.1f} MB"
    log.say(f"{output}: {splits}; {record.residues} residues, {record.atoms} atoms, {size}")
    log.say(f"\nnext: rephase data show {output}")


def _lengths(text: str) -> tuple[int, int]:
    """Read ``15`` or ``2-15``."""
    least, dash, most = text.partition("-")
    try:
        return int(least), int(most if dash else least)
    except ValueError:
        raise UserError(
            "--length: a number or a range of residues", text, "type for example --length 2-15"
        ) from None
