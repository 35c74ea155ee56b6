"""Looking at a cell along its axes: where points lie on the page."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import CrystalModel, orthogonalisation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MARGIN = 3.0
"""Å around cell and molecule."""
_FACE = np.array(list(product((0.0, 1.0), repeat=2)))


@dataclass(frozen=True, eq=False)
class View:
    """A crystal seen from one side, in a square window.

    Attributes
    ----------
    along, right, up
        Numbers of the cell axes: the one that is looked along, and those that make the face seen.
    to_page
        Matrix from fractional columns to right, up and towards the viewer, Å, shape ``(3, 3)``.
    edges
        The two axes of the face on the page as columns, Å, shape ``(2, 2)``.
    window
        Lowest and highest corner of the page in Å, shape ``(2, 2)``.
    """

    along: int
    right: int
    up: int
    to_page: FloatArray
    edges: FloatArray
    window: FloatArray

    def on_page(self, xyz_frac: FloatArray) -> FloatArray:
        """Return right, up and height of fractional points in Å, both of shape ``(..., 3)``."""
        return np.asarray(xyz_frac @ self.to_page.T)

    def translations(self, place: FloatArray) -> IntArray:
        """Return the repeats of the face that move a molecule into the window.

        Parameters
        ----------
        place
            Its atoms on the page in Å, shape ``(n, 2)``.

        Returns
        -------
        Numbers of steps along the two edges, shape ``(m, 2)``.
        """
        low, high = place.min(axis=0), place.max(axis=0)
        room = np.stack([self.window[0] - high, self.window[1] - low])
        corners = np.array(list(product(*room.T)))
        steps = corners @ np.linalg.inv(self.edges).T
        first, last = np.ceil(steps.min(axis=0)), np.floor(steps.max(axis=0))
        spans = [np.arange(one, other + 1.0) for one, other in zip(first, last, strict=True)]
        lattice = np.array(list(product(*spans)), dtype=np.int64).reshape(-1, 2)
        shift = lattice @ self.edges.T
        inside = np.all((low + shift < self.window[1]) & (high + shift > self.window[0]), axis=1)
        return np.asarray(lattice[inside])


def view_along(model: CrystalModel, along: int) -> View:
    """Look down an axis of the cell: what lies along it falls onto one point of the page."""
    return _view(model, along, orthogonalisation(model.cell)[:, along])


def view_of_section(model: CrystalModel, along: int) -> View:
    """Look straight at the face that the two other axes make: its lengths and angle are the true ones."""
    orth = orthogonalisation(model.cell)
    return _view(model, along, np.cross(orth[:, (along + 1) % 3], orth[:, (along + 2) % 3]))


def _view(model: CrystalModel, along: int, towards: FloatArray) -> View:
    right, up = (along + 1) % 3, (along + 2) % 3  # right-handed with the axis towards the viewer
    orth = orthogonalisation(model.cell)
    height = towards / np.linalg.norm(towards)
    across = orth[:, right] - (orth[:, right] @ height) * height
    across /= np.linalg.norm(across)
    to_page = np.array([across, np.cross(height, across), height]) @ orth
    edges = to_page[:2][:, [right, up]]
    molecule = (model.xyz_frac @ to_page.T)[:, :2]
    window = _square(np.concatenate([_FACE @ edges.T, molecule]))
    return View(along, right, up, to_page, edges, window)


def _square(points: FloatArray) -> FloatArray:
    """Return the smallest square window, with a margin, around points on the page."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2.0 + MARGIN
    return np.asarray((low + high) / 2.0 + np.array([[-half], [half]]))
