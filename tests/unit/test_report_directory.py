"""`rephase report DIR`: the page again, from the files."""

import shutil
from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.cli.main import run
from rephase.errors import UserError
from rephase.io.model import peak_structure, write_model
from rephase.report.directory import map_of_directory, report_of_directory
from rephase.report.map_view import map_scene

EXAMPLE = Path(__file__).parent / "data" / "report_results.json"
CELL = gemmi.UnitCell(20.0, 24.0, 30.0, 90.0, 90.0, 90.0)


def write_map(path: Path, grid: np.ndarray, spacegroup: str = "P 21 21 21") -> None:
    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = gemmi.FloatGrid(grid, CELL, gemmi.SpaceGroup(spacegroup))
    ccp4.update_ccp4_header()
    ccp4.write_ccp4_map(str(path))


def glycine() -> gemmi.Structure:
    """N, CA, C of one residue, a hydrogen, and a water."""
    structure = gemmi.Structure()
    structure.cell, structure.spacegroup_hm = CELL, "P 21 21 21"
    structure.add_model(gemmi.Model(1))
    chain = structure[0].add_chain("A")
    for name, number, atoms in [
        ("GLY", "1", [("N", "N", 0.0), ("CA", "C", 1.46), ("C", "C", 2.9), ("HA2", "H", 1.8)]),
        ("HOH", "2", [("O", "O", 9.0)]),
    ]:
        residue = gemmi.Residue()
        residue.name, residue.seqid = name, gemmi.SeqId(number)
        for atom_name, element, x in atoms:
            atom = gemmi.Atom()
            atom.name, atom.element, atom.pos = atom_name, gemmi.Element(element), gemmi.Position(x, 1, 1)
            residue.add_atom(atom)
        chain.add_residue(residue)
    return structure


@pytest.fixture
def solved(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path / "results.json")
    write_map(tmp_path / "map.ccp4", np.random.default_rng(0).normal(size=(40, 48, 60)).astype(np.float32))
    return tmp_path


def test_the_map_is_read_as_it_was_written(solved: Path) -> None:
    map_ = map_of_directory(solved)
    np.testing.assert_array_equal(map_.grid, np.random.default_rng(0).normal(size=(40, 48, 60)).astype("f4"))
    assert map_.cell == (20.0, 24.0, 30.0, 90.0, 90.0, 90.0)
    assert map_.spacegroup == "P 21 21 21"
    assert map_.atoms is None


@pytest.mark.parametrize("name", ["model.pdb", "model.cif"])
def test_the_model_is_shown_without_hydrogens(name: str, solved: Path) -> None:
    structure = glycine()
    structure.setup_entities()
    if name.endswith("pdb"):
        structure.write_pdb(str(solved / name))
    else:
        structure.make_mmcif_document().write_file(str(solved / name))
    atoms = map_of_directory(solved).atoms
    assert atoms is not None
    assert atoms.elements == ("N", "C", "C", "O")
    assert atoms.labels[1] == "A 1 GLY CA"
    np.testing.assert_allclose(atoms.xyz_cart[:, 0], [0.0, 1.46, 2.9, 9.0])


def test_the_command_writes_the_page_and_nothing_else(solved: Path, capsys) -> None:
    before = {path.name: path.read_bytes() for path in solved.iterdir()}
    assert run(["report", str(solved)]) == 0
    assert "report.html" in capsys.readouterr().out
    after = {path.name: path.read_bytes() for path in solved.iterdir()}
    assert set(after) - set(before) == {"report.html"}
    assert all(after[name] == content for name, content in before.items())
    assert "Example crystal" in after["report.html"].decode()


def spoil_map(folder: Path) -> None:
    (folder / "map.ccp4").write_bytes((folder / "map.ccp4").read_bytes()[:2000])


def punch_map(folder: Path) -> None:
    grid = np.zeros((40, 48, 60), np.float32)
    grid[1, 2, 3] = np.nan
    write_map(folder / "map.ccp4", grid, "P 1")


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda folder: (folder / "map.ccp4").unlink(), "a CCP4 map"),
        (lambda folder: (folder / "map.ccp4").write_text("no map"), "a CCP4 map"),
        (spoil_map, "a CCP4 map"),
        (punch_map, "a CCP4 map"),
        (lambda folder: (folder / "results.json").unlink(), "results.json"),
        (
            lambda folder: (folder / "model.cif").write_text("data_\n_cell.length_a 'open"),
            "PDB or mmCIF format",
        ),
    ],
)
def test_a_file_that_is_missing_or_broken_is_named(spoil, wanted: str, solved: Path) -> None:
    (solved / "report.html").write_text("the old page")
    spoil(solved)
    with pytest.raises(UserError) as refused:
        report_of_directory(solved)
    assert wanted in refused.value.wanted
    assert run(["report", str(solved)]) == 2
    assert (solved / "report.html").read_text() == "the old page"


def test_peaks_written_as_a_model_are_shown_as_peaks(solved: Path) -> None:
    xyz = np.array([[1.0, 2.0, 3.0], [2.4, 2.0, 3.0]])
    peaks = peak_structure(xyz, np.array([5.0, 4.0]), CELL, gemmi.SpaceGroup("P 21 21 21"))
    write_model(solved / "model.pdb", peaks)
    scene = map_scene(map_of_directory(solved))
    assert scene["kind"] == "peaks"
    assert scene["atoms"]["xyz"] == xyz.tolist()
    assert scene["atoms"]["bonds"] == [[0, 1]]
