"""Entries of the Protein Data Bank: PDB, mmCIF and BinaryCIF, plain or gzipped, recognised by content."""

import gzip
import io
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import gemmi

from rephase.errors import UserError
from rephase.io import cif_facts, pdb_header
from rephase.io.binary_cif import binary_cif_block, looks_binary
from rephase.io.pdb_codes import shortened
from rephase.io.reflection_file import explaining

_WANTED = "a structure in PDB, mmCIF or BinaryCIF format, plain or gzipped"
_LARGEST_TEXT = 128 * 2**20  # bytes, about 1.2 million atoms; parsing takes some eight times as much memory
_LARGEST_BINARY = 12 * 2**20  # bytes, about 0.6 million atoms: their texts then take 1.7 GB
_PDB_ID = re.compile(r"(?:[0-9][0-9A-Z]{3}|PDB_[0-9A-Z]{8})")
_PDB_RECORDS = {
    *("HEADER", "OBSLTE", "TITLE", "CAVEAT", "COMPND", "SOURCE", "KEYWDS", "EXPDTA", "AUTHOR", "REVDAT"),
    *("REMARK", "DBREF", "SEQRES", "CRYST1", "ORIGX1", "SCALE1", "MODEL", "ATOM", "HETATM", "USER"),
}
_ASCII = bytes(range(128)) + b"?" * 128  # both formats are ASCII; other bytes in names could not be decoded
_ENDINGS = re.compile(r"(\.gz|\.cif|\.mmcif|\.bcif|\.pdb|\.ent)+$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class StructureFile:
    """An entry and what its file states of it; None where the file says nothing.

    Attributes
    ----------
    id
        PDB id in capitals, from the header if it has one, else from the name of the file.
    methods
        Experimental methods in capitals.
    deposited, released
        Days of deposition and of initial release (REVDAT 1 in PDB files, the first revision in mmCIF).
    resolution
        Å.
    r_free
        A fraction.
    structure
        Models, chains and entities, as gemmi sees them.
    molecule_of_chain
        Number of the molecule of each chain as COMPND of a PDB file states it, else empty.
    """

    id: str
    methods: tuple[str, ...]
    deposited: date | None
    released: date | None
    resolution: float | None
    r_free: float | None
    structure: gemmi.Structure
    molecule_of_chain: dict[str, str]


def read_structure_file(path: Path | str) -> StructureFile:
    """Read one entry.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated, foreign, too large, or holds no atoms.
    """
    path = Path(path)
    content = _read_bytes(path)
    if looks_binary(content):
        with explaining(path, _WANTED):
            _check_size(path, content, _LARGEST_BINARY)
            entry = _from_cif(path, binary_cif_block(content))
    elif _looks_like_cif(content):
        with explaining(path, _WANTED):
            entry = _from_cif(path, gemmi.cif.read_string(content.translate(_ASCII))[0])
    elif any(line[:6].decode("latin-1").strip() in _PDB_RECORDS for line in content[:100_000].splitlines()):
        with explaining(path, _WANTED):
            entry = _from_pdb(path, content.translate(_ASCII))
    else:
        raise UserError(_WANTED, f"{path} is none of these", "leave it out")
    if not len(entry.structure) or not entry.structure[0].count_atom_sites():
        raise UserError(_WANTED, f"{path} holds no atoms", "leave it out")
    return entry


def _from_pdb(path: Path, content: bytes) -> StructureFile:
    structure = gemmi.read_pdb_string(content)
    structure.setup_entities()
    lines = pdb_header.header_lines(content)
    stated = dict(structure.info).get("_exptl.method", "")
    header = next((line[62:66] for line in lines if line.startswith("HEADER")), "")
    return StructureFile(
        id=_entry_id(header, path),
        methods=tuple(one.strip().upper() for one in stated.split(";") if one.strip()),
        deposited=pdb_header.deposition_date(lines),
        released=pdb_header.release_date(lines),
        resolution=structure.resolution if structure.resolution > 0.0 else None,
        r_free=pdb_header.r_free(lines),
        structure=structure,
        molecule_of_chain=pdb_header.molecules(lines),
    )


def _from_cif(path: Path, block: gemmi.cif.Block) -> StructureFile:
    structure = gemmi.make_structure_from_block(block)
    structure.setup_entities()
    named = block.find_value("_entry.id")
    return StructureFile(
        id=_entry_id(gemmi.cif.as_string(named) if named else block.name, path),
        methods=cif_facts.methods(block),
        deposited=cif_facts.deposition_date(block),
        released=cif_facts.release_date(block),
        resolution=cif_facts.resolution(block),
        r_free=cif_facts.r_free(block),
        structure=structure,
        molecule_of_chain={},
    )


def _entry_id(stated: str, path: Path) -> str:
    """Return the id of the header where it looks like a PDB id, else the file's name without endings."""
    code = shortened(stated.strip().upper())
    if _PDB_ID.fullmatch(code):
        return code
    stem = _ENDINGS.sub("", path.name)
    if re.fullmatch(r"pdb[0-9][0-9a-z]{3}", stem):  # as the archive names its files: pdb4az3.ent.gz
        stem = stem[3:]
    return re.sub(r"[^A-Z0-9-]+", "-", stem.upper()).strip("-") or "UNNAMED"


def _looks_like_cif(content: bytes) -> bool:
    """Tell whether the first line that is neither empty nor a comment opens a data block."""
    for line in content[:100_000].splitlines():
        text = line.removeprefix(b"\xef\xbb\xbf").strip().lower()
        if text and not text.startswith(b"#"):
            return text.startswith(b"data_")
    return False


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        found = f"{path} is a directory" if path.is_dir() else f"no file {path}"
        raise UserError(_WANTED, found, "check the path")
    with explaining(path, _WANTED), path.open("rb") as file:
        content = file.read(_LARGEST_TEXT + 1)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as unpacked:
                content = unpacked.read(_LARGEST_TEXT + 1)
    _check_size(path, content, _LARGEST_TEXT)
    if not content.strip():
        raise UserError(_WANTED, f"{path} is empty", "copy or download it again")
    return content


def _check_size(path: Path, content: bytes, largest: int) -> None:
    if len(content) > largest:
        raise UserError(
            f"a structure of at most {largest // 2**20} MiB unpacked", f"{path} is larger", "leave it out"
        )
