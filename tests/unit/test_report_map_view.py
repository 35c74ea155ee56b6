"""The map in the page shows what the map file holds, where it holds it."""

import base64

import gemmi
import numpy as np
import pytest

from rephase.report.map_view import (
    MAX_POINTS,
    Atoms,
    MapForReport,
    bonds_by_distance,
    cut_box,
    densest_point,
    map_scene,
    peaks_in_box,
)

CELL = (14.0, 17.0, 20.0, 80.0, 95.0, 110.0)
SHAPE = (36, 44, 50)
ALANINE = np.array(
    [[1.46, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.5, 1.43, 0.0], [0.2, 2.4, 0.3], [-0.55, -0.78, -1.2]]
)  # N CA C O CB, Å
ELEMENTS = ("N", "C", "C", "O", "C")


def gaussian_map(xyz_cart: np.ndarray, shape: tuple[int, int, int] = SHAPE, cell=CELL) -> np.ndarray:
    """Periodic density of Gaussian atoms, 0.4 Å wide, with mean zero."""
    unit_cell = gemmi.UnitCell(*cell)
    orthogonalise = np.array(unit_cell.orth.mat.tolist())
    points = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    density = np.zeros(shape)
    for xyz in xyz_cart:
        frac = np.array(unit_cell.fractionalize(gemmi.Position(*xyz)).tolist())
        delta = points - frac
        delta -= np.round(delta)
        density += np.exp(-0.5 * np.sum((delta @ orthogonalise.T / 0.4) ** 2, axis=-1))
    return (density - density.mean()).astype(np.float32)


def periodic_value(density: np.ndarray, xyz_cart: np.ndarray, cell=CELL) -> float:
    """Value at a Cartesian position that lies on a grid point."""
    frac = np.array(gemmi.UnitCell(*cell).fractionalize(gemmi.Position(*xyz_cart)).tolist())
    index = frac * density.shape
    assert np.abs(index - np.round(index)).max() < 1e-3
    return float(density[tuple(np.round(index).astype(int) % density.shape)])


def test_the_box_holds_the_map_where_its_positions_say() -> None:
    rng = np.random.default_rng(0)
    grid = rng.normal(size=SHAPE).astype(np.float32)
    box = cut_box(MapForReport(grid, CELL, "P 1", Atoms(ALANINE, ELEMENTS)))
    for _ in range(20):
        point = rng.integers(0, box.values.shape)
        expected = periodic_value(grid, box.origin + point @ box.steps) / box.rms
        assert box.values[tuple(point)] == pytest.approx(expected, rel=1e-5)
    assert box.rms == pytest.approx(1.0, rel=0.02)


def test_the_box_surrounds_atoms_across_the_cell_edge_by_the_margin() -> None:
    atoms = Atoms(ALANINE - 0.4, ELEMENTS)  # on both sides of the origin
    box = cut_box(MapForReport(gaussian_map(ALANINE - 0.4), CELL, "P 1", atoms))
    to_index = np.linalg.inv(box.steps)
    directions = np.random.default_rng(1).normal(size=(200, 3))
    directions *= 3.0 / np.linalg.norm(directions, axis=1, keepdims=True)
    index = ((atoms.xyz_cart[:, None] + directions).reshape(-1, 3) - box.origin) @ to_index
    assert index.min() >= -1e-6
    assert np.all(index <= np.array(box.values.shape) - 1 + 1e-6)


def test_a_large_molecule_is_cropped_about_its_middle() -> None:
    ends = Atoms(np.array([[0.0, 0.0, 0.0], [60.0, 60.0, 60.0]]), ("C", "C"))
    grid = np.random.default_rng(2).normal(size=(120, 120, 120)).astype(np.float32)
    box = cut_box(MapForReport(grid, (60.0, 60.0, 60.0, 90.0, 90.0, 90.0), "P 1", ends))
    assert box.values.shape == (MAX_POINTS,) * 3
    middle = box.origin + 0.5 * (np.array(box.values.shape) - 1) @ box.steps
    np.testing.assert_allclose(middle, 30.0, atol=0.5)


def test_without_a_model_the_peaks_of_the_map_are_its_atoms() -> None:
    truth = ALANINE + 3.0
    map_ = MapForReport(gaussian_map(truth), CELL, "P 1")
    peaks = peaks_in_box(cut_box(map_))
    distances = np.linalg.norm(peaks.xyz_cart[:, None] - truth[None], axis=2)
    inside = distances.min(axis=1) < 2.0  # the box repeats the first plane, so edges may repeat a peak
    assert len(peaks.xyz_cart[inside]) == len(truth)
    assert distances.min(axis=0).max() < 0.15
    assert map_scene(map_)["kind"] == "peaks"


def test_the_box_of_a_map_without_a_model_is_centred_on_the_molecule() -> None:
    truth = ALANINE + np.array([6.0, 1.0, 9.0])
    frac = gemmi.UnitCell(*CELL).fractionalize(gemmi.Position(*truth.mean(axis=0)))
    found = densest_point(MapForReport(gaussian_map(truth), CELL, "P 1")) / np.array(SHAPE)
    assert np.abs((found - np.array(frac.tolist()) + 0.5) % 1.0 - 0.5).max() < 0.06


def test_bonds_join_the_neighbours_of_alanine_and_nothing_else() -> None:
    water = np.array([[0.0, 0.0, 2.9]])
    atoms = Atoms(np.vstack([ALANINE, water]), (*ELEMENTS, "O"))
    assert sorted(map(tuple, bonds_by_distance(atoms).tolist())) == [(0, 1), (1, 2), (1, 4), (2, 3)]


def test_bonds_of_one_atom_or_of_none() -> None:
    assert bonds_by_distance(Atoms(ALANINE[:1], ("C",))).shape == (0, 2)
    assert bonds_by_distance(Atoms(np.empty((0, 3)), ())).shape == (0, 2)


def test_the_density_in_the_page_is_the_map_to_half_a_step() -> None:
    map_ = MapForReport(
        gaussian_map(ALANINE), CELL, "P 1", Atoms(ALANINE, ELEMENTS, bonds=np.array([[0, 1]]))
    )
    scene = map_scene(map_)
    box = cut_box(map_)
    bytes_ = np.frombuffer(base64.b64decode(scene["density"]), np.uint8).reshape(scene["shape"])
    shown = scene["low"] + scene["step"] * bytes_.astype(float)
    within = box.values < 10.7
    assert np.abs(shown - box.values)[within].max() <= 0.501 * scene["step"]
    assert np.all(shown[~within] > 10.6)
    assert scene["atoms"]["bonds"] == [[0, 1]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_with_holes_is_refused(bad: float) -> None:
    grid = gaussian_map(ALANINE)
    grid[3, 4, 5] = bad
    with pytest.raises(ValueError, match="not finite"):
        cut_box(MapForReport(grid, CELL, "P 1"))


def test_an_empty_map_is_shown_empty() -> None:
    scene = map_scene(MapForReport(np.zeros(SHAPE, np.float32), CELL, "P 1"))
    assert scene["rms"] == 0.0
    assert scene["atoms"]["xyz"] == []
