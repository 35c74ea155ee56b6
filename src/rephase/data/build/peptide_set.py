"""Sets of random peptides on disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.sets.set_record import SetOrigin, SetRecord
from rephase.data.sets.set_writer import SetPart, check_target, write_set


def write_peptides(
    path: Path,
    config: PeptideConfig,
    count: int,
    seed: int,
    *,
    force: bool = False,
    advance: Callable[[int], None] = lambda peptides: None,
) -> SetRecord:
    """Write a set of random peptides, holding one batch of them in memory at a time.

    Parameters
    ----------
    path
        Directory to make.
    config
        What the peptides are like.
    count
        How many.
    seed
        Of all random numbers.
    force
        Replace a set of that name.
    advance
        Called with the number of peptides of each batch.

    Raises
    ------
    UserError
        If `path` exists and may not be replaced, or `count` or `seed` are out of range.
    """
    check_target(path, force)
    origin = SetOrigin(
        command="rephase data peptides",
        config={**config.model_dump(mode="json"), "count": count, "seed": seed},
    )

    def parts() -> Iterator[SetPart]:
        for fragments in random_peptides(config, count, seed):
            advance(len(fragments))
            yield SetPart(fragments)

    return write_set(path, parts(), origin, force=force)
