"""Lists of test crystals: ids of fragments and seeds, from which any machine makes the same crystals."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from rephase.data.crystals.recipes import CrystalRecipe
from rephase.data.stream.stream_config import Positives
from rephase.data.structures.build_config import ChainRules, EntryRules, WindowRules
from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.io.config import Config

QUICK = 100
"""Crystals of the quick subset: the first of a list, a fair sample because lists are in random order."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"  # also the name of a file


class ListEntry(Config):
    """One crystal: which fragment, and the seed of everything else.

    Attributes
    ----------
    id
        Of the fragment, ``PDBID_ENTITY.pd_START``.
    seed
        Of orientation, angles, position and resolution limit.
    """

    id: str
    seed: int = Field(ge=0)


def _once(entries: tuple[ListEntry, ...]) -> tuple[ListEntry, ...]:
    if len({entry.id for entry in entries}) < len(entries):
        raise ValueError("every fragment once")
    return entries


class StructureWindows(Config):
    """Fragments are windows of structures, cut by the rules of `rephase.data.structures.extraction`."""

    kind: Literal["structures"] = "structures"
    entries: EntryRules = EntryRules()
    chains: ChainRules = ChainRules()
    windows: WindowRules = WindowRules()


class FragmentFile(Config):
    """Fragments are those of a file such as fragments15.npz.

    Attributes
    ----------
    file
        Its name, without a folder.
    """

    kind: Literal["fragments"] = "fragments"
    file: str


class Choice(Config):
    """How the crystals of a list were drawn; see `rephase.data.lists.list_drawing`.

    Attributes
    ----------
    seed
        Of the order in which fragments are tried, and of the seeds of the crystals.
    size
        Crystals of the list.
    pool
        Crystals that were made, of which `take` says which became the list.
    take
        ``any``: drawn at random; ``tightest``: those of lowest solvent content.
    sequences
        ``once``: of windows with the same sequence only one is used, ``any``: all are.
    """

    seed: int = Field(default=0, ge=0)
    size: int = Field(default=1000, ge=1)
    pool: int = Field(default=1000, ge=1)
    take: Literal["any", "tightest"] = "any"
    sequences: Literal["once", "any"] = "any"

    @model_validator(mode="after")
    def _pool_is_large_enough(self) -> "Choice":
        if self.pool < self.size:
            raise ValueError("pool: at least as large as size")
        return self


class CrystalList(Config):
    """A list of crystals.

    Attributes
    ----------
    name
        Also of its file, and of the set that is made of it.
    about
        What it is, in a sentence.
    split
        The split of all its entries.
    source
        Where the fragments come from.
    crystal
        How each becomes a crystal.
    d_min
        Range of the resolution limit in Å.
    choice
        How the list was drawn; None for lists that were drawn by other rules.
    crystals_sha256
        Sum of all crystals, by `rephase.data.lists.listed_crystals.sum_of_crystals`; empty before that.
    entries
        The crystals in random order.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    about: str = ""
    split: Literal["val", "test"]
    source: StructureWindows | FragmentFile = Field(discriminator="kind")
    crystal: CrystalRecipe
    d_min: Positives
    choice: Choice | None = None
    crystals_sha256: str = ""
    entries: Annotated[tuple[ListEntry, ...], AfterValidator(_once)]


def quick(crystals: CrystalList) -> CrystalList:
    """Return the list of the first `QUICK` crystals, without a sum."""
    return crystals.model_copy(update={"entries": crystals.entries[:QUICK], "crystals_sha256": ""})


def read_list(path: Path) -> CrystalList:
    """Read a list from JSON.

    Raises
    ------
    UserError
        If the file is missing or is no list.
    """
    try:
        return CrystalList.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"the list {path}", error.strerror or "unreadable", "check the path") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        found = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise UserError(f"a list of crystals in {path}", found, "correct the file") from None


def read_lists(folder: Path, only: tuple[str, ...] = ()) -> list[CrystalList]:
    """Read the lists ``NAME.json`` of a folder, all or `only` some, sorted by name.

    Raises
    ------
    UserError
        If the folder holds none, lacks one of `only`, or a file is no list or bears another name.
    """
    there = sorted(path.stem for path in folder.glob("*.json"))
    if not there:
        raise UserError(f"lists of crystals in {folder}", "no .json file", "name their directory by --lists")
    names = sorted(set(only)) or there
    unknown = [name for name in names if name not in there]
    if unknown:
        raise UserError(f"a list in {folder}: {', '.join(there)}", unknown[0], "choose one of these")
    lists = [read_list(folder / f"{name}.json") for name in names]
    for name, crystals in zip(names, lists, strict=True):
        if crystals.name != name:
            raise UserError(
                f"the list {name} in {folder / name}.json", f"the name {crystals.name}", "rename one"
            )
    return lists


def write_list(path: Path, crystals: CrystalList) -> None:
    """Write a list as JSON, one crystal a line."""
    head = crystals.model_dump_json(exclude={"entries"}, indent=1).removesuffix("\n}")
    entries = ",\n".join(f"  {entry.model_dump_json()}" for entry in crystals.entries)
    write_whole(path, f'{head},\n "entries": [\n{entries}\n ]\n}}\n'.encode())
