"""set.json: what a set holds, how it was made, and the sums that its files must have."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from rephase.errors import UserError

RECORD = "set.json"
MANIFEST = "manifest.parquet"
ENTITIES = "entities.parquet"
SHARDS = "shards"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileFacts(_Part):
    """A file of the set: its path within the set, and what it must contain."""

    name: str = Field(pattern=r"^((manifest|entities)\.parquet|shards/[0-9]+\.safetensors)$")
    sha256: str
    bytes: int


class ShardFacts(FileFacts):
    """A shard, and how much it holds."""

    fragments: int
    atoms: int


class SkippedFile(_Part):
    """A source that gave nothing, and why."""

    name: str
    reason: str


class SetOrigin(_Part):
    """How a set was made.

    Attributes
    ----------
    command
        Such as ``rephase data build``.
    key
        Sum of settings and sources, by which a second run knows that there is nothing to do; empty where
        the command does not look.
    config
        The settings, every value spelt out.
    sources
        Files that were read.
    rejected
        What was left out: of ``entries``, ``chains``, ``windows`` …, by rule.
    skipped
        Files that could not be used at all.
    notes
        Anything else worth keeping, such as the method that made the clusters.
    """

    command: str
    key: str = ""
    config: dict[str, JsonValue] = {}
    sources: int = 0
    rejected: dict[str, dict[str, int]] = {}
    skipped: tuple[SkippedFile, ...] = ()
    notes: dict[str, str] = {}


class SetRecord(_Part):
    """What set.json holds; counts are over the whole set."""

    format: Literal["rephase-set"] = "rephase-set"
    version: Literal[1] = 1
    name: str
    fragments: int
    residues: int
    atoms: int
    crystals: bool
    splits: dict[str, int]
    origin: SetOrigin
    manifest: FileFacts
    entities: FileFacts
    shards: tuple[ShardFacts, ...]

    @property
    def stored_bytes(self) -> int:
        """Size of all files but set.json itself."""
        return sum(facts.bytes for facts in (self.manifest, self.entities, *self.shards))


def read_record(path: Path) -> SetRecord:
    """Read set.json of the set at `path`.

    Raises
    ------
    UserError
        When there is no set, or set.json is damaged or of another version.
    """
    wanted = f"the set {path}"
    if not path.is_dir():
        raise UserError(wanted, "a file" if path.exists() else "no such directory", "give a set's directory")
    try:
        return SetRecord.model_validate_json((path / RECORD).read_bytes())
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(
            wanted, f"a directory without {RECORD}", "give a set that rephase data made"
        ) from None
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["loc"] != ("version",))  # which explains the others
        if first["loc"] == ("version",):
            found, do = f"one of version {first['input']}", "read it with the rephase that made it"
            raise UserError(f"{wanted} of version 1", found, do) from None
        said = " ".join([f"{RECORD}:", *(str(part) for part in first["loc"]), first["msg"]])
        raise UserError(wanted, said, "build or copy the set again") from None


def printable(name: str) -> str:
    """Return the name of a file as JSON can hold it, also where its bytes are no UTF-8."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def record_bytes(record: SetRecord) -> bytes:
    """Return the content of set.json."""
    return f"{record.model_dump_json(indent=1)}\n".encode()
