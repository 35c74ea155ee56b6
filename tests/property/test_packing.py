"""Every packed crystal holds what it promises, checked by brute force over symmetry mates and lattice."""

import itertools

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1, mass_centre, solvent_fraction
from rephase.data.crystals.packing import pack

GROUPS = ["P 21", "P 21 21 21", "C 2", "P 43 21 2", "P 65", "R 3", "R 3:R", "A 1", "P 1 1 21", "P 2 3"]


def chain(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A random walk of 1.5 Å bonds with mixed elements: long, bent and chiral."""
    rng = np.random.default_rng(seed)
    steps = np.array([0.8, 0.3, 0.1]) + rng.normal(size=(n, 3))
    steps *= 1.5 / np.linalg.norm(steps, axis=1, keepdims=True)
    return np.cumsum(steps, axis=0), rng.choice(np.array(["C", "N", "O", "S"]), size=n)


def brute_force_contact(model: CrystalModel) -> float:
    """Shortest distance between different molecules, from every operator and a wide block of cells."""
    orth = np.array(model.cell.orth.mat.tolist())
    here = model.xyz_frac
    span = np.ptp(here, axis=0) + 6.0 * np.linalg.norm(np.linalg.inv(orth), axis=1)
    closest = np.inf
    for op in model.spacegroup.operations():
        there = np.array([op.apply_to_xyz(x) for x in here.tolist()])
        start = np.round(here.mean(axis=0) - there.mean(axis=0))
        blocks = [range(-int(np.ceil(s)) - 1, int(np.ceil(s)) + 2) for s in span]
        for block in itertools.product(*blocks):
            shift = start + np.array(block)
            if op.triplet() == "x,y,z" and not shift.any():
                continue
            gap = (here[:, None, :] - (there + shift)[None, :, :]) @ orth.T
            closest = min(closest, float(np.sqrt((gap**2).sum(axis=-1).min())))
    return closest


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_p1_crystal_keeps_its_contacts_axis_order_and_centre(seed: int) -> None:
    xyz, elements = chain(seed)
    model = pack(xyz, elements, np.random.default_rng(seed))
    assert brute_force_contact(model) > 3.45
    assert model.cell.a >= model.cell.b >= model.cell.c
    assert {model.cell.alpha, model.cell.beta, model.cell.gamma} <= {90.0, 100.0, 110.0, 120.0}
    centre = mass_centre(model.xyz_cart, elements)
    assert model.cell.fractionalize(gemmi.Position(*centre)).tolist() == pytest.approx([0.5] * 3, abs=1e-9)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_packing_moves_the_molecule_as_a_rigid_body_of_the_same_hand(seed: int) -> None:
    xyz, elements = chain(seed)
    packed = pack(xyz, elements, np.random.default_rng(seed)).xyz_cart
    covariance = (packed - packed.mean(axis=0)).T @ (xyz - xyz.mean(axis=0))
    u, _, vt = np.linalg.svd(covariance)
    rotation = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    moved = (xyz - xyz.mean(axis=0)) @ rotation.T + packed.mean(axis=0)
    np.testing.assert_allclose(moved, packed, atol=1e-8)


@pytest.mark.parametrize("spacegroup", GROUPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_symmetric_crystal_keeps_its_contacts_and_cell_constraints(spacegroup: str, seed: int) -> None:
    xyz, elements = chain(seed, 25)
    model = pack(xyz, elements, np.random.default_rng(seed), spacegroup)
    assert brute_force_contact(model) > 3.45
    assert model.cell.is_compatible_with_spacegroup(model.spacegroup)


@pytest.mark.parametrize("spacegroup", ["P 1", *GROUPS])
def test_closest_contact_is_the_brute_force_one(spacegroup: str) -> None:
    xyz, elements = chain(5, 20)
    model = pack(xyz, elements, np.random.default_rng(5), spacegroup, solvent=0.4)
    assert closest_contact(model, limit=20.0) == pytest.approx(brute_force_contact(model), abs=1e-9)


@given(seed=st.integers(0, 10**6), solvent=st.floats(0.5, 0.95))
@settings(max_examples=15, deadline=None)
def test_requested_solvent_is_reached_without_losing_contacts(seed: int, solvent: float) -> None:
    xyz, elements = chain(seed)
    for spacegroup in ("P 1", "P 21"):
        model = pack(xyz, elements, np.random.default_rng(seed), spacegroup, solvent=solvent)
        assert solvent_fraction(model) >= solvent
        assert brute_force_contact(model) > 3.45


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_same_seed_same_crystal_and_more_draws_pack_no_looser(seed: int) -> None:
    xyz, elements = chain(seed)
    for spacegroup in ("P 1", "P 21 21 21"):
        one, same, tight = (
            pack(xyz, elements, np.random.default_rng(seed), spacegroup, draws=draws) for draws in (1, 1, 3)
        )
        assert one.cell.parameters == same.cell.parameters
        np.testing.assert_array_equal(one.xyz_frac, same.xyz_frac)
        assert tight.cell.volume <= one.cell.volume


@pytest.mark.parametrize("spacegroup", GROUPS)
def test_structure_factors_of_the_p1_expansion_are_those_of_the_symmetric_crystal(spacegroup: str) -> None:
    xyz, elements = chain(3, 12)
    model = pack(xyz, elements, np.random.default_rng(3), spacegroup)
    expanded = expand_to_p1(model)
    assert len(expanded) == len(model) * len(model.spacegroup.operations())
    for hkl in ([1, 2, 3], [2, -3, 1], [0, 4, 2], [5, 0, -3]):
        np.testing.assert_allclose(
            point_atoms_sum(expanded, hkl), symmetric_sum(model, hkl), rtol=1e-9, atol=1e-9
        )


def point_atoms_sum(model: CrystalModel, hkl: list[int]) -> complex:
    numbers = np.array([gemmi.Element(e).atomic_number for e in model.elements.tolist()])
    return complex(numbers @ np.exp(2j * np.pi * model.xyz_frac @ np.array(hkl)))


def symmetric_sum(model: CrystalModel, hkl: list[int]) -> complex:
    """Sum over operators by rotating the index: F(h) = Σ_g F₁(hR) exp(2πi h·t), by gemmi's operators."""
    total = 0j
    for op in model.spacegroup.operations():
        total += point_atoms_sum(model, op.apply_to_hkl(hkl)) * np.exp(-1j * op.phase_shift(hkl))
    return total
