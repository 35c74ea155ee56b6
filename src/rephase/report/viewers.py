"""Scripts that open the results in Coot, ChimeraX and PyMOL.

All three find the files beside themselves, so the output directory can be moved or sent to someone else.
"""

from pathlib import Path

CONTOUR_RMS = 1.5
"""First contour level in r.m.s. of the map, as crystallographers start with."""

COOT_SCRIPT = "open_in_coot.py"
CHIMERAX_SCRIPT = "open.cxc"
PYMOL_SCRIPT = "open.pml"


def write_viewer_scripts(
    directory: Path, map_rms: float, model: str | None = None
) -> tuple[Path, Path, Path]:
    """Write `open_in_coot.py`, `open.cxc` and `open.pml`.

    Parameters
    ----------
    directory
        Output directory, which holds `phased.mtz` and `map.ccp4`.
    map_rms
        Root mean square of `map.ccp4` over the unit cell, e/Å³.
    model
        Name of the model file in `directory`, or None where nothing was built.

    Returns
    -------
    Paths of the three scripts.
    """
    scripts = {
        COOT_SCRIPT: coot_script(model),
        CHIMERAX_SCRIPT: chimerax_script(map_rms, model),
        PYMOL_SCRIPT: pymol_script(model),
    }
    for name, text in scripts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory / COOT_SCRIPT, directory / CHIMERAX_SCRIPT, directory / PYMOL_SCRIPT


def coot_script(model: str | None) -> str:
    """Return a Python script for Coot 0.9 and 1.1: the map from `phased.mtz`, and the model.

    The map is made from FWT and PHWT rather than read from `map.ccp4`, which Coot would not repeat beyond
    the unit cell in an orthogonal P1 crystal. Coot runs scripts without `__file__`, so the directory
    is taken from the name under which the code was compiled.
    """
    lines = [
        "# Open with:  coot --script open_in_coot.py",
        "import os",
        "import sys",
        "",
        "import coot",
        "",
        "here = os.path.dirname(os.path.abspath(sys._getframe().f_code.co_filename))",
        'if not os.path.isfile(os.path.join(here, "phased.mtz")):',
        "    here = os.getcwd()",
        "",
    ]
    if model:
        lines += [f'coot.handle_read_draw_molecule_with_recentre(os.path.join(here, "{model}"), 1)']
    lines += [
        'density = coot.make_and_draw_map(os.path.join(here, "phased.mtz"), "FWT", "PHWT", "", 0, 0)',
        f"coot.set_contour_level_in_sigma(density, {CONTOUR_RMS})",
    ]
    return "\n".join(lines) + "\n"


def chimerax_script(map_rms: float, model: str | None) -> str:
    """Return ChimeraX commands: `map.ccp4` as a mesh, repeated by symmetry to cover the model.

    ChimeraX works in the script's own directory while it runs a .cxc file. The level is absolute because
    the region around a model has an r.m.s. of its own.
    """
    mesh = f"style mesh level {CONTOUR_RMS * map_rms:.5g} color #3b6fd4"
    lines = ["# Open with:  chimerax open.cxc", "close session", "open map.ccp4"]
    if model is None:
        lines += [f"volume #1 {mesh}", "view"]
    else:
        lines += [
            f"open {model}",
            "volume cover #1 atomBox #2 pad 4",
            f"volume #3 {mesh}",
            "volume #1 hide",
            "style #2 stick",
            "show #2 atoms",
            "hide #2 cartoons",
            "color #2 byelement",
            "view #2",
        ]
    return "\n".join(lines) + "\n"


def pymol_script(model: str | None) -> str:
    """Return PyMOL commands: `map.ccp4` as a mesh, around the model where there is one.

    PyMOL scales a CCP4 map to unit standard deviation when it loads it, so levels are in σ, and repeats it
    by symmetry around a selection.
    """
    lines = [
        "# Open with:  pymol open.pml",
        "import os",
        "cmd.cd(os.path.dirname(os.path.abspath(__script__)))",
        "set normalize_ccp4_maps, on",
        "load map.ccp4, density",
    ]
    if model is None:
        lines += [f"isomesh mesh, density, {CONTOUR_RMS}", "zoom mesh"]
    else:
        lines += [
            f"load {model}, built",  # "model" is a word of PyMOL's selection language
            "set map_auto_expand_sym, on",
            f"isomesh mesh, density, {CONTOUR_RMS}, built, buffer=4",
            "hide everything, built",
            "show sticks, built",
            "util.cbay built",
            "zoom built",
            "clip slab, 15",
        ]
    lines += ["color marine, mesh", "set mesh_width, 0.7"]
    return "\n".join(lines) + "\n"
