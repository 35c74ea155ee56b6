"""Noise, gaps, anisotropy and solvent do what their names say."""

import math

import pytest
import torch

from rephase.physics.cells import cell_volume, grid_inv_d2, resolution_mask
from rephase.physics.degradations import (
    add_intensity_noise,
    anisotropic_displacement_factor,
    beam_stop_mask,
    displacement_factor,
    intensity_sigma,
    missing_cone_mask,
    random_completeness_mask,
    scattering_vectors,
)
from rephase.physics.reflection_grid import grid_index, hkl_to_grid
from rephase.physics.solvent import BULK_K_SOL, add_bulk_solvent, molecular_mask

CELL = torch.tensor([[24.0, 22.0, 20.0, 95.0, 105.0, 100.0]], dtype=torch.float64)
SHAPE = (32, 30, 28)
INV_D2 = grid_inv_d2(CELL, SHAPE)
MEASURED = resolution_mask(CELL, SHAPE, 1.7)


def test_noise_has_the_asked_signal_to_noise_at_the_edge() -> None:
    generator = torch.Generator().manual_seed(1)
    exponential = torch.rand(INV_D2.shape, generator=generator, dtype=torch.float64).log().neg()
    intensity = 900.0 * exponential * torch.exp(-12.0 * INV_D2)
    sigma = intensity_sigma(intensity, INV_D2, MEASURED, 2.0)
    noisy = add_intensity_noise(intensity, sigma, generator)
    edge = MEASURED & (INV_D2 > (0.9 ** (2 / 3)) / 1.7**2)
    observed = intensity[edge].mean() / (noisy - intensity)[edge].std()
    assert math.isclose(float(observed), 2.0, rel_tol=0.1)
    strong = intensity.argmax()
    assert float((intensity / sigma).flatten()[strong]) < 1 / 0.03


def test_noise_repeats_for_a_seed() -> None:
    draws = [add_intensity_noise(INV_D2, INV_D2, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_completeness_is_reached_on_average() -> None:
    kept = random_completeness_mask(INV_D2, 0.8, torch.Generator().manual_seed(5))
    assert math.isclose(float(kept.double().mean()), 0.8, abs_tol=0.02)


def test_missing_cone_has_the_volume_of_two_spherical_sectors() -> None:
    axis = torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64)
    kept = missing_cone_mask(CELL, SHAPE, axis, 30.0)
    lost = float((MEASURED & ~kept).sum() / MEASURED.sum())
    assert math.isclose(lost, 1.0 - math.cos(math.radians(30.0)), abs_tol=0.02)


def test_beam_stop_hides_low_resolution_only() -> None:
    kept = beam_stop_mask(INV_D2, 8.0)
    assert not bool(kept[0, 0, 0, 0])
    assert bool((kept == (INV_D2 >= 1 / 64.0)).all())


def test_scattering_vectors_have_the_length_of_the_spacing() -> None:
    torch.testing.assert_close(scattering_vectors(CELL, SHAPE).square().sum(-1), INV_D2)


def test_isotropic_tensor_equals_isotropic_factor() -> None:
    isotropic = displacement_factor(INV_D2, 17.0)
    tensor = 17.0 * torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(anisotropic_displacement_factor(CELL, SHAPE, tensor), isotropic)


def test_mask_of_one_atom_is_a_ball_also_across_the_cell_edge() -> None:
    xyz, occupancy = torch.zeros((1, 2, 3), dtype=torch.float64), torch.tensor([[1.0, 0.0]])
    mask = molecular_mask(xyz, occupancy, CELL, SHAPE, 3.0)
    volume = float(mask.double().mean() * cell_volume(CELL))
    assert math.isclose(volume, 4.0 / 3.0 * math.pi * 27.0, rel_tol=0.05)
    assert bool(mask[0, -1, 0, 0])


def test_solvent_fills_the_outside_with_its_density() -> None:
    mask = molecular_mask(
        torch.full((1, 1, 3), 0.5, dtype=torch.float64), torch.ones((1, 1)), CELL, SHAPE, 6.0
    )
    F = torch.where(MEASURED, 1.0 + 0.0j, 0.0)
    total = add_bulk_solvent(F, mask, cell_volume(CELL), INV_D2, b_sol=0.0)
    sphere = -(total - F)[MEASURED].real  # the hole is a negative ball at 1/2, 1/2, 1/2
    lowest = INV_D2[MEASURED].argmin()
    s = float(INV_D2[MEASURED][lowest].sqrt())
    q = 2.0 * math.pi * s * 6.0
    expected = BULK_K_SOL * 4.0 * math.pi * (math.sin(q) - q * math.cos(q)) / (2.0 * math.pi * s) ** 3
    assert math.isclose(abs(float(sphere[lowest])), expected, rel_tol=0.05)
    assert bool(((total != 0.0) <= MEASURED).all())


def test_a_list_beyond_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="too coarse"):
        grid_index(torch.tensor([[0, 15, 0]]), SHAPE)


def test_real_values_go_onto_the_grid_with_their_mates() -> None:
    index = grid_index(torch.tensor([[1, 2, 0], [1, 1, -3]]), SHAPE)
    grid = hkl_to_grid(torch.tensor([4.0, 5.0]), index)
    assert grid[1, 2, 0] == grid[-1, -2, 0] == 4.0
    assert grid[-1, -1, 3] == 5.0
    assert int((grid != 0.0).sum()) == 3
