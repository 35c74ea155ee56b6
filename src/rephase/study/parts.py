"""The parts of a study on disk, so that one that was killed goes on where it stopped."""

import io
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.models.trained import TrainedNetwork
from rephase.study.example_table import table_schema
from rephase.study.study_config import StudyConfig
from rephase.study.study_set import StudySet

PARTS, KEY = "parts", "key.txt"


def digest_of(trained: TrainedNetwork) -> str:
    """SHA-256 of weights and record, the same for the same network in any file."""
    found = sha256(trained.record.model_dump_json().encode())
    for name, value in sorted(trained.network.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def key_of(trained: TrainedNetwork, study_set: StudySet, config: StudyConfig) -> str:
    """Sum of everything that a study follows from."""
    parts = [digest_of(trained), study_set.fragments.digest, str(study_set.rows.tolist())]
    return sha256("\n".join([*parts, config.model_dump_json()]).encode()).hexdigest()


def check_key(folder: Path, key: str) -> None:
    """Mark a folder of parts with the key of its study; refuse one with parts of another.

    Raises
    ------
    UserError
        When its parts belong to another study.
    """
    path = folder / KEY
    if has_parts(folder) and (not path.exists() or path.read_text(encoding="ascii", errors="replace") != key):
        do = "repeat the first command with --resume, or begin anew with --force"
        raise UserError(f"the evaluation that was begun in {folder.parent}", "another", do)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, key.encode("ascii"))


def has_parts(folder: Path) -> bool:
    """Tell whether there is something to go on with; a study may fail before its first part is done."""
    return any(folder.glob("*.parquet"))


def part_path(folder: Path, number: int) -> Path:
    """Return where a part lies."""
    return folder / f"{number:05d}.parquet"


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as parquet in one step."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write_whole(path, buffer.getvalue())


def read_part(path: Path, config: StudyConfig) -> pa.Table:
    """Read a part.

    Raises
    ------
    UserError
        When it is damaged.
    """
    try:
        return pq.read_table(path, schema=table_schema(config))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"a part of an evaluation in {path}", str(error), "delete it, and resume") from error


def remove_parts(folder: Path) -> None:
    """Remove the parts; what is not ours stays, and the folder with it."""
    for path in [*folder.glob("*.parquet"), folder / KEY]:
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
