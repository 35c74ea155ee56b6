"""When a hand is stated, when not, and what the sentence says."""

import gemmi
import numpy as np
import pytest
import torch

from rephase.phasing.hand import decide_hand, verdict_of_centres, verdict_of_contrast
from rephase.phasing.hand_peaks import ChiralCentres
from rephase.phasing.hand_search import RigidGroup, even_rotations, interpolate, refine, search
from rephase.phasing.hand_templates import half_complex, mean_of_best, templates
from rephase.physics.density import density_from_structure_factors

CELL = gemmi.UnitCell(14.0, 15.0, 16.0, 80.0, 95.0, 100.0)


@pytest.mark.parametrize(
    ("left", "right", "copies", "hand"),
    [
        (3, 0, 1, "same"),
        (0, 3, 1, "other"),
        (2, 0, 1, None),
        (4, 4, 1, None),
        (8, 0, 4, None),
        (12, 0, 4, "same"),
    ],
)
def test_three_independent_centres_decide_and_copies_are_no_witnesses(left, right, copies, hand) -> None:
    decision = verdict_of_centres(ChiralCentres(left, right, 20), copies)
    assert decision.hand == hand
    assert np.sign(decision.score) == np.sign(left - right)
    assert f"{left} L and {right} D" in decision.evidence


def test_no_centres_are_named_as_the_reason() -> None:
    decision = verdict_of_centres(ChiralCentres(0, 0, 8))
    assert (decision.hand, decision.source, decision.score) == (None, "nothing", 0.0)


def test_contrasts_of_opposite_sign_give_opposite_hands() -> None:
    for contrast, hand in ((5.0, "same"), (-5.0, "other"), (0.4, None), (-0.4, None)):
        decision = verdict_of_contrast(contrast)
        assert decision.hand == hand
        assert f"{contrast:+.1f} %" in decision.evidence
        assert decision.score == pytest.approx(-verdict_of_contrast(-contrast).score)


def test_low_resolution_says_what_would_be_needed() -> None:
    hkl = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.int32)
    decision = decide_hand(hkl, np.ones(3), np.zeros(3), CELL)
    assert decision.hand is None
    assert "2.6 Å" in decision.evidence


def test_templates_are_short_left_handed_peptides() -> None:
    groups = templates()
    assert [group.name for group in groups[:3]] == ["helix 1", "strand 1", "polyproline 1"]
    assert [len(group.xyz) for group in groups] == [10] * 3 + [20] * 3
    for group in groups[:3]:  # Cα C O | N Cα C O Cβ | N Cα, in an order with N of the residue at 3
        _, _, _, n, ca, c = group.xyz[:6]
        centres = [x for x in group.xyz[6:8] if 1.45 < float((x - ca).norm()) < 1.60]
        volume = torch.dot(torch.linalg.cross(n - ca, c - ca), centres[0] - ca)
        assert float(volume) == pytest.approx(2.5, abs=0.3)


def test_rotations_cover_all_orientations() -> None:
    turns = even_rotations(1000.0, seed=1)
    assert torch.linalg.det(turns).numpy() == pytest.approx(1.0, abs=1e-5)
    # 1000 rotations: none of 200 random ones is farther than 30° from the nearest
    wanted = even_rotations(1000.0, seed=2)[::5]
    trace = torch.einsum("aij,bij->ab", wanted, turns).amax(1)
    assert float(torch.rad2deg(torch.arccos(((trace - 1) / 2).clamp(max=1.0))).max()) < 30.0
    assert len(even_rotations(1e6, seed=1)) == 150


def test_interpolation_is_exact_at_grid_points_and_linear_and_periodic_between() -> None:
    density = torch.rand(6, 8, 10)
    point = torch.tensor([2 / 6, 3 / 8, 9 / 10])
    assert float(interpolate(density, point)) == pytest.approx(float(density[2, 3, 9]), abs=1e-5)
    between = point + torch.tensor([0.0, 0.0, 0.5 / 10])
    mean = float(density[2, 3, 9] + density[2, 3, 0]) / 2
    assert float(interpolate(density, between - 3.0)) == pytest.approx(mean, abs=1e-4)


def test_a_group_is_found_and_refined_where_it_was_put() -> None:
    group = templates()[3]
    turn, at = even_rotations(1e6, seed=4)[7], torch.tensor([0.2, 0.9, 0.4])
    to_frac = torch.tensor(CELL.frac.mat.tolist(), dtype=torch.float32)
    xyz = (group.xyz @ turn.mT) @ to_frac.T + at
    hkl = gemmi.make_miller_array(CELL, gemmi.SpaceGroup("P 1"), 2.0)
    phases = 2j * np.pi * hkl @ xyz.double().numpy().T
    F = (group.electrons.numpy() * np.exp(phases)).sum(1) * np.exp(-5.0 * CELL.calculate_1_d2_array(hkl))
    shape, fine = (16, 16, 18), (48, 48, 48)
    near = (
        torch.linalg.matrix_exp(torch.tensor([[0.0, -0.1, 0.1], [0.1, 0.0, -0.1], [-0.1, 0.1, 0.0]])) @ turn
    )
    turns = torch.cat([even_rotations(1e6, seed=9), near[None]])  # 10° from the truth
    same, other = search(group, half_complex(hkl, F, shape), CELL, shape, turns, 10)
    density = density_from_structure_factors(half_complex(hkl, F, fine), CELL.volume, fine)
    density = density / density.max()
    found, centres = refine(group, density, CELL, *same)
    step = (centres[found.argmax()] - at + 0.5) % 1.0 - 0.5
    assert float((step @ torch.linalg.inv(to_frac).T).norm()) < 0.3
    wrong, _ = refine(group, density.flip((0, 1, 2)).roll((1, 1, 1), (0, 1, 2)), CELL, *other)
    assert float(found.max()) > 1.05 * float(wrong.max())


def test_neighbouring_fits_count_once() -> None:
    fit = torch.tensor([3.0, 2.9, 1.0])
    centres = torch.tensor([[0.01, 0.0, 0.0], [0.99, 0.0, 0.0], [0.5, 0.5, 0.5]])
    assert mean_of_best(fit, centres, CELL, 8) == pytest.approx(2.0)


def test_radius_of_a_group_is_its_spread() -> None:
    pair = RigidGroup("pair", torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), torch.ones(2))
    assert pair.radius == pytest.approx(1.0)
