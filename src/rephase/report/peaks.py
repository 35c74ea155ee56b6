"""The peaks of a map as atoms without names: a first model at atomic resolution."""

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from rephase.report.map_view import MapBox, MapForReport, densest_point, peaks_in_box

FloatArray = NDArray[np.float64]

_SAME_PLACE = 0.5  # Å; less than half of the shortest distance between atoms


def unique_peaks(map_: MapForReport, most: int) -> tuple[FloatArray, FloatArray]:
    """Find the highest peaks of the asymmetric unit, each at the place nearest to the densest region.

    Parameters
    ----------
    map_
        Map of one unit cell.
    most
        Largest number of peaks.

    Returns
    -------
    Positions in Å, shape ``(n, 3)``, highest first, and heights in r.m.s. of the map, shape ``(n,)``.
    """
    cell = gemmi.UnitCell(*map_.cell)
    box = _whole_cell(map_, cell)
    xyz = peaks_in_box(box).xyz_cart
    place = np.rint((xyz - box.origin) @ np.linalg.inv(box.steps)).astype(np.int64)
    heights = box.values[tuple(place.T)].astype(np.float64)
    centre = densest_point(map_) / map_.grid.shape
    frac = xyz @ np.array(cell.frac.mat.tolist()).T - centre
    frac -= np.rint(frac)
    orthogonalise = np.array(cell.orth.mat.tolist())
    near_first = np.argsort(np.linalg.norm(frac @ orthogonalise.T, axis=1), kind="stable")
    frac = (frac + centre)[near_first]
    kept = _one_of_each(frac, cell, gemmi.SpaceGroup(map_.spacegroup).operations())
    highest = kept[np.argsort(-heights[near_first][kept], kind="stable")][:most]
    return frac[highest] @ orthogonalise.T, heights[near_first][highest]


def _whole_cell(map_: MapForReport, cell: gemmi.UnitCell) -> MapBox:
    """Return the cell with one more point on each side, where peaks are not looked for."""
    rms = float(np.sqrt(np.mean(np.square(map_.grid, dtype=np.float64))))
    steps = (np.array(cell.orth.mat.tolist()) / map_.grid.shape).T
    return MapBox(np.pad(map_.grid / (rms or 1.0), 1, mode="wrap"), -steps.sum(axis=0), steps, rms)


def _one_of_each(frac: FloatArray, cell: gemmi.UnitCell, operations: gemmi.GroupOps) -> NDArray[np.intp]:
    """Keep the first of all points that are equivalent by symmetry or lattice translation."""
    edges = np.array([cell.a, cell.b, cell.c])
    images = np.concatenate([_moved(frac, op) for op in operations])
    tree = KDTree(images % 1.0 % 1.0 * edges, boxsize=edges)
    found = tree.query_ball_point(frac % 1.0 % 1.0 * edges, _SAME_PLACE)
    first = np.array([min(place % len(frac) for place in places) for places in found], dtype=np.intp)
    return np.flatnonzero(first == np.arange(len(frac)))


def _moved(frac: FloatArray, op: gemmi.Op) -> FloatArray:
    return np.asarray(frac @ (np.array(op.rot) / op.DEN).T + np.array(op.tran) / op.DEN)
