"""A crystal in its primitive cell scatters as it does in the centred one, and keeps its hand."""

import gemmi
import numpy as np
import pytest

from rephase.crystal.primitive import primitive_setting
from rephase.data.crystals.cell_shapes import draw_angles, tie_edges
from rephase.data.crystals.crystal_model import CrystalModel, primitive_p1
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections

CHIRAL = [group for group in gemmi.spacegroup_table() if group.is_sohncke()]


def five_atoms(group: gemmi.SpaceGroup) -> CrystalModel:
    rng = np.random.default_rng(group.number)
    edges, angles = tie_edges(group, rng.uniform(8.0, 14.0, 3)), draw_angles(group, rng)
    cell = gemmi.UnitCell(*edges, *angles)
    return CrystalModel(cell, group, rng.random((5, 3)), np.array(list("CNOSC")), np.full(5, 20.0))


@pytest.mark.parametrize("group", CHIRAL, ids=[group.xhm() for group in CHIRAL])
def test_hand_and_volume_for_each_molecule_stay(group: gemmi.SpaceGroup) -> None:
    model = five_atoms(group)
    primitive = primitive_p1(model)
    frames = [xyz[1:4] - xyz[0] for xyz in (model.xyz_cart, primitive.xyz_cart)]
    np.testing.assert_allclose(*map(np.linalg.det, frames), rtol=1e-9)
    molecules = len(group.operations())
    assert primitive.cell.volume * molecules == pytest.approx(model.cell.volume * len(primitive) / len(model))


@pytest.mark.parametrize("name", ["P 1 21 1", "C 1 2 1", "I 2 2 2", "F 2 3", "R 3:H"])
def test_structure_factors_are_those_of_the_centred_cell_per_lattice_point(name: str) -> None:
    model = five_atoms(gemmi.SpaceGroup(name))
    hkl = unique_reflections(model, 3.0)[:40]
    setting = primitive_setting(model.cell, model.spacegroup)
    primitive = primitive_p1(model)
    centring = len(model.spacegroup.operations()) * len(model) / len(primitive)
    found = structure_factors(primitive, setting.hkl_to_primitive(hkl))
    np.testing.assert_allclose(centring * found, structure_factors(model, hkl), atol=1e-8)
