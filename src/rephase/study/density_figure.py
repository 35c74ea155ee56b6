"""The best, the median and the worst prediction beside the truth, with the true atoms over every map."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gemmi
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.grid import grid_shape
from rephase.data.crystals.crystal_model import CrystalModel, primitive_p1
from rephase.data.stream.map_batches import maps_of
from rephase.evaluate.map_agreement import TrueMaps
from rephase.evaluate.map_origins import fit_origins, moved
from rephase.models.trained import TrainedNetwork
from rephase.physics.density import density_from_structure_factors, zoom_structure_factors
from rephase.report.crystal_drawing import draw_map, draw_molecule, element_marks, frame_cell, turned_to_page
from rephase.report.crystal_views import view_along
from rephase.report.figure_style import MUTED, new_figure, styled
from rephase.study.example_table import facts
from rephase.study.phased_maps import phased_maps, simulated_data
from rephase.study.predicted_maps import predicted_maps, true_maps
from rephase.study.study_config import NETWORK, RANDOM, StudyConfig, column_label
from rephase.study.study_set import StudySet, batches_of, read_examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_OVERSAMPLING = 2.0  # points per d_min / 2: smooth to the eye
_ALONG = 2  # down c: there is no better axis in a cubic cell


@dataclass(frozen=True, eq=False)
class DrawnCrystal:
    """A crystal and its maps.

    Attributes
    ----------
    name
        Id of its fragment.
    model
        All atoms of its primitive cell.
    maps
        By their captions, each of shape ``(nu, nv, nw)``; the true one first.
    """

    name: str
    model: CrystalModel
    maps: dict[str, FloatArray]


def density_figure(
    trained: TrainedNetwork, study_set: StudySet, table: pa.Table, config: StudyConfig, title: str
) -> "Figure":
    """Draw three crystals, a row each: those whose density the network predicted best, as usual, and worst.

    As figures 3 and 5 of the Patterson U-Net (2023). Maps from phasing are moved to the origin of the truth.

    Parameters
    ----------
    trained, study_set, config
        As in `rephase.study.study.study_network`, which predicted them before.
    table
        What it found.
    title
        Line above the panels.
    """
    pearson = table[f"{NETWORK}/pearson"].to_numpy()
    chosen = chosen_crystals(pearson)
    crystals = [drawn_crystal(trained, study_set, number, config) for number in chosen.values()]
    columns = len(crystals[0].maps)
    subtitle = "density, mean along c, with the true atoms; each map on a scale of its own"
    with styled():
        figure = new_figure(3.1 * columns + 0.3, 0.9 + 3.25 * len(crystals), title, subtitle)
        panels = figure.subplots(len(crystals), columns, squeeze=False)
        for row, (word, crystal) in enumerate(zip(chosen, crystals, strict=True)):
            for axes, (caption, density) in zip(panels[row], crystal.maps.items(), strict=True):
                _panel(axes, crystal.model, density, "" if row else caption.replace(", ", "\n"))
                axes.label_outer()
            correlation = pearson[chosen[word]]
            panels[row, 0].set_ylabel(f"{word}: {crystal.name}\ncorrelation {correlation:.3f}", labelpad=6)
        marks, names = element_marks([crystal.model for crystal in crystals])
        figure.legend(marks, names, loc="upper right", ncols=len(names), labelcolor=MUTED, handlelength=1.2)
    return figure


def chosen_crystals(pearson: FloatArray) -> dict[str, int]:
    """Return the numbers of the best, the median and the worst crystal; fewer where there are fewer."""
    order = np.argsort(-pearson, kind="stable")
    places = {"best": 0, "median": len(order) // 2, "worst": len(order) - 1}
    chosen: dict[str, int] = {}
    for word, place in places.items():
        if int(order[place]) not in chosen.values():
            chosen[word] = int(order[place])
    return chosen


def drawn_crystal(
    trained: TrainedNetwork, study_set: StudySet, number: int, config: StudyConfig
) -> DrawnCrystal:
    """Predict one crystal again, and keep its maps."""
    part = study_set.part(number, number + 1)
    examples = read_examples(part, trained.record.grid)
    _, batch = next(batches_of(examples))
    maps = maps_of(batch.to(next(trained.network.parameters()).device), trained.record.maps)
    truth = true_maps(maps)
    found = {
        name: one.F
        for name, one in predicted_maps(trained, maps, batch.rows.tolist(), config).items()
        if name != RANDOM
    }
    if config.phasing:
        atoms = facts(part)[0]["atoms"]
        phased = phased_maps(trained, simulated_data(maps), atoms, config, classical=False)
        found |= {name: _at_true_origin(one.F.to(truth.F), truth) for name, one in phased.items()}
    d_min = float(maps.d_min[0])
    drawn = {"true density": _drawn(truth.F, truth, d_min)}
    drawn |= {column_label(name, config.settings): _drawn(F, truth, d_min) for name, F in found.items()}
    return DrawnCrystal(part.ids[0], primitive_p1(examples[0].crystal), drawn)


def _at_true_origin(F: Tensor, truth: TrueMaps) -> Tensor:
    return moved(F, fit_origins(truth.F, F, truth.shape).shift, truth.shape)


def _drawn(F: Tensor, truth: TrueMaps, d_min: float) -> FloatArray:
    """Sample a map finely enough to look at."""
    a, b, c, alpha, beta, gamma = truth.cell[0].tolist()
    finer = grid_shape(gemmi.UnitCell(a, b, c, alpha, beta, gamma), d_min, _OVERSAMPLING)
    zoomed = zoom_structure_factors(F, truth.shape, finer)
    found: FloatArray = density_from_structure_factors(zoomed, 1.0, finer)[0].cpu().numpy()
    return found


def _panel(axes: "Axes", model: CrystalModel, density: FloatArray, caption: str) -> None:
    view = view_along(model, _ALONG)
    flat = np.asarray(density.mean(axis=_ALONG))
    draw_map(axes, turned_to_page(flat, view), view, float(np.quantile(flat, 0.05)), float(flat.max()))
    draw_molecule(axes, model, view)
    frame_cell(axes, view, caption, "")
