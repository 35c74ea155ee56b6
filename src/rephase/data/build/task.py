"""What a worker process does for a build: some files in, their fragments and crystals out."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rephase.data.build.fixed_crystals import fix_crystals
from rephase.data.build.sources import Source
from rephase.data.selection import select
from rephase.data.sets.atom_arrays import AtomArrays, coordinates, pack_atoms
from rephase.data.structures.build_config import BuildConfig
from rephase.data.structures.extraction import Entity, Extraction, extract
from rephase.errors import UserError


@dataclass(frozen=True)
class Batch:
    """Files that one worker reads at a time."""

    sources: tuple[Source, ...]
    config: BuildConfig


class FileFacts(BaseModel):
    """What one file gave, but for the atoms.

    Attributes
    ----------
    name
        Of the source.
    reason
        Why it could not be used; empty where it could.
    entry
        PDB id.
    fragments
        How many there are.
    entities
        Proteins that they come from.
    rejected
        How many entries, chains and windows broke which rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    name: str
    reason: str = ""
    entry: str = ""
    fragments: int = 0
    entities: tuple[Entity, ...] = ()
    rejected: dict[str, dict[str, int]] = {}


@dataclass(frozen=True, eq=False)
class FileResult:
    """What one file gave; the arrays have one element or row for each fragment, None where there is none."""

    facts: FileFacts
    ids: NDArray[np.str_] | None = None
    sequence: NDArray[np.str_] | None = None
    resolution: NDArray[np.float32] | None = None
    arrays: AtomArrays | None = None


def extract_batch(batch: Batch) -> tuple[FileResult, ...]:
    """Extract every file of a batch; one that cannot be read becomes a result that says why."""
    return tuple(_extract_one(source, batch.config) for source in batch.sources)


def _extract_one(source: Source, config: BuildConfig) -> FileResult:
    try:
        return _result(source.name, extract(source.path, config), config)
    except UserError as error:
        reason = f"wanted {error.wanted}; found {error.found}"
    except OSError as error:
        reason = error.strerror or str(error)
    except Exception as error:  # one odd file among thousands must not end the build; it is reported
        reason = f"unexpected {type(error).__name__}, a fault of the program: {error}"
    # where the file lay does not belong into the set
    return FileResult(FileFacts(name=source.name, reason=reason.replace(str(source.path), source.name)))


def _result(name: str, found: Extraction, config: BuildConfig) -> FileResult:
    facts = FileFacts(
        name=name,
        entry=found.entry,
        entities=found.entities,
        rejected=found.rejected,
    )
    if not len(found.fragments):
        return FileResult(facts)
    arrays = pack_atoms(found.fragments)
    # crystals are drawn of the rounded atoms, which are the ones that will be read
    fragments = replace(found.fragments, xyz_cart=coordinates(arrays))
    if config.crystals is not None:
        rows, placements = fix_crystals(fragments, config.crystals, config.seed)
        facts = _counting(facts, "windows", "no crystal without contacts", len(fragments) - len(rows))
        if not len(rows):
            return FileResult(facts)
        arrays = replace(arrays.take(rows), placements=placements)
        fragments = select(fragments, rows)
    return FileResult(
        facts.model_copy(update={"fragments": len(fragments)}),
        fragments.ids,
        fragments.sequence,
        fragments.resolution,
        arrays,
    )


def _counting(facts: FileFacts, kind: str, rule: str, number: int) -> FileFacts:
    """Add to the rejected, if there is anything to add."""
    if not number:
        return facts
    rejected = {**facts.rejected, kind: {**facts.rejected.get(kind, {}), rule: number}}
    return facts.model_copy(update={"rejected": rejected})
