"""Properties of origin and hand matching on random structures."""

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rephase.evaluate.alignment import align
from rephase.evaluate.map_figures import mean_phase_error, phase_errors
from rephase.evaluate.origins import HANDS, enantiomorph, moved_phases, origin_shifts
from rephase.io.phase_sets import phase_and_fom_from_hl, rotate_hl

CELLS = {
    "P 1": (14, 15, 16, 95, 102, 98),
    "P 21": (18, 22, 17, 90, 104, 90),
    "C 2": (30, 16, 19, 90, 110, 90),
    "P 21 21 21": (19, 24, 28, 90, 90, 90),
    "P 41": (20, 20, 26, 90, 90, 90),
    "I 41 2 2": (30, 30, 38, 90, 90, 90),
    "P 31 2 1": (24, 24, 30, 90, 90, 120),
    "R 3": (30, 30, 22, 90, 90, 120),
    "P 1 1 21": (18, 17, 22, 90, 90, 104),
    "I 21 3": (32, 32, 32, 90, 90, 90),
    "F 41 3 2": (50, 50, 50, 90, 90, 90),
}
GROUPS = pytest.mark.parametrize("name", CELLS)
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=8, deadline=None)


def random_crystal(name, seed, atoms=8, d_min=2.5):
    """Space group, indices, amplitudes and phases of random point atoms with B = 20 Å²."""
    rng = np.random.default_rng(seed)
    spacegroup, cell = gemmi.SpaceGroup(name), gemmi.UnitCell(*CELLS[name])
    hkl = gemmi.make_miller_array(cell, spacegroup, d_min)
    xyz, weights = rng.random((atoms, 3)), rng.uniform(1, 2, atoms)
    total = np.zeros(len(hkl), dtype=complex)
    for op in spacegroup.operations():
        places = xyz @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        total += (weights * np.exp(2j * np.pi * (hkl @ places.T))).sum(axis=1)
    total *= np.exp(-20 * cell.calculate_1_d2_array(hkl) / 4)
    return spacegroup, hkl, np.abs(total), np.angle(total)


def random_move(spacegroup, seed, other_spacegroup=None):
    """Draw one of the permissible moves: shift and hand."""
    rng = np.random.default_rng(seed + 1)
    hands = [h for h in HANDS if origin_shifts(spacegroup, other_spacegroup or spacegroup, h) is not None]
    hand = hands[rng.integers(len(hands))]
    allowed = origin_shifts(spacegroup, other_spacegroup or spacegroup, hand)
    point = allowed.discrete[rng.integers(len(allowed.discrete))]
    return point + rng.random(len(allowed.free)) @ allowed.free, hand


def moved_away(hkl, phi, shift, hand):
    """Phases which `shift` and `hand` bring back to `phi`."""
    back = phi - 2 * np.pi * (hkl @ shift)
    return -back if hand == "other" else back


@GROUPS
@FEW
@given(seed=SEEDS)
def test_a_map_matches_itself_perfectly(name, seed):
    spacegroup, hkl, f, phi = random_crystal(name, seed)
    found = align(hkl, f, phi, f, phi, spacegroup)
    assert found.hand == "same"
    assert found.score == pytest.approx(1.0, abs=1e-9)
    assert mean_phase_error(phi, moved_phases(hkl, phi, found.shift, found.hand)) < 1e-4


@GROUPS
@FEW
@given(seed=SEEDS)
def test_any_permissible_move_is_undone(name, seed):
    spacegroup, hkl, f, phi = random_crystal(name, seed)
    shift, hand = random_move(spacegroup, seed)
    away = moved_away(hkl, phi, shift, hand)
    found = align(hkl, f, phi, f, away, spacegroup)
    assert found.hand == hand
    assert found.score == pytest.approx(1.0, abs=1e-9)
    assert phase_errors(phi, moved_phases(hkl, away, found.shift, found.hand)).max() < 1e-3
    turns = hkl @ (found.shift - shift)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-5)


