"""Parts of figures of crystals: maps, molecules, and the cell, looked at along an axis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.report.crystal_views import MARGIN, View
from rephase.report.figure_style import ACCENT, ELEMENT_COLOURS, MUTED, OTHER_ELEMENT, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BOND_TOLERANCE = 0.45  # Å above the sum of covalent radii, as crystallographic programs allow
_LONGEST_BOND = 2.6  # Å: S–S has 2.05
_PIXELS = 320  # of a map panel along each edge
_SHADES = ("#ffffff", "#c9dcf7", ACCENT, "#081a38")


def turned_to_page(flat: FloatArray, view: View) -> FloatArray:
    """Put the axis that points right first; what is left of a map has the cell's axes in their order."""
    return flat if view.right < view.up else flat.T


def draw_map(axes: "Axes", flat: FloatArray, view: View, lowest: float, highest: float) -> None:
    """Draw a map whose first axis points right and whose second one up, repeated over the window."""
    from matplotlib.colors import LinearSegmentedColormap

    (left, bottom), (right, top) = view.window.tolist()
    page = np.stack(
        np.meshgrid(np.linspace(left, right, _PIXELS), np.linspace(bottom, top, _PIXELS), indexing="ij")
    )
    fractions = np.tensordot(np.linalg.inv(view.edges), page, axes=1)
    index = fractions * np.array(flat.shape)[:, None, None]
    axes.imshow(
        map_coordinates(flat, index, order=1, mode="grid-wrap").T,
        cmap=LinearSegmentedColormap.from_list("map", _SHADES),
        vmin=lowest,
        vmax=highest,
        origin="lower",
        extent=(left, right, bottom, top),
        interpolation="bilinear",
    )


def frame_cell(axes: "Axes", view: View, title: str, scale: str) -> None:
    """Outline the cell and name its axes; lengths on the page are in Å."""
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]) @ view.edges.T
    axes.plot(*corners.T, color=TEXT, linewidth=1.0, zorder=2)
    middle = view.edges.sum(axis=1) / 2.0
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
    for axis, edge in zip((view.right, view.up), view.edges.T, strict=True):
        outward = edge / 2.0 - middle
        x, y = edge / 2.0 + outward / np.linalg.norm(outward) * 0.5 * MARGIN
        axes.text(x, y, "abc"[axis], ha="center", va="center", style="italic", fontsize=11, bbox=plate)
    axes.set(xlim=view.window[:, 0], ylim=view.window[:, 1], aspect="equal")
    axes.set_title(title)
    axes.set_title(scale, loc="right", fontsize=8, color=MUTED)
    axes.set_xlabel("Å", labelpad=1)
    axes.locator_params(nbins=6)


def bonds_of(model: CrystalModel) -> IntArray:
    """Return pairs of bonded atoms, shape ``(bonds, 2)``: closer than their covalent radii allow."""
    xyz = model.xyz_cart
    pairs = KDTree(xyz).query_pairs(_LONGEST_BOND, output_type="ndarray").astype(np.int64)
    table = {symbol: gemmi.Element(symbol).covalent_r for symbol in set(model.elements.tolist())}
    radius = np.array([table[symbol] for symbol in model.elements.tolist()])
    distance = np.linalg.norm(xyz[pairs[:, 0]] - xyz[pairs[:, 1]], axis=1)
    return np.asarray(pairs[distance < radius[pairs].sum(axis=1) + _BOND_TOLERANCE])


def _half_bonds(
    place: FloatArray, bonds: IntArray, elements: NDArray[np.str_]
) -> tuple[FloatArray, NDArray[np.str_], FloatArray]:
    """Return the two halves of each bond on the page, each in its atom's colour, and their heights."""
    middle = place[bonds].mean(axis=1)
    halves = np.concatenate([np.stack([place[bonds[:, end]], middle], axis=1) for end in (0, 1)])
    colours = _colours(elements)[np.concatenate([bonds[:, 0], bonds[:, 1]])]
    return halves[..., :2], colours, halves[..., 2].mean(axis=1)


def _colours(elements: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.array([ELEMENT_COLOURS.get(symbol, OTHER_ELEMENT) for symbol in elements.tolist()])


def draw_molecule(axes: "Axes", model: CrystalModel, view: View) -> None:
    """Draw the molecule of a model as sticks in the colours of its elements, the nearest atoms last."""
    from matplotlib.collections import LineCollection

    place = view.on_page(model.xyz_frac)
    halves, colours, height = _half_bonds(place, bonds_of(model), model.elements)
    order = np.argsort(height, kind="stable")
    axes.add_collection(
        LineCollection(list(halves[order]), colors=colours[order], linewidths=1.8, capstyle="round", zorder=3)
    )
    dots = np.argsort(place[:, 2], kind="stable")
    x, y, _ = place[dots].T
    axes.scatter(x, y, s=7, c=_colours(model.elements)[dots], linewidths=0, zorder=4)


def element_marks(models: Sequence[CrystalModel]) -> "tuple[list[Line2D], list[str]]":
    """Return marks and names of the elements of some crystals, for a legend."""
    from matplotlib.lines import Line2D

    present = sorted({symbol for model in models for symbol in model.elements.tolist()})
    colours = [ELEMENT_COLOURS.get(symbol, OTHER_ELEMENT) for symbol in present]
    return [Line2D([], [], color=colour, linewidth=3) for colour in colours], present
