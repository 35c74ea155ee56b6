import gzip

import gemmi
import numpy as np
import pytest

from rephase.errors import UserError
from rephase.io.ccp4map import read_ccp4_map, write_ccp4_map
from rephase.io.model import peak_structure, read_model, write_model

CELL, GROUP = gemmi.UnitCell(20, 24, 30, 90, 105, 90), gemmi.SpaceGroup("P 1 21 1")


def test_map_survives_the_file(tmp_path):
    density = np.random.default_rng(0).normal(size=(10, 12, 16))
    write_ccp4_map(tmp_path / "map.ccp4", density, CELL, gemmi.SpaceGroup("P 1"))
    back, cell, group = read_ccp4_map(tmp_path / "map.ccp4")
    np.testing.assert_allclose(back, density, rtol=1e-6)
    assert cell.parameters == pytest.approx(CELL.parameters)
    assert group.number == 1


def test_map_keeps_axis_order_and_group(tmp_path):
    density = np.zeros((10, 12, 16))
    density[2, 3, 4] = density[-2, 3 + 6, -4] = 5.0  # 2₁ along b: −x, y + ½, −z
    write_ccp4_map(tmp_path / "map.ccp4", density, CELL, GROUP)
    ccp4 = gemmi.read_ccp4_map(str(tmp_path / "map.ccp4"), setup=True)
    assert ccp4.grid.get_value(2, 3, 4) == 5.0
    assert ccp4.grid.interpolate_value(gemmi.Fractional(0.2, 0.25, 0.25)) == pytest.approx(5.0)
    assert read_ccp4_map(tmp_path / "map.ccp4")[2].number == 4


@pytest.mark.parametrize("content", [b"", b"nonsense" * 300])
def test_broken_map_is_explained(tmp_path, content):
    (tmp_path / "bad.map").write_bytes(content)
    with pytest.raises(UserError, match="CCP4 map"):
        read_ccp4_map(tmp_path / "bad.map")
    with pytest.raises(UserError, match="not a file"):
        read_ccp4_map(tmp_path / "none.map")


@pytest.mark.parametrize("name", ["peaks.pdb", "peaks.cif"])
def test_peaks_become_a_model_and_come_back(tmp_path, name):
    xyz = np.array([[1.0, 2.0, 3.0], [4.5, -5.25, 6.0]])
    structure = peak_structure(xyz, np.array([8.0, 4.0]), CELL, GROUP)
    write_model(tmp_path / name, structure)
    model = read_model(tmp_path / name)
    np.testing.assert_allclose(model.xyz_cart, xyz, atol=1e-3)
    np.testing.assert_allclose(model.occupancy, [1.0, 0.5])
    assert model.elements.tolist() == ["O", "O"]
    assert model.spacegroup.number == 4
    frac = [CELL.fractionalize(gemmi.Position(*x)).tolist() for x in xyz]
    np.testing.assert_allclose(model.xyz_frac, frac, atol=1e-4)


def test_gzipped_model_is_read(tmp_path):
    structure = peak_structure(np.ones((1, 3)), np.ones(1), CELL, GROUP)
    (tmp_path / "m.pdb.gz").write_bytes(gzip.compress(structure.make_pdb_string().encode()))
    assert len(read_model(tmp_path / "m.pdb.gz")) == 1


def test_models_without_atoms_or_crystal_are_explained(tmp_path):
    (tmp_path / "empty.pdb").write_text("")
    (tmp_path / "bare.pdb").write_text(
        "ATOM      1  CA  ALA A   1       1.000   2.000   3.000  1.00 20.00           C\n"
    )
    with pytest.raises(UserError, match="no atoms"):
        read_model(tmp_path / "empty.pdb")
    with pytest.raises(UserError, match="CRYST1"):
        read_model(tmp_path / "bare.pdb")
    with pytest.raises(UserError, match="not a file"):
        read_model(tmp_path / "none.pdb")
    with pytest.raises(UserError, match="room"):
        write_model(tmp_path / "no" / "x.pdb", gemmi.Structure())
