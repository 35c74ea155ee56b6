"""How figures look, and how they are saved; the colours are those of the report."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rephase.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT, MUTED, FAINT, GRID = "#1b1f24", "#57606a", "#a9b1bb", "#e6e8ec"
ACCENT, GOOD, WARN = "#1f5fbf", "#17693a", "#b36b00"
THREE = (ACCENT, WARN, GOOD)
"""For the three axes of a cell."""
ELEMENT_COLOURS = {"C": "#d99a1c", "N": "#2743c9", "O": "#d3262b", "S": "#8f8a00"}
OTHER_ELEMENT = "#7b7f86"
FORMATS = (".png", ".pdf", ".svg")
_WITHOUT_DATE: dict[str, dict[str, None]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
_DPI = 150
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": TEXT,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": TEXT,
    "legend.frameon": False,
    "svg.hashsalt": "rephase",  # the same figure gives the same bytes
}


def new_figure(width: float, height: float, title: str, subtitle: str) -> "Figure":
    """Return an empty figure, `width` × `height` inches, that lays its panels out by itself."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1.0 - 0.72 / height), wspace=0.04)  # type: ignore[union-attr,call-arg]
    figure.text(0.012, 1.0 - 0.12 / height, title, fontsize=13, weight="bold", va="top")
    figure.text(0.012, 1.0 - 0.38 / height, subtitle, fontsize=9, color=MUTED, va="top")
    return figure


def count_axis(axes: "Axes", label: str) -> None:
    """Give a vertical axis of counts its label and faint lines."""
    axes.set_ylabel(label)
    axes.grid(axis="y", color=GRID)


def check_figure_path(path: Path, force: bool) -> None:
    """Check, before anything is computed, that a figure can be saved there.

    Parameters
    ----------
    path
        File to write.
    force
        Whether it may replace another.

    Raises
    ------
    UserError
        When the suffix is of no known format, the directory does not exist, or there is a file already.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"a figure as {', '.join(FORMATS)}", str(path), "name it for example crystal.png")
    if path.is_dir() or not path.parent.is_dir():
        found = f"{path} is a directory" if path.is_dir() else f"no directory {path.parent}"
        raise UserError("a place for the figure", found, "correct --output")
    if path.exists() and not force:
        raise UserError("a new file for the figure", f"{path} exists", "add --force to replace it")


def save_figure(figure: "Figure", path: Path) -> None:
    """Save a figure in the format of its suffix, without the time of day."""
    figure.savefig(path, metadata=_WITHOUT_DATE.get(path.suffix.lower()))


def styled() -> "AbstractContextManager[None]":
    """Return a context in which figures are drawn in the house style."""
    import matplotlib

    return matplotlib.rc_context(_STYLE)
