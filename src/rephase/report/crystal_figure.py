"""The figure of one crystal: molecules, density and Patterson map, looked at down each axis of the cell."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import CrystalModel, rotation_and_shift
from rephase.report.crystal_drawing import (
    bonds_of,
    draw_map,
    draw_molecule,
    element_marks,
    frame_cell,
    turned_to_page,
)
from rephase.report.crystal_maps import CrystalMaps
from rephase.report.crystal_views import View, view_along, view_of_section
from rephase.report.figure_style import FAINT, MUTED, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_ORIGIN_PEAK = 4.0  # Å around the origin of a Patterson map that set no scale: its peak dwarfs all others


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

    bonds = bonds_of(model)
    grey = [copy[bonds] for copy in _copies(model, view)]
    if grey:
        axes.add_collection(LineCollection(list(np.concatenate(grey)), colors=FAINT, linewidths=0.6))
    draw_molecule(axes, model, view)
    frame_cell(axes, view, title, "")


def _density(axes: "Axes", maps: CrystalMaps, view: View, title: str) -> None:
    flat = np.asarray(maps.density.mean(axis=view.along))
    highest = float(flat.max())
    draw_map(axes, turned_to_page(flat, view), view, float(np.quantile(flat, 0.05)), highest)
    frame_cell(axes, view, title, f"to {maps.d_min:g} Å; dark: {highest:.2g} e/Å³")


def _patterson(axes: "Axes", maps: CrystalMaps, view: View, title: str) -> None:
    section = turned_to_page(np.asarray(maps.patterson.take(0, axis=view.along)), view)
    outside = section[_far_from_origin(section.shape, view)]
    highest = float(outside.max()) if outside.size else float(section.max())
    draw_map(axes, section, view, 0.0, highest)
    frame_cell(axes, view, title, f"dark: {highest:.0f} e²/Å³ and more")


def _far_from_origin(shape: tuple[int, ...], view: View) -> NDArray[np.bool_]:
    """Tell which points of a section lie outside the origin peak and its copies."""
    fractions = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    copies = view.translations(np.zeros((1, 2)))
    distance = np.min([np.linalg.norm((fractions - at) @ view.edges.T, axis=-1) for at in copies], axis=0)
    return np.asarray(distance > _ORIGIN_PEAK)


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


def _legend(figure: "Figure", model: CrystalModel) -> None:
    from matplotlib.lines import Line2D

    marks, names = element_marks([model])
    names = [*names, "neighbours"]
    figure.legend(
        [*marks, Line2D([], [], color=FAINT, linewidth=1)], names,
        loc="upper right", ncols=len(names), labelcolor=MUTED, columnspacing=1.2, handlelength=1.2,
    )  # fmt: skip
