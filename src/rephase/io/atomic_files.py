"""Files that are there whole or not at all: written under another name, flushed to the disk, then renamed."""

import os
from pathlib import Path

TEMPORARY = ".tmp"
"""Suffix of a file that is being written; one that is found later was left by a process that died."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step, in place of any file of that name.

    Raises
    ------
    OSError
        When the disk is full or forbids it; the file before, if any, is then untouched.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def flush_directory(path: Path) -> None:
    """Make the names in a directory outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