@GROUPS
@FEW
@given(seed=SEEDS)
def test_noise_on_the_phases_does_not_lose_origin_or_hand(name, seed):
    spacegroup, hkl, f, phi = random_crystal(name, seed)
    shift, hand = random_move(spacegroup, seed)
    centric = spacegroup.operations().centric_flag_array(hkl)
    rng = np.random.default_rng(seed)
    noise = np.where(centric, np.pi * (rng.random(len(hkl)) < 0.2), rng.normal(0, 0.7, len(hkl)))
    away = moved_away(hkl, phi + noise, shift, hand)
    found = align(hkl, f, phi, f, away, spacegroup)
    assert found.hand == hand
    moved = moved_phases(hkl, away, found.shift, found.hand)
    at_truth = moved_phases(hkl, away, shift, hand)
    assert mean_phase_error(phi, moved, f) < mean_phase_error(phi, at_truth, f) + 1.5


@GROUPS
@FEW
@given(seed=SEEDS)
def test_the_two_sets_may_be_exchanged(name, seed):
    spacegroup, hkl, f1, phi1 = random_crystal(name, seed)
    _, _, f2, phi2 = random_crystal(name, seed + 1)
    f2, phi2 = np.abs(f1 + 0.3 * f2), phi1 + 0.3 * np.sin(phi2 - phi1)
    shift, hand = random_move(spacegroup, seed)
    away = moved_away(hkl, phi2, shift, hand)
    forward = align(hkl, f1, phi1, f2, away, spacegroup)
    backward = align(hkl, f2, away, f1, phi1, spacegroup)
    assert backward.hand == forward.hand
    assert backward.score == pytest.approx(forward.score, abs=1e-8)
    expected = forward.shift if forward.hand == "other" else -forward.shift
    turns = hkl @ (backward.shift - expected)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-4)


@FEW
@given(seed=SEEDS)
def test_enantiomorphic_groups_match_by_the_other_hand_only(seed):
    p41, hkl, f, phi = random_crystal("P 41", seed)
    p43 = enantiomorph(p41)
    shift, hand = random_move(p41, seed, p43)
    found = align(hkl, f, phi, f, moved_away(hkl, phi, shift, hand), p41, p43)
    assert [fit.hand for fit in found.fits] == [hand] == ["other"]
    assert found.score == pytest.approx(1.0, abs=1e-9)
    assert [fit.hand for fit in align(hkl, f, phi, f, phi, p41).fits] == ["same"]


@GROUPS
@FEW
@given(seed=SEEDS)
def test_hendrickson_lattman_coefficients_move_like_the_phases(name, seed):
    spacegroup, hkl, _, phi = random_crystal(name, seed)
    shift, hand = random_move(spacegroup, seed)
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 3, len(hkl))
    centric = spacegroup.operations().centric_flag_array(hkl)
    c, d = np.where(centric, 0.0, rng.normal(0, 0.5, (2, len(hkl))))
    hl = np.stack([x * np.cos(phi), x * np.sin(phi), c, d], axis=1)
    centroid, fom = phase_and_fom_from_hl(hl, hkl, spacegroup)
    turned = rotate_hl(hl, 2 * np.pi * (hkl @ shift), invert=hand == "other")
    centroid_moved, fom_moved = phase_and_fom_from_hl(turned, hkl, spacegroup)
    # sums over 5° steps, which a rotation shifts against the probability: exact for smooth ones
    np.testing.assert_allclose(fom_moved, fom, atol=1e-6)
    strong = fom > 0.05
    error = phase_errors(centroid_moved, moved_phases(hkl, centroid, shift, hand))
    assert error[strong].max() < 1e-3


def test_three_thousand_reflections_of_p1_are_aligned_in_a_fraction_of_a_second(benchmark_clock):
    spacegroup, hkl, f, phi = random_crystal("P 1", 1, d_min=1.31)
    assert len(hkl) > 3000
    away = moved_away(hkl, phi, np.array([0.13, 0.27, 0.41]), "other")
    best = min(benchmark_clock(lambda: align(hkl, f, phi, f, away, spacegroup)) for _ in range(5))
    assert best < 0.3


@pytest.fixture
def benchmark_clock():
    from time import perf_counter

    def seconds(call):
        start = perf_counter()
        call()
        return perf_counter() - start

    return seconds
