"""The figure of a set: histograms of what it is made of."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rephase.report.figure_style import ACCENT, FAINT, MUTED, TEXT, THREE, count_axis, new_figure, styled
from rephase.report.set_statistics import EXPECTED_PERCENT, CrystalStatistics, SetStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40
_RAMACHANDRAN_BINS = 72  # of 5°
_SOLVENT_STEP = 4  # %
_MOST_GROUPS = 8


def set_figure(statistics: SetStatistics, name: str) -> "Figure":
    """Draw atoms per fragment, composition, resolution, Ramachandran plot, and the crystals if there are any.

    Parameters
    ----------
    statistics
        Of the set.
    name
        Of the set, for the title.

    Returns
    -------
    A figure of four panels, or of eight with crystals.
    """
    rows = 1 if statistics.crystals is None else 2
    number = len(statistics.atoms)
    counts = f"{number:,} fragments, {statistics.atoms.sum():,} atoms"
    looked_at = "backbone" if statistics.crystals is None else "backbone and crystals"
    sampled = "" if statistics.sampled == number else f"; {looked_at} of {statistics.sampled:,}"
    with styled():
        figure = new_figure(14.0, 0.7 + 3.1 * rows, name, counts + sampled)
        panels = figure.subplots(rows, 4, squeeze=False)
        _atoms(panels[0, 0], statistics.atoms)
        _composition(panels[0, 1], statistics.residues)
        _resolution(panels[0, 2], statistics.resolution)
        _ramachandran(panels[0, 3], statistics.phi_psi_deg)
        if statistics.crystals is not None:
            _solvent(panels[1, 0], statistics.crystals)
            _edges(panels[1, 1], statistics.crystals)
            _angles(panels[1, 2], statistics.crystals)
            _groups(panels[1, 3], statistics.crystals)
    return figure


def _atoms(axes: "Axes", atoms: NDArray[np.int32]) -> None:
    low, high = int(atoms.min()), int(atoms.max())
    step = max(1, (high - low) // _BINS)
    axes.hist(atoms, bins=(np.arange(low, high + step + 1, step) - 0.5).tolist(), color=ACCENT)
    axes.set_title("Size")
    axes.set_xlabel("heavy atoms of a fragment")
    count_axis(axes, "fragments")


def _composition(axes: "Axes", residues: dict[str, int]) -> None:
    total = sum(residues.values())
    place = np.arange(len(EXPECTED_PERCENT))
    observed = [100.0 * residues.get(code, 0) / total for code in EXPECTED_PERCENT]
    axes.bar(place, observed, width=0.7, color=ACCENT, label="set")
    axes.scatter(
        place, list(EXPECTED_PERCENT.values()), marker="_", s=70, color=TEXT, label="Swiss-Prot", zorder=3
    )
    axes.set_xticks(place, list(EXPECTED_PERCENT))
    axes.tick_params(axis="x", length=0)
    axes.set_title("Composition")
    axes.set_xlabel("amino acid")
    axes.legend(loc="upper right")
    count_axis(axes, "% of residues")


def _resolution(axes: "Axes", resolution: NDArray[np.float64]) -> None:
    axes.set_title("Resolution of the entries")
    measured = resolution[np.isfinite(resolution)]
    if len(measured) == 0:
        _say(axes, "nothing was measured:\nno resolution")
        return
    low, high = np.rint(10.0 * measured.min()), np.rint(10.0 * measured.max())
    axes.hist(measured, bins=((np.arange(low, high + 2.0) - 0.5) / 10.0).tolist(), color=ACCENT)
    axes.set_xlabel("d$_{min}$ (Å)")
    count_axis(axes, "fragments")


def _ramachandran(axes: "Axes", phi_psi_deg: NDArray[np.float64]) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    axes.set_title("Ramachandran plot")
    if len(phi_psi_deg) == 0:
        _say(axes, "too short for\nφ and ψ")
        return
    shades = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9dbcec", ACCENT, "#0b2247"])
    edges = np.linspace(-180.0, 180.0, _RAMACHANDRAN_BINS + 1)
    count, _ = np.histogramdd(phi_psi_deg, bins=[edges, edges])
    mesh = axes.pcolormesh(edges, edges, count.T, cmap=shades, norm=PowerNorm(0.35), rasterized=True)
    axes.axhline(0, color=FAINT, linewidth=0.6)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    axes.set(xticks=range(-180, 181, 90), yticks=range(-180, 181, 90), aspect="equal")
    axes.set_xlabel("φ (°)")
    axes.set_ylabel("ψ (°)", labelpad=0)
    bar = axes.figure.colorbar(mesh, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label("residues in 5° × 5°")
    bar.outline.set_visible(False)


def _solvent(axes: "Axes", crystals: CrystalStatistics) -> None:
    axes.hist(100.0 * crystals.solvent, bins=list(range(0, 101, _SOLVENT_STEP)), color=ACCENT)
    axes.set_xlim(0, 100)
    axes.set_title("Solvent content (1 − 1.23 / V$_M$)")
    axes.set_xlabel("% of the cell")
    count_axis(axes, "crystals")


def _edges(axes: "Axes", crystals: CrystalStatistics) -> None:
    edges = crystals.cell[:, :3]
    bins = np.linspace(np.floor(edges.min()), np.floor(edges.max()) + 1.0, _BINS + 1).tolist()
    for values, label, colour in zip(edges.T, "abc", THREE, strict=True):
        axes.hist(values, bins=bins, histtype="step", linewidth=1.6, color=colour, label=label)
    axes.set_title("Cell edges")
    axes.set_xlabel("Å")
    axes.legend(loc="upper right")
    count_axis(axes, "crystals")


def _angles(axes: "Axes", crystals: CrystalStatistics) -> None:
    angles = crystals.cell[:, 3:]
    bins = np.arange(np.floor(angles.min() / 5.0) * 5.0 - 2.5, angles.max() + 7.6, 5.0)
    axes.hist(list(angles.T), bins=bins.tolist(), color=THREE, label=["α", "β", "γ"])
    axes.set_title("Cell angles")
    axes.set_xlabel("°")
    axes.legend(loc="upper right")
    count_axis(axes, "crystals")


def _groups(axes: "Axes", crystals: CrystalStatistics) -> None:
    names = list(crystals.spacegroups)[:_MOST_GROUPS]
    others = len(crystals.spacegroups) - len(names)
    axes.barh(names, [crystals.spacegroups[name] for name in names], height=0.6, color=ACCENT)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(names), 4) - 0.5, -0.5)  # a single bar does not fill the panel
    axes.set_title(f"Space groups{f' ({others} rarer ones not shown)' if others else ''}")
    axes.set_xlabel("crystals")


def _say(axes: "Axes", text: str) -> None:
    """Fill an empty panel with the reason why it is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=MUTED, transform=axes.transAxes)
