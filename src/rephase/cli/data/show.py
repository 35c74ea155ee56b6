"""`rephase data show`: look at a set, or at one crystal of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rephase.errors import UserError

if TYPE_CHECKING:
    from rephase.data.sets.fragment_set import FragmentSet
    from rephase.logs import Log

D_MIN_RANGE = (0.5, 8.0)  # Å: from the best crystals of peptides to a handful of reflections


def show(
    path: Path,
    fragment: str | None = None,
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    d_min: float = 1.5,
    seed: int = 0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Show what a set holds, or one crystal of it.

    Without a fragment: counts by split, what was left out and why, sizes, resolution, composition, and the
    crystals where the set fixes them; with --output also a figure of histograms. With a fragment: its
    crystal, and with --output a figure of its molecules, density and Patterson map.

    For example:

    - `rephase data show SET -o set.png`
    - `rephase data show SET 4AZ3_1.pd_11 -o crystal.png`

    Parameters
    ----------
    path
        Directory of the set.
    fragment
        Id of one of its fragments.
    output
        Figure to write: .png, .pdf or .svg.
    d_min
        High-resolution limit of the maps, Å.
    seed
        Of the crystal that is drawn where the set fixes none.
    force
        Replace an existing figure.
    """
    if not D_MIN_RANGE[0] <= d_min <= D_MIN_RANGE[1]:
        limits = f"{D_MIN_RANGE[0]:g} to {D_MIN_RANGE[1]:g} Å"
        raise UserError(f"--d-min: {limits}", f"{d_min:g}", "correct --d-min")
    if seed < 0:
        raise UserError("--seed: zero or more", str(seed), "type for example --seed 1")

    from rephase.data.sets.fragment_set import FragmentSet
    from rephase.logs import Log
    from rephase.report.figure_style import check_figure_path

    if output is not None:
        check_figure_path(output, force)
    fragments = FragmentSet.open(path)
    if fragment is None:
        _show_set(Log(), fragments, output)
    else:
        _show_crystal(Log(), fragments, fragment, output, d_min, seed)


def _show_set(log: "Log", fragments: "FragmentSet", output: Path | None) -> None:
    from rephase.report.figure_style import save_figure
    from rephase.report.set_figures import set_figure
    from rephase.report.set_statistics import set_statistics
    from rephase.report.set_text import tell_set, tell_statistics

    tell_set(log, fragments)
    if len(fragments) == 0:
        return
    statistics = set_statistics(fragments)
    tell_statistics(log, statistics)
    if output is not None:
        save_figure(set_figure(statistics, fragments.record.name), output)
        log.say(f"\nfigure: {output}")
    first = fragments.manifest["id"][0].as_py()
    log.say(f"\nnext: rephase data show {fragments.path} {first} -o crystal.png")


def _show_crystal(
    log: "Log", fragments: "FragmentSet", fragment: str, output: Path | None, d_min: float, seed: int
) -> None:
    from rephase.report.crystal_figure import crystal_figure
    from rephase.report.crystal_maps import crystal_maps
    from rephase.report.figure_style import save_figure
    from rephase.report.set_text import cell_text, tell_crystal
    from rephase.report.shown_crystal import shown_crystal

    crystal = shown_crystal(fragments, fragment, seed)
    tell_crystal(log, crystal, d_min, seed)
    if output is not None:
        maps = crystal_maps(crystal.model, d_min)
        subtitle = f"{crystal.sequence}     {cell_text(crystal)}"
        save_figure(crystal_figure(crystal.model, maps, fragment, subtitle), output)
        log.say(f"figure       {output}")
