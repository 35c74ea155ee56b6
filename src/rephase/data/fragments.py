"""Fragments of known structures kept as atoms: reading the compressed 15-residue set.

The file is an .npz of plain arrays. Coordinates are differences between successive atoms in hundredths of
an ångström; the low and the high bytes of these 16-bit numbers form two LZMA streams, each of them axis after
axis (all x, all y, all z). The first difference of each fragment is its own start, so a running sum over the
whole file minus the sum before the fragment gives its coordinates.
"""

import lzma
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
UNASSIGNED = 255  # in place of an index into SPLITS, before the splits are drawn

_ARRAYS = {
    "ids",
    "seq",
    "resolution",
    "split",
    "count",
    "atom_names",
    "atom_name_lzma",
    "xyz_lo_lzma",
    "xyz_hi_lzma",
}
_PER_ANGSTROM = 100.0


@dataclass(frozen=True, eq=False)
class Fragments:
    """Concatenated fragments; fragment i is rows ``offset[i]:offset[i + 1]`` of the atom arrays.

    Attributes
    ----------
    ids
        ``PDBID_ENTITY.pd_START``, shape ``(n,)``.
    sequence
        One-letter sequences, shape ``(n,)``.
    resolution
        Of the PDB entry in Å, shape ``(n,)``.
    split
        Index into `SPLITS`, or `UNASSIGNED`, shape ``(n,)``; by PDB entry and sequence cluster.
    offset
        First atom of each fragment and the total, shape ``(n + 1,)``, int64.
    xyz_cart
        Å, shape ``(atoms, 3)``, float32, exact to 0.01 Å; position and orientation are arbitrary.
    atom_name
        Names such as CA, shape ``(atoms,)``.
    residue
        Number of the residue within its fragment, from 0, shape ``(atoms,)``.
    """

    ids: NDArray[np.str_]
    sequence: NDArray[np.str_]
    resolution: NDArray[np.float32]
    split: NDArray[np.uint8]
    offset: NDArray[np.int64]
    xyz_cart: NDArray[np.float32]
    atom_name: NDArray[np.str_]
    residue: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.ids)

    def atoms_of(self, i: int) -> slice:
        """Rows of the atoms of fragment `i`."""
        return slice(int(self.offset[i]), int(self.offset[i + 1]))

    @property
    def elements(self) -> NDArray[np.str_]:
        """Element symbols, shape ``(atoms,)``: the first letters of the names of protein atoms."""
        return self.atom_name.astype("U1")


def load_fragments(
    path: Path | str, splits: Collection[Split] = SPLITS, ids: Collection[str] | None = None
) -> Fragments:
    """Read fragments, only those wanted, one coordinate axis at a time.

    Parameters
    ----------
    path
        The .npz file.
    splits
        Parts of the data set to keep.
    ids
        Keep only these fragments; all of `splits` when absent.

    Returns
    -------
    The fragments in the order of the file.

    Raises
    ------
    UserError
        When the file is absent, is no such set, is damaged, or lacks one of `ids`.
    """
    arrays = _read_arrays(Path(path))
    wanted = np.isin(arrays["split"], [SPLITS.index(name) for name in splits])
    if ids is not None:
        _check_ids(ids, arrays["ids"][wanted])
        wanted &= np.isin(arrays["ids"], list(ids))
    count = arrays["count"].astype(np.int64)
    of_wanted = np.repeat(wanted, count)
    names = _unpack(arrays["atom_name_lzma"], int(count.sum()))[of_wanted]
    offset = np.concatenate([[0], np.cumsum(count[wanted])])
    nitrogen = int(np.flatnonzero(arrays["atom_names"] == "N")[0])
    return Fragments(
        ids=arrays["ids"][wanted],
        sequence=arrays["seq"][wanted],
        resolution=arrays["resolution"][wanted].astype(np.float32),
        split=arrays["split"][wanted].astype(np.uint8),
        offset=offset,
        xyz_cart=_coordinates(arrays["xyz_lo_lzma"], arrays["xyz_hi_lzma"], count, wanted),
        atom_name=arrays["atom_names"][names],
        residue=_residue_numbers(names == nitrogen, offset),
    )


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise UserError("a file of fragments", f"no file {path}", "give the path of fragments15.npz")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = sorted(_ARRAYS - set(archive.files))
            if missing:
                raise UserError("a file of fragments", f"{path} lacks {', '.join(missing)}", "check the path")
            return {name: archive[name] for name in _ARRAYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        if not zipfile.is_zipfile(path):  # then numpy takes it for a pickle, and offers to load that
            raise UserError(
                "a file of fragments", f"{path} is no .npz file, or cut off", "check the path"
            ) from None
        raise UserError(
            "a readable file of fragments", f"{path}: {error}", "copy the file again: it is damaged"
        ) from error


def _check_ids(ids: Collection[str], present: NDArray[np.str_]) -> None:
    absent = sorted(set(ids) - set(present.tolist()))
    if absent:
        raise UserError(
            "fragments of the chosen splits",
            f"{len(absent)} unknown ids, the first: {absent[0]}",
            "check the list of ids and the splits",
        )


def _unpack(stream: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Bytes of one LZMA stream, which must be `size` long."""
    try:
        values = np.frombuffer(lzma.decompress(stream.tobytes()), np.uint8)
    except lzma.LZMAError as error:
        raise UserError(
            "an intact compressed stream", str(error), "copy the file again: it is damaged"
        ) from error
    if len(values) != size:
        raise UserError(
            f"{size} bytes in a compressed stream", str(len(values)), "copy the file again: it is damaged"
        )
    return values


def _coordinates(
    low: NDArray[np.uint8], high: NDArray[np.uint8], count: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Undo the differences of the wanted fragments, shape ``(atoms, 3)``, Å."""
    atoms = int(count.sum())
    low_bytes = _unpack(low, 3 * atoms).reshape(3, atoms)
    high_bytes = _unpack(high, 3 * atoms).reshape(3, atoms)
    of_wanted = np.repeat(wanted, count)
    starts = np.cumsum(count[wanted]) - count[wanted]
    xyz = np.empty((int(count[wanted].sum()), 3), np.float32)
    for axis in range(3):
        steps = low_bytes[axis, of_wanted] | high_bytes[axis, of_wanted].astype(np.uint16) << 8
        running = np.cumsum(steps.view(np.int16), dtype=np.int64)
        before = np.repeat(running[starts] - steps.view(np.int16)[starts], count[wanted])
        xyz[:, axis] = (running - before) / _PER_ANGSTROM
    return xyz


def _residue_numbers(is_nitrogen: NDArray[np.bool_], offset: NDArray[np.int64]) -> NDArray[np.int16]:
    """Count backbone nitrogens, the first atom of every residue, from 0 in each fragment."""
    started = np.cumsum(is_nitrogen)
    return (started - np.repeat(started[offset[:-1]], np.diff(offset))).astype(np.int16)
