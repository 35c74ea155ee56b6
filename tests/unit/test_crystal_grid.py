import gemmi
import numpy as np
import pytest

from rephase.crystal.grid import grid_shape

CELL = gemmi.UnitCell(31.0, 47.5, 60.2, 81.0, 95.0, 110.0)
EDGES = (31.0, 47.5, 60.2)


@pytest.mark.parametrize("d_min", [0.78, 1.5, 2.0, 3.7])
@pytest.mark.parametrize("oversampling", [1.0, 1.15, 1.5])
def test_no_reflection_reaches_the_nyquist_plane(d_min, oversampling):
    shape = grid_shape(CELL, d_min, oversampling)
    highest = np.abs(gemmi.make_miller_array(CELL, gemmi.SpaceGroup("P 1"), d_min)).max(axis=0)
    assert np.all(2 * highest < np.array(shape))
    assert all(edge / n <= d_min / (2 * oversampling) for edge, n in zip(EDGES, shape, strict=True))


def test_axes_are_even_and_smooth():
    for n in grid_shape(CELL, 1.3):
        assert n % 2 == 0
        for prime in (2, 3, 5):
            while n % prime == 0:
                n //= prime
        assert n == 1


def test_grid_is_not_wastefully_large():
    shape = np.array(grid_shape(CELL, 1.5))
    assert np.all(shape <= 1.12 * np.array(EDGES) / 0.75 + 2)


def test_equal_axes_of_a_tetragonal_crystal_get_equal_sizes():
    nu, nv, nw = grid_shape(gemmi.UnitCell(53.9, 53.9, 77.4, 90, 90, 90), 1.6, 1.0, gemmi.SpaceGroup("P 43"))
    assert nu == nv
    assert nw % 4 == 0


def test_senseless_limits_are_refused():
    with pytest.raises(ValueError, match="d_min"):
        grid_shape(CELL, 0.0)
