"""Density maps in the CCP4/MRC format."""

from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.errors import UserError
from rephase.io.reflection_file import explaining

FloatArray = NDArray[np.float64]


def write_ccp4_map(
    path: Path | str, density: NDArray[np.floating], cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup
) -> None:
    """Write one whole unit cell, float32.

    Parameters
    ----------
    path
        File to write.
    density
        Map on the grid axes (u, v, w) = (a, b, c), shape ``(nu, nv, nw)``.
    cell, spacegroup
        The crystal; the group only labels the file, all of the cell is written.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = gemmi.FloatGrid(np.ascontiguousarray(density, dtype=np.float32), cell, spacegroup)
    ccp4.update_ccp4_header(2, True)
    try:
        ccp4.write_ccp4_map(str(path))
    except (RuntimeError, OSError) as error:
        raise UserError(
            "room to write a map", f"{path}: {error}", "choose another output directory"
        ) from error


def read_ccp4_map(path: Path | str) -> tuple[FloatArray, gemmi.UnitCell, gemmi.SpaceGroup]:
    """Read a map, completed to the whole cell by its symmetry.

    Returns
    -------
    Density ``(nu, nv, nw)`` along a, b, c; cell; space group.

    Raises
    ------
    UserError
        If the file is missing, no map, or does not cover an asymmetric unit.
    """
    path, wanted = Path(path), "a CCP4 map of at least one asymmetric unit"
    if not path.is_file():
        raise UserError(wanted, f"{path} is not a file", "check the path")
    with explaining(path, wanted):
        ccp4 = gemmi.read_ccp4_map(str(path))
        ccp4.setup(float("nan"))
        density = np.array(ccp4.grid, dtype=np.float64)
    if np.isnan(density).any():
        raise UserError(wanted, f"{path} covers only part of it", "write the map for a whole cell")
    return density, ccp4.grid.unit_cell, ccp4.grid.spacegroup or gemmi.SpaceGroup("P 1")
