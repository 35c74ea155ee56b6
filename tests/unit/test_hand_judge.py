"""The judge of the hand: odd in a mirror, blind to origin, scale and orientation, and quick to learn."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from rephase.models.hand_judge import HandJudge
from rephase.models.losses import hand_loss
from rephase.models.mirror import mirrored
from rephase.models.settings import Setting, proper_settings
from rephase.physics.cells import grid_inv_d2, orthogonalisation_matrix

SKEWED = torch.tensor([[11.0, 13.0, 10.0, 85.0, 100.0, 112.0]])
CUBE = torch.tensor([[12.0, 12.0, 12.0, 90.0, 90.0, 90.0]])
CHIRAL = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [1.9, 1.4, 0.0], [3.2, 1.6, 0.9], [-0.6, -0.9, 1.1]])
ELECTRONS = torch.tensor([6.0, 7.0, 8.0, 6.0, 6.0])


def density_of(xyz: np.ndarray, cell: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Gaussian atoms about the middle of the cell, in e/Å³ up to a constant; ``(1, u, v, w)``."""
    frame = orthogonalisation_matrix(cell)[0].double()
    x = torch.from_numpy(xyz - xyz.mean(0)) @ torch.linalg.inv(frame).T + 0.5
    axes = [torch.fft.fftfreq(n, 1 / n).double() for n in shape[:2]]
    hkl = torch.stack(torch.meshgrid(*axes, torch.arange(shape[2] // 2 + 1).double(), indexing="ij"), -1)
    waves = torch.exp(-2j * torch.pi * (hkl @ x.T)) * ELECTRONS.double()
    inv_d2 = grid_inv_d2(cell, shape)[0].double()
    F = waves.sum(-1) * torch.exp(-20.0 * inv_d2 / 4.0) * (inv_d2 < 1.5**-2)
    return torch.fft.irfftn(F, s=shape).float()[None]


@pytest.fixture
def judge() -> HandJudge:
    torch.manual_seed(0)
    return HandJudge().eval()


@pytest.mark.parametrize(("cell", "shape"), [(SKEWED, (16, 18, 14)), (CUBE, (18, 18, 18))])
def test_the_mirror_image_has_the_opposite_odds(
    judge: HandJudge, cell: Tensor, shape: tuple[int, int, int]
) -> None:
    density = density_of(CHIRAL, cell, shape)
    with torch.no_grad():
        odds, other = judge(density, cell), judge(mirrored(density), cell)
    torch.testing.assert_close(odds, -other, rtol=1e-3, atol=1e-5)
    assert float(odds.abs()) > 1e-4


def test_origin_scale_and_constant_do_not_matter(judge: HandJudge) -> None:
    density = density_of(CHIRAL, SKEWED, (16, 18, 14))
    with torch.no_grad():
        moved = judge(5.0 * density.roll((3, 5, 2), (1, 2, 3)) + 2.0, SKEWED)
        torch.testing.assert_close(moved, judge(density, SKEWED), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("setting", proper_settings()[1::5])
def test_settings_do_not_matter(judge: HandJudge, setting: Setting) -> None:
    density = density_of(CHIRAL, SKEWED, (16, 18, 14))
    with torch.no_grad():
        found = judge(setting.turned(density), setting.turned_cell(SKEWED))
        torch.testing.assert_close(found, judge(density, SKEWED), rtol=1e-2, atol=1e-4)


def test_orientation_does_not_matter_on_fine_grids(judge: HandJudge) -> None:
    turned = Rotation.random(5, np.random.default_rng(0))
    spreads = []
    for n in (18, 54):
        with torch.no_grad():
            odds = torch.cat([judge(density_of(one.apply(CHIRAL), CUBE, (n, n, n)), CUBE) for one in turned])
        spreads.append(float(odds.std() / odds.mean().abs()))
    assert spreads[1] < 0.2
    assert spreads[1] < 0.5 * spreads[0]


def test_a_density_that_is_its_own_mirror_image_has_even_odds(judge: HandJudge) -> None:
    density = density_of(CHIRAL, CUBE, (18, 18, 18))
    with torch.no_grad():
        chiral = judge(density, CUBE).abs()
        assert float(judge(density + mirrored(density), CUBE).abs()) < 1e-3 * float(chiral) + 1e-6


def test_autocast_does_not_reach_it(judge: HandJudge) -> None:
    density = density_of(CHIRAL, CUBE, (18, 18, 18))
    with torch.no_grad():
        expected = judge(density, CUBE)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(judge(density, CUBE), expected)


def test_an_empty_map_has_even_odds_and_finite_gradients(judge: HandJudge) -> None:
    odds = judge(torch.zeros(2, 8, 8, 8), CUBE.expand(2, 6))
    odds.sum().backward()
    assert odds.tolist() == [0.0, 0.0]
    assert all(bool(p.grad.isfinite().all()) for p in judge.parameters() if p.grad is not None)


def test_it_learns_one_hand_from_a_few_orientations(judge: HandJudge) -> None:
    generator = np.random.default_rng(1)

    def examples(count: int) -> Tensor:
        atoms = Rotation.random(count, generator).as_matrix() @ CHIRAL.T
        return torch.cat([density_of(one.T, CUBE, (16, 16, 16)) for one in atoms])

    optimiser = torch.optim.Adam(judge.parameters(), 3e-3)
    cell = CUBE.expand(16, 6)
    shown = examples(16)
    for _ in range(25):
        loss = hand_loss(judge(shown, cell))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    shown = examples(16)
    with torch.no_grad():
        assert float(judge(shown, cell).min()) > 0.0
        assert float(judge(mirrored(shown), cell).max()) < 0.0


def test_the_loss_of_the_hand_is_the_cross_entropy() -> None:
    odds = torch.tensor([2.0, -1.0, 0.0])
    chance_of_the_truth = 1.0 / (1.0 + np.exp(-odds.numpy()))
    assert float(hand_loss(odds)) == pytest.approx(-np.log(chance_of_the_truth).mean(), rel=1e-5)
