"""Placing an atom by internal coordinates and measuring them are inverse."""

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rephase.data.peptides.internal_coordinates import angle_deg, distance, place_atoms, torsion_deg


@given(
    seed=st.integers(0, 10_000),
    length=st.floats(0.5, 3.0),
    angle=st.floats(5.0, 175.0),
    torsion=st.floats(-179.0, 179.0),
)
def test_measured_is_what_was_asked_for(seed: int, length: float, angle: float, torsion: float) -> None:
    a, b, c = np.random.default_rng(seed).normal(size=(3, 3))
    d = place_atoms(a, b, c, np.array(length), np.array(angle), np.array(torsion))
    assert distance(c, d) == pytest.approx(length)
    assert angle_deg(b, c, d) == pytest.approx(angle, abs=1e-6)
    assert torsion_deg(a, b, c, d) == pytest.approx(torsion, abs=1e-5)


@given(seed=st.integers(0, 10_000))
def test_angles_are_those_of_gemmi(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(4, 3))
    positions = [gemmi.Position(*point) for point in points]
    assert torsion_deg(*points) == pytest.approx(np.degrees(gemmi.calculate_dihedral(*positions)), abs=1e-6)
    expected = np.degrees(gemmi.calculate_angle(*positions[:3]))
    assert angle_deg(*points[:3]) == pytest.approx(expected, abs=1e-6)


def test_many_atoms_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 5, 3))
    length, angle, torsion = rng.uniform(1.0, 2.0, 5), rng.uniform(60, 120, 5), rng.uniform(-180, 180, 5)
    single = [place_atoms(*one) for one in zip(a, b, c, length, angle, torsion, strict=True)]
    np.testing.assert_allclose(place_atoms(a, b, c, length, angle, torsion), single)
