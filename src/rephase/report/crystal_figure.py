"""The figure of one crystal: molecules, density and Patterson map, looked at down each axis of the cell."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

from rephase.data.crystals.crystal_model import CrystalModel, rotation_and_shift
from rephase.report.crystal_maps import CrystalMaps
from rephase.report.crystal_views import MARGIN, View, view_along, view_of_section
from rephase.report.figure_style import (
    ACCENT,
    ELEMENT_COLOURS,
    FAINT,
    MUTED,
    OTHER_ELEMENT,
    TEXT,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BOND_TOLERANCE = 0.45  # Å above the sum of covalent radii, as crystallographic programs allow
_LONGEST_BOND = 2.6  # Å: S–S has 2.05
_PIXELS = 320  # of a map panel along each edge
_ORIGIN_PEAK = 4.0  # Å around the origin of a Patterson map that set no scale: its peak dwarfs all others
_SHADES = ("#ffffff", "#c9dcf7", ACCENT, "#081a38")


def crystal_figure(model: CrystalModel, maps: CrystalMaps, title: str, subtitle: str) -> "Figure":
    """Draw a crystal.

    Parameters
    ----------
    model
        The crystal; one molecule in the asymmetric unit, drawn in colours.
    maps
        Its density and Patterson map.
    title, subtitle
        Two lines above the panels.

    Returns
    -------
    A figure of three columns, one for each axis of the cell.
    """
    with styled():
        figure = new_figure(12.0, 12.6, title, subtitle)
        panels = figure.subplots(3, 3)
        for along, name in enumerate("abc"):
            view, section = view_along(model, along), view_of_section(model, along)
            _molecules(panels[0, along], model, view, f"Molecules, down {name}")
            _density(panels[1, along], maps, view, f"Density, mean along {name}")
            _patterson(panels[2, along], maps, section, f"Patterson map, {'uvw'[along]} = 0")
        _legend(figure, model)
    return figure


def _molecules(axes: "Axes", model: CrystalModel, view: View, title: str) -> None:
    """Draw every molecule in sight in grey, and the one of the model over them, the nearest atoms last."""
    from matplotlib.collections import LineCollection

    bonds = _bonds(model)
    grey = [copy[bonds] for copy in _copies(model, view)]
    if grey:
        axes.add_collection(LineCollection(list(np.concatenate(grey)), colors=FAINT, linewidths=0.6))
    place = view.on_page(model.xyz_frac)
    halves, colours, height = _half_bonds(place, bonds, model.elements)
    order = np.argsort(height, kind="stable")
    axes.add_collection(
        LineCollection(list(halves[order]), colors=colours[order], linewidths=1.8, capstyle="round", zorder=3)
    )
    dots = np.argsort(place[:, 2], kind="stable")
    x, y, _ = place[dots].T
    axes.scatter(x, y, s=7, c=_colours(model.elements)[dots], linewidths=0, zorder=4)
    _frame(axes, view, title, "")


def _density(axes: "Axes", maps: CrystalMaps, view: View, title: str) -> None:
    flat = np.asarray(maps.density.mean(axis=view.along))
    highest = float(flat.max())
    _draw_map(axes, _turned(flat, view), view, float(np.quantile(flat, 0.05)), highest)
    _frame(axes, view, title, f"to {maps.d_min:g} Å; dark: {highest:.2g} e/Å³")


def _patterson(axes: "Axes", maps: CrystalMaps, view: View, title: str) -> None:
    section = _turned(np.asarray(maps.patterson.take(0, axis=view.along)), view)
    outside = section[_far_from_origin(section.shape, view)]
    highest = float(outside.max()) if outside.size else float(section.max())
    _draw_map(axes, section, view, 0.0, highest)
    _frame(axes, view, title, f"dark: {highest:.0f} e²/Å³ and more")


def _turned(flat: FloatArray, view: View) -> FloatArray:
    """Put the axis that points right first; what is left of a map has the cell's axes in their order."""
    return flat if view.right < view.up else flat.T


def _far_from_origin(shape: tuple[int, ...], view: View) -> NDArray[np.bool_]:
    """Tell which points of a section lie outside the origin peak and its copies."""
    fractions = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    copies = view.translations(np.zeros((1, 2)))
    distance = np.min([np.linalg.norm((fractions - at) @ view.edges.T, axis=-1) for at in copies], axis=0)
    return np.asarray(distance > _ORIGIN_PEAK)


def _draw_map(axes: "Axes", flat: FloatArray, view: View, lowest: float, highest: float) -> None:
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


def _frame(axes: "Axes", view: View, title: str, scale: str) -> None:
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


def _copies(model: CrystalModel, view: View) -> Iterator[FloatArray]:
    """Yield the other molecules in the window on the page, shape ``(n, 2)``.

    One of each row along the line of sight is enough: the others lie behind it.
    """
    for number, op in enumerate(model.spacegroup.operations()):
        rotation, shift = rotation_and_shift(op)
        image = view.on_page(model.xyz_frac @ rotation.T + shift)[:, :2]
        for lattice in view.translations(image):
            if number > 0 or np.any(lattice != 0):
                yield image + view.edges @ lattice


def _bonds(model: CrystalModel) -> IntArray:
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


def _legend(figure: "Figure", model: CrystalModel) -> None:
    from matplotlib.lines import Line2D

    present = sorted(set(model.elements.tolist()))
    colours = [ELEMENT_COLOURS.get(symbol, OTHER_ELEMENT) for symbol in present]
    marks = [Line2D([], [], color=colour, linewidth=3) for colour in colours]
    names = [*present, "neighbours"]
    figure.legend(
        [*marks, Line2D([], [], color=FAINT, linewidth=1)], names,
        loc="upper right", ncols=len(names), labelcolor=MUTED, columnspacing=1.2, handlelength=1.2,
    )  # fmt: skip
