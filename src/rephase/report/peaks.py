"""The peaks of a map as atoms without names: a first model at atomic resolution."""

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from rephase.report.map_view import MapBox, MapForReport, densest_point, peaks_in_box

FloatArray = NDArray[np.float64]

_SAME_PLACE = 0.5  # Å; less than half of the shortest distance between atoms


def unique_peaks(map_: MapForReport, most: int) -> tuple[FloatArray, FloatArray]:
    """Find the highest peaks of the asymmetric unit, joined to molecules about the densest region.

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
    operations = gemmi.SpaceGroup(map_.spacegroup).operations()
    box = _whole_cell(map_, cell)
    xyz = peaks_in_box(box).xyz_cart
    frac = xyz @ np.array(cell.frac.mat.tolist()).T
    kept = _one_of_each(frac, cell, operations)[:most]
    place = np.rint((xyz[kept] - box.origin) @ np.linalg.inv(box.steps)).astype(np.int64)
    heights = box.values[tuple(place.T)].astype(np.float64)
    joined = _joined(frac[kept], densest_point(map_) / map_.grid.shape, cell, operations)
    return joined @ np.array(cell.orth.mat.tolist()).T, heights


def _whole_cell(map_: MapForReport, cell: gemmi.UnitCell) -> MapBox:
    """Return the cell with one more point on each side, where peaks are not looked for."""
    rms = float(np.sqrt(np.mean(np.square(map_.grid, dtype=np.float64))))
    steps = (np.array(cell.orth.mat.tolist()) / map_.grid.shape).T
    return MapBox(np.pad(map_.grid / (rms or 1.0), 1, mode="wrap"), -steps.sum(axis=0), steps, rms)


def _one_of_each(frac: FloatArray, cell: gemmi.UnitCell, operations: gemmi.GroupOps) -> NDArray[np.intp]:
    """Keep the first of all points that are equivalent by symmetry or lattice translation."""
    if not len(frac):
        return np.empty(0, dtype=np.intp)
    edges = np.array([cell.a, cell.b, cell.c])
    tree = KDTree(_images(frac, operations).reshape(-1, 3) % 1.0 % 1.0 * edges, boxsize=edges)
    found = tree.query_ball_point(frac % 1.0 % 1.0 * edges, _SAME_PLACE)
    first = np.array([min(place % len(frac) for place in places) for places in found], dtype=np.intp)
    return np.flatnonzero(first == np.arange(len(frac)))


def _joined(
    frac: FloatArray, centre: FloatArray, cell: gemmi.UnitCell, operations: gemmi.GroupOps
) -> FloatArray:
    """Move points to equivalent places: first the one nearest to `centre`, then the nearest to any placed."""
    images, orthogonalise = _images(frac, operations), np.array(cell.orth.mat.tolist()).T
    distance, nearest = np.full(len(frac), np.inf), frac.copy()
    placed = np.zeros(len(frac), dtype=bool)
    newest = centre
    for _ in range(len(frac)):
        away = images - newest
        away -= np.rint(away)
        lengths = np.linalg.norm(away @ orthogonalise, axis=-1)
        best = lengths.argmin(axis=0), np.arange(len(frac))
        nearer = (lengths[best] < distance) & ~placed
        distance[nearer], nearest[nearer] = lengths[best][nearer], (newest + away[best])[nearer]
        chosen = int(np.where(placed, np.inf, distance).argmin())
        placed[chosen], newest = True, nearest[chosen]
        if placed.sum() == 1:
            distance[~placed] = np.inf  # the centre is no atom
    return nearest


def _images(frac: FloatArray, operations: gemmi.GroupOps) -> FloatArray:
    """All symmetry mates, shape ``(operators, n, 3)``."""
    return np.stack([frac @ (np.array(op.rot) / op.DEN).T + np.array(op.tran) / op.DEN for op in operations])
