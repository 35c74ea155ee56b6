"""Losses: zero for equal maps, the weights of the papers, and the origin that does not matter."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from rephase.models.losses import LossConfig, density_loss, map_correlation
from rephase.models.mirror import mirrored
from rephase.models.origins import moved_to


def smooth_maps(shape: tuple[int, ...] = (2, 12, 10, 8), seed: int = 0) -> Tensor:
    """Random maps without the highest third of their frequencies."""
    half = torch.fft.rfftn(torch.from_numpy(np.random.default_rng(seed).normal(size=shape)), dim=(1, 2, 3))
    for axis, n in enumerate(shape[1:3], start=1):
        high = torch.fft.fftfreq(n).abs() > 0.34
        half.index_fill_(axis, torch.nonzero(high).flatten(), 0.0)
    half[..., shape[3] // 3 :] = 0.0
    return torch.fft.irfftn(half, s=shape[1:], dim=(1, 2, 3))


@pytest.mark.parametrize("align", [False, True])
def test_equal_maps_cost_nothing(align: bool) -> None:
    config = LossConfig(square=1.0, correlation=1.0, amplitudes=1.0, align=align)
    maps = smooth_maps()
    assert float(density_loss(maps, maps, config)) == pytest.approx(0.0, abs=1e-12)


def test_the_loss_of_reccrysformer() -> None:
    predicted, target = smooth_maps(seed=1), smooth_maps(seed=2)
    expected = 0.0
    for e, f in zip(predicted.numpy(), target.numpy(), strict=True):
        of_maps = np.corrcoef(e.ravel(), f.ravel())[0, 1]
        of_amplitudes = np.corrcoef(np.abs(np.fft.fftn(e)).ravel(), np.abs(np.fft.fftn(f)).ravel())[0, 1]
        square = 0.9999 * np.mean((e - f) ** 2)
        expected += (square + 5e-5 * (1.0 - of_maps) + 5e-5 * (1.0 - of_amplitudes)) / 2.0
    config = LossConfig(square=0.9999, correlation=5e-5, amplitudes=5e-5)
    assert float(density_loss(predicted, target, config)) == pytest.approx(expected, rel=1e-10)


def test_batches_of_equal_size_average() -> None:
    predicted, target = smooth_maps((4, 8, 8, 8), 1), smooth_maps((4, 8, 8, 8), 2)
    config = LossConfig(correlation=0.5, amplitudes=0.5, align=True)
    halves = [density_loss(predicted[i : i + 2], target[i : i + 2], config) for i in (0, 2)]
    torch.testing.assert_close(density_loss(predicted, target, config), sum(halves) / 2.0)


def test_gradients_are_those_of_finite_differences() -> None:
    target = smooth_maps((1, 6, 4, 4), 1)
    predicted = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 6, 4, 4))).requires_grad_()
    config = LossConfig(square=1.0, correlation=0.5, amplitudes=0.5)
    assert torch.autograd.gradcheck(lambda maps: density_loss(maps, target, config), predicted)


def test_flat_maps_have_finite_gradients() -> None:
    predicted = torch.zeros(1, 8, 8, 8, requires_grad=True)
    config = LossConfig(square=1.0, correlation=1.0, amplitudes=1.0, align=True)
    density_loss(predicted, smooth_maps((1, 8, 8, 8)).float(), config).backward()
    assert predicted.grad is not None
    assert bool(predicted.grad.isfinite().all())
    assert float(map_correlation(predicted, torch.ones(1, 8, 8, 8)).detach()) == 0.0


@pytest.mark.parametrize("shift", [(0, 0, 0), (3, 0, 7), (11, 9, 1)])
def test_a_map_finds_back_to_the_origin_it_was_moved_from(shift: tuple[int, int, int]) -> None:
    maps = smooth_maps()
    torch.testing.assert_close(moved_to(maps.roll(shift, (1, 2, 3)), maps), maps)
    config = LossConfig(correlation=1.0, align=True)
    assert float(density_loss(maps.roll(shift, (1, 2, 3)), maps, config)) == pytest.approx(0.0, abs=1e-12)


def test_half_a_grid_point_is_found_too() -> None:
    maps = smooth_maps((1, 8, 8, 8))
    h = torch.fft.fftfreq(8, 1 / 8, dtype=maps.dtype)[:, None, None]
    moved = torch.fft.irfftn(torch.fft.rfftn(maps[0]) * torch.exp(-2j * torch.pi * h * 0.5 / 8), s=(8, 8, 8))
    torch.testing.assert_close(moved_to(moved[None], maps), maps)


def test_each_map_of_a_batch_is_moved_by_its_own_shift() -> None:
    maps = smooth_maps()
    moved = torch.stack([maps[0].roll(2, 0), maps[1].roll(3, 1)])
    torch.testing.assert_close(moved_to(moved, maps), maps)


def test_another_hand_is_not_forgiven() -> None:
    maps = smooth_maps()
    inverted = maps.flip(1, 2, 3).roll((1, 1, 1), (1, 2, 3))
    assert float(density_loss(inverted, maps, LossConfig(correlation=1.0, align=True))) > 0.1


@pytest.mark.parametrize(
    "weights", [{"square": 0.0}, {"square": -1.0}, {"correlation": float("nan")}, {"pearson": 1.0}]
)
def test_weights_without_a_meaning_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        LossConfig.model_validate(weights)


def test_shapes_are_not_broadcast() -> None:
    with pytest.raises(ValueError, match="predicted for"):
        density_loss(torch.zeros(2, 1, 8, 8, 8), torch.zeros(2, 8, 8, 8), LossConfig())


def test_correlation_is_that_of_numpy_on_any_scale() -> None:
    first, second = smooth_maps(seed=1).float(), smooth_maps(seed=2).float()
    expected = [
        np.corrcoef(e.ravel(), f.ravel())[0, 1]
        for e, f in zip(first.double().numpy(), second.double().numpy(), strict=True)
    ]
    for scale in (1e-12, 1.0, 1e9):
        np.testing.assert_allclose(map_correlation(scale * first, second + 2.0), expected, rtol=1e-4)


@pytest.mark.parametrize("align", [False, True])
def test_either_hand_counts_where_it_is_said(align: bool) -> None:
    target = smooth_maps((3, 8, 8, 8))
    predicted = torch.stack([target[0], mirrored(target)[1], 0.5 * (target + mirrored(target))[2]])
    either = LossConfig(correlation=1.0, align=align, hand="either")
    of_two = [density_loss(predicted[i : i + 1], target[i : i + 1], either) for i in range(3)]
    assert [float(loss) for loss in of_two[:2]] == pytest.approx([0.0, 0.0], abs=1e-10)
    given = [
        density_loss(predicted[2:], one[2:], LossConfig(correlation=1.0, align=align))
        for one in (target, mirrored(target))
    ]
    torch.testing.assert_close(of_two[2], torch.minimum(*given))


def test_a_mirror_image_has_the_conjugate_structure_factors() -> None:
    maps = smooth_maps()
    found = torch.fft.fftn(mirrored(maps), dim=(1, 2, 3))
    torch.testing.assert_close(found, torch.fft.fftn(maps, dim=(1, 2, 3)).conj())
    assert torch.equal(mirrored(mirrored(maps)), maps)
