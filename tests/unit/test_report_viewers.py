"""The viewer scripts find the files beside themselves, wherever they are started from."""

import subprocess
import sys
from pathlib import Path

import pytest

from rephase.report.viewers import write_viewer_scripts

RECORDER = '''
"""Stands where Coot's own module is inside Coot, and prints what it is asked to do."""
def handle_read_draw_molecule_with_recentre(name, recentre): print("model", name, recentre); return 0
def make_and_draw_map(*arguments): print("map", *arguments); return 1
def set_contour_level_in_sigma(imol, level): print("level", imol, level)
'''


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "solved crystal"
    folder.mkdir()
    (folder / "phased.mtz").touch()
    return folder


def run_as_coot_does(script: Path, folder: Path) -> list[str]:
    """Run the script by exec, which sets no __file__, from another directory."""
    (folder / "coot.py").write_text(RECORDER)
    run = f"import sys; sys.path.insert(0, {str(folder)!r}); name = {str(script)!r}\n"
    run += "exec(compile(open(name).read(), name, 'exec'), {'__name__': '__main__'})"
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, check=True, cwd=folder.parent
    )
    return done.stdout.splitlines()


def test_coot_opens_the_map_from_the_mtz_and_the_model(output: Path) -> None:
    coot, _, _ = write_viewer_scripts(output, 0.4, "model.pdb")
    assert run_as_coot_does(coot, output) == [
        f"model {output / 'model.pdb'} 1",
        f"map {output / 'phased.mtz'} FWT PHWT  0 0",
        "level 1 1.5",
    ]


def test_coot_opens_the_map_alone_where_nothing_was_built(output: Path) -> None:
    coot, _, _ = write_viewer_scripts(output, 0.4)
    assert [line.split()[0] for line in run_as_coot_does(coot, output)] == ["map", "level"]


def test_chimerax_contours_the_map_at_one_and_a_half_rms(output: Path) -> None:
    _, chimerax, _ = write_viewer_scripts(output, 0.4, "model.cif")
    text = chimerax.read_text()
    assert "open map.ccp4\nopen model.cif\nvolume cover #1 atomBox #2" in text
    assert "style mesh level 0.6 " in text


def test_pymol_changes_to_the_folder_of_the_script_before_loading(output: Path) -> None:
    _, _, pymol = write_viewer_scripts(output, 0.4, "model.pdb")
    lines = pymol.read_text().splitlines()
    assert lines.index("cmd.cd(os.path.dirname(os.path.abspath(__script__)))") < lines.index(
        "load map.ccp4, density"
    )
    assert "isomesh mesh, density, 1.5, built, buffer=4" in lines


def test_pymol_objects_are_not_words_of_its_selection_language(output: Path) -> None:
    """`load …, model` made an object `model_`, and every later command failed on the keyword `model`."""
    _, _, pymol = write_viewer_scripts(output, 0.4, "model.pdb")
    names = [line.split(", ")[1] for line in pymol.read_text().splitlines() if line.startswith("load ")]
    assert not {"model", "all", "name", "chain", "map", "state"} & set(names)


@pytest.mark.parametrize("model", [None, "model.pdb"])
def test_no_script_holds_an_absolute_path(model: str | None, output: Path) -> None:
    for script in write_viewer_scripts(output, 0.4, model):
        assert str(output) not in script.read_text()
