"""Is a downloaded body the structure file that was asked for? And keep it, compressed."""

import gzip
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

from rephase.io.download_parts import BadBodyError

StructureFormat = Literal["mmcif", "pdb", "bcif"]
EXTENSIONS: dict[StructureFormat, str] = {"mmcif": "cif.gz", "pdb": "pdb.gz", "bcif": "bcif.gz"}

_GZIP = b"\x1f\x8b"
_HEAD = 1 << 16  # bytes looked at to tell the format
_CHUNK = 1 << 20
_LEVEL = 6  # the default of the gzip program
_PDB_RECORDS = (b"HEADER", b"OBSLTE", b"TITLE ", b"REMARK", b"CRYST1", b"MODEL ", b"ATOM  ", b"HETATM")
_MSGPACK_MAPS = (*range(0x80, 0x90), 0xDE, 0xDF)


def check_structure_file(path: Path, kind: StructureFormat) -> None:
    """Check that a file, gzipped or not, is whole and looks like its format.

    Parameters
    ----------
    path
        The file.
    kind
        Format that is expected.

    Raises
    ------
    BadBodyError
        When the file is empty, its compressed stream is broken or ends early, or it is something else, such
        as a page of HTML.
    """
    try:
        with _plain(path) as handle:
            head = handle.read(_HEAD)
            while handle.read(_CHUNK):  # to the end: the checksum of the stream lies there
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadBodyError(f"a broken gzip stream ({error})") from error
    if not head.strip():
        raise BadBodyError("an empty file")
    if not _LOOKS_LIKE[kind](head):
        page = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        raise BadBodyError(f"{'a page of HTML' if page else 'something'} that is not {kind}")


def keep_gzipped(part: Path, path: Path) -> None:
    """Make the final file of a checked partial one, gzipped also where the server sent plain text.

    The final name appears in one step, when all bytes are on the disk; the same text always gives the same
    compressed bytes.
    """
    with part.open("rb") as handle:
        compressed = handle.read(2) == _GZIP
    whole = part if compressed else _compressed(part, path.with_name(f"{path.name}.new"))
    with whole.open("rb") as handle:
        os.fsync(handle.fileno())
    whole.replace(path)


def _compressed(plain: Path, path: Path) -> Path:
    with (
        plain.open("rb") as source,
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as target,
    ):
        shutil.copyfileobj(source, target, _CHUNK)
    return path


def _plain(path: Path) -> BinaryIO | gzip.GzipFile:
    handle = path.open("rb")
    compressed = handle.read(2) == _GZIP
    handle.close()
    return gzip.open(path, "rb") if compressed else path.open("rb")


def _is_mmcif(head: bytes) -> bool:
    lines = (line.strip() for line in head.removeprefix(b"\xef\xbb\xbf").splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return first[:5].lower() == b"data_"


def _is_pdb(head: bytes) -> bool:
    return any(line.startswith(_PDB_RECORDS) for line in head.splitlines()[:5])


def _is_bcif(head: bytes) -> bool:
    """Tell BinaryCIF: a MessagePack map with the data blocks in it (Sehnal et al. 2020)."""
    return head[0] in _MSGPACK_MAPS and b"dataBlocks" in head


_LOOKS_LIKE: dict[StructureFormat, Callable[[bytes], bool]] = {
    "mmcif": _is_mmcif,
    "pdb": _is_pdb,
    "bcif": _is_bcif,
}
