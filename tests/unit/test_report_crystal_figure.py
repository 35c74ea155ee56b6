"""The picture of a crystal: views, repeats and maps agree with one another and with the coordinates."""

from itertools import product

import gemmi
import numpy as np
import pytest

from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1, orthogonalisation
from rephase.errors import UserError
from rephase.report.crystal_figure import crystal_figure
from rephase.report.crystal_maps import crystal_maps
from rephase.report.crystal_views import view_along, view_of_section

SKEW = gemmi.UnitCell(14.0, 11.0, 9.0, 100.0, 110.0, 95.0)
ATOM = np.array([[0.2, 0.45, 0.7]])


def crystal(xyz_frac: np.ndarray, cell: gemmi.UnitCell = SKEW, group: str = "P 1") -> CrystalModel:
    n = len(xyz_frac)
    return CrystalModel(cell, gemmi.SpaceGroup(group), xyz_frac, np.full(n, "C"), np.full(n, 20.0))


def molecule(seed: int, atoms: int = 12) -> np.ndarray:
    """Random atoms about the middle of the cell."""
    return 0.5 + 0.2 * np.random.default_rng(seed).normal(size=(atoms, 3))


@pytest.mark.parametrize("along", [0, 1, 2])
def test_axis_looked_along_is_a_point_and_comes_towards_the_viewer(along: int) -> None:
    place = view_along(crystal(ATOM), along).on_page(np.eye(3)[along])
    np.testing.assert_allclose(place, [0.0, 0.0, SKEW.parameters[along]], atol=1e-9)


@pytest.mark.parametrize("along", [0, 1, 2])
def test_views_keep_the_hand_and_the_distances(along: int) -> None:
    for view in (view_along(crystal(ATOM), along), view_of_section(crystal(ATOM), along)):
        turn = view.to_page @ np.linalg.inv(orthogonalisation(SKEW))
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn) == pytest.approx(1.0)


@pytest.mark.parametrize("along", [0, 1, 2])
def test_section_shows_true_edges_and_angle(along: int) -> None:
    edges = view_of_section(crystal(ATOM), along).edges
    lengths = np.linalg.norm(edges, axis=0)
    angle = np.degrees(np.arccos(edges[:, 0] @ edges[:, 1] / lengths.prod()))
    others = [(along + 1) % 3, (along + 2) % 3]
    np.testing.assert_allclose(lengths, np.array(SKEW.parameters)[others])
    assert angle == pytest.approx(SKEW.parameters[3 + along])


@pytest.mark.parametrize("seed", range(4))
def test_repeats_are_all_those_that_reach_into_the_window(seed: int) -> None:
    view = view_along(crystal(molecule(seed)), seed % 3)
    place = view.on_page(molecule(seed + 10))[:, :2]

    def reaches(lattice: tuple[int, int]) -> bool:
        moved = place + view.edges @ np.array(lattice)
        return bool(np.all(moved.min(0) < view.window[1]) and np.all(moved.max(0) > view.window[0]))

    expected = {lattice for lattice in product(range(-8, 9), repeat=2) if reaches(lattice)}
    assert set(map(tuple, view.translations(place).tolist())) == expected


@pytest.mark.parametrize("along", [0, 1, 2])
def test_density_lies_where_the_atom_is_drawn(along: int) -> None:
    model = crystal(ATOM)
    figure = crystal_figure(model, crystal_maps(model, 1.5), "one atom", "")
    dots = figure.axes[along].collections[-1].get_offsets()
    np.testing.assert_allclose(dots, view_along(model, along).on_page(ATOM)[:, :2])
    brightest = brightest_points(figure.axes[3 + along].images[0])
    assert np.linalg.norm(brightest - dots, axis=1).min() < 0.3


@pytest.mark.parametrize("along", [0, 1, 2])
def test_patterson_peak_lies_at_the_vector_between_two_atoms(along: int) -> None:
    vector = np.array([0.3, 0.35, 0.4])
    vector[along] = 0.0
    first = np.array([0.1, 0.2, 0.3])
    model = crystal(np.stack([first, first + vector]))
    figure = crystal_figure(model, crystal_maps(model, 1.5), "two atoms", "")
    image = figure.axes[6 + along].images[0]
    expected = view_of_section(model, along).on_page(vector)[:2]
    brightest = brightest_points(image)
    assert np.linalg.norm(brightest - expected, axis=1).min() < 0.3


def brightest_points(image: object) -> np.ndarray:
    """Points on the page where the image has nearly its full colour, shape ``(n, 2)``."""
    values = np.asarray(image.get_array())  # type: ignore[attr-defined]
    left, right, bottom, top = image.get_extent()  # type: ignore[attr-defined]
    rows, columns = np.nonzero(values > 0.98 * image.norm.vmax)  # type: ignore[attr-defined]
    x = np.linspace(left, right, values.shape[1])[columns]
    y = np.linspace(bottom, top, values.shape[0])[rows]
    return np.stack([x, y], axis=1)


def test_maps_of_a_symmetric_crystal_are_those_of_all_its_molecules() -> None:
    cell = gemmi.UnitCell(15.0, 12.0, 10.0, 90.0, 105.0, 90.0)
    model = crystal(molecule(3), cell, "P 1 21 1")
    maps, whole = crystal_maps(model, 2.0), crystal_maps(expand_to_p1(model), 2.0)
    np.testing.assert_allclose(maps.density, whole.density, atol=1e-9)
    np.testing.assert_allclose(maps.patterson, whole.patterson, atol=1e-6)


def test_maps_have_no_mean_and_the_patterson_peaks_at_the_origin() -> None:
    maps = crystal_maps(crystal(molecule(4)), 2.0)
    assert maps.density.mean() == pytest.approx(0.0, abs=1e-9)
    assert maps.patterson.argmax() == 0
    inverted = np.roll(maps.patterson[::-1, ::-1, ::-1], 1, axis=(0, 1, 2))
    np.testing.assert_allclose(inverted, maps.patterson, atol=1e-6)


def test_every_molecule_of_the_cell_is_drawn() -> None:
    """In P2₁2₁2₁ four molecules are drawn about each cell: the coloured one, and the others in grey."""
    cell = gemmi.UnitCell(16.0, 14.0, 12.0, 90.0, 90.0, 90.0)
    pair = np.array([[0.2, 0.2, 0.2], [0.2 + 1.5 / 16.0, 0.2, 0.2]])
    model = crystal(pair, cell, "P 21 21 21")
    grey = crystal_figure(model, crystal_maps(model, 2.0), "", "").axes[2].collections[0]
    middles = np.array([segment.mean(axis=0) for segment in grey.get_segments()])
    inside = middles[np.all((middles > 0.0) & (middles < [16.0, 14.0]), axis=1)]
    assert len(inside) == 3


def test_maps_too_large_for_a_picture_are_refused() -> None:
    with pytest.raises(UserError, match="coarser --d-min"):
        crystal_maps(crystal(ATOM, gemmi.UnitCell(400.0, 400.0, 400.0, 90.0, 90.0, 90.0)), 1.5)
