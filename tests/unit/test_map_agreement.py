"""Agreement and origins of whole batches of maps, against the same for lists of reflections."""

import math

import gemmi
import numpy as np
import pytest
import torch
from torch import Tensor

from rephase.crystal.shells import Shells
from rephase.evaluate.alignment import align
from rephase.evaluate.map_agreement import TrueMaps, agreement
from rephase.evaluate.map_figures import map_correlation, mean_phase_error
from rephase.evaluate.map_origins import fit_origins, moved
from rephase.evaluate.map_pearson import central_box, map_pearson
from rephase.physics.cells import Shape, resolution_mask
from rephase.physics.density import density_from_structure_factors, structure_factors_from_density
from rephase.physics.reflection_grid import grid_index, grid_to_hkl

CELL = torch.tensor(
    [[10.0, 9.0, 11.0, 90.0, 105.0, 90.0], [10.0, 10.0, 10.0, 90.0, 90.0, 120.0]], dtype=torch.float64
)
D_MIN = 2.0
SHAPE: Shape = (12, 12, 12)
SHELLS = Shells(np.array([0.0, 0.1003, 0.2007, 1.0 / D_MIN**2]))


def random_maps(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(2, *SHAPE, generator=generator, dtype=torch.float64)
    F = structure_factors_from_density(maps, 1.0)
    return torch.where(resolution_mask(CELL, SHAPE, D_MIN), F, 0.0)


def truth() -> TrueMaps:
    return TrueMaps(random_maps(1), resolution_mask(CELL, SHAPE, D_MIN), CELL, SHAPE)


def test_a_map_agrees_with_itself_on_any_scale() -> None:
    true = truth()
    found = agreement(3.0 * true.F, true, SHELLS)
    assert found.pearson.tolist() == pytest.approx([1.0, 1.0])
    assert found.box.tolist() == pytest.approx([1.0, 1.0])
    assert found.phase_error.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert found.shell_errors.shape == (2, 3)


def test_figures_are_those_of_lists_of_reflections() -> None:
    true, other = truth(), random_maps(2)
    F = true.F + other
    found = agreement(F, true, SHELLS)
    for i, cell in enumerate(CELL.tolist()):
        hkl = gemmi.make_miller_array(gemmi.UnitCell(*cell), gemmi.SpaceGroup("P 1"), D_MIN)
        index = grid_index(torch.from_numpy(hkl), SHAPE)
        first, second = (grid_to_hkl(one[i], index).numpy() for one in (F, true.F))
        correlation = map_correlation(np.abs(first), np.angle(first), np.abs(second), np.angle(second))
        expected = mean_phase_error(np.angle(first), np.angle(second))
        assert found.pearson[i].item() == pytest.approx(correlation)
        assert found.phase_error[i].item() == pytest.approx(expected)
        inv_d2 = np.asarray(gemmi.UnitCell(*cell).calculate_1_d2_array(hkl))
        error = np.degrees(np.abs(np.angle(first * second.conj())))
        assert found.shell_errors[i].tolist() == pytest.approx(SHELLS.means(inv_d2, error).tolist())


def test_correlation_over_the_cell_is_that_of_the_maps_in_real_space() -> None:
    true = truth()
    density = torch.randn(2, *SHAPE, dtype=torch.float64)  # also beyond d_min, as a network has it
    F = structure_factors_from_density(density, 1.0)
    expected = map_pearson(density, density_from_structure_factors(true.F, 1.0, SHAPE))
    assert agreement(F, true, SHELLS).pearson.tolist() == pytest.approx(expected.tolist())


def test_box_is_that_of_the_centre_of_the_cell_at_half_an_angstrom() -> None:
    cubic = torch.tensor([[10.0, 10.0, 10.0, 90.0, 90.0, 90.0]], dtype=torch.float64)
    shape: Shape = (20, 20, 20)
    maps = torch.randn(2, 1, *shape, dtype=torch.float64)
    F = [structure_factors_from_density(one, 1.0) for one in maps]
    within = resolution_mask(cubic, shape, 1.5)
    first, second = (torch.where(within, one, 0.0) for one in F)
    true = TrueMaps(second, within, cubic, shape)
    density = [density_from_structure_factors(one, 1.0, shape) for one in (first, second)]
    expected = map_pearson(density[0], density[1], central_box(cubic, shape))
    assert agreement(first, true, SHELLS).box.tolist() == pytest.approx(expected.tolist())


def test_the_box_of_a_crystal_does_not_depend_on_the_others_of_its_batch() -> None:
    cells = torch.tensor([[10.0] * 3 + [90.0] * 3, [11.9] * 3 + [90.0] * 3], dtype=torch.float64)
    F, true = random_maps(2), random_maps(1)
    measured = torch.ones_like(true.real, dtype=torch.bool)
    together = agreement(F, TrueMaps(true, measured, cells, SHAPE), SHELLS).box
    for i in range(2):
        one = slice(i, i + 1)
        alone = agreement(F[one], TrueMaps(true[one], measured[one], cells[one], SHAPE), SHELLS).box
        assert together[i].item() == pytest.approx(alone.item(), abs=1e-12)


def test_a_flat_map_has_no_correlation_and_the_phase_error_of_chance() -> None:
    true = truth()
    found = agreement(torch.zeros_like(true.F), true, SHELLS)
    assert found.pearson.tolist() == [0.0, 0.0]
    assert found.box.tolist() == [0.0, 0.0]
    assert found.phase_error.tolist() == [90.0, 90.0]


def test_shells_without_reflections_are_not_a_number() -> None:
    finer = Shells(np.array([0.0, 1.0 / D_MIN**2 + 1e-6, 1.0]))
    found = agreement(random_maps(2), truth(), finer)
    assert found.shell_errors[:, 0].isfinite().all()
    assert found.shell_errors[:, 1].isnan().all()


def test_unmeasured_reflections_do_not_count_in_phase_errors() -> None:
    true = truth()
    low = resolution_mask(CELL, SHAPE, 3.0)
    wrong_where_unmeasured = torch.where(low, true.F, -true.F)
    found = agreement(wrong_where_unmeasured, TrueMaps(true.F, low, CELL, SHAPE), SHELLS)
    assert found.phase_error.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_origins_are_those_of_the_alignment_of_lists() -> None:
    shift = torch.tensor([[0.123, 0.456, 0.789], [0.9, 0.05, 0.333]], dtype=torch.float64)
    reference = random_maps(1)
    F = moved(reference + random_maps(3), -shift, SHAPE)
    found = fit_origins(reference, F, SHAPE)
    for i, cell in enumerate(CELL.tolist()):
        group = gemmi.SpaceGroup("P 1")
        hkl = gemmi.make_miller_array(gemmi.UnitCell(*cell), group, D_MIN)
        index = grid_index(torch.from_numpy(hkl), SHAPE)
        one, two = (grid_to_hkl(values[i], index).numpy() for values in (reference, F))
        fit = align(hkl, np.abs(one), np.angle(one), np.abs(two), np.angle(two), group).fits[0]
        assert found.score[i].item() == pytest.approx(fit.score, abs=1e-9)
        assert found.shift[i].tolist() == pytest.approx(fit.shift, abs=1e-6)


def test_a_moved_map_is_moved_back_exactly() -> None:
    shift = torch.tensor([[0.3, 0.7, 0.11], [0.01, 0.99, 0.5]], dtype=torch.float64)
    reference = random_maps(1)
    found = fit_origins(reference, moved(reference, shift, SHAPE), SHAPE)
    assert found.score.tolist() == pytest.approx([1.0, 1.0])
    away = (found.shift + shift + 0.5) % 1.0 - 0.5
    assert away.abs().max().item() < 1e-7


def test_moving_by_a_grid_step_rolls_the_map() -> None:
    F = random_maps(1)
    density = density_from_structure_factors(F, 1.0, SHAPE)
    step = torch.tensor([[1 / 12, 0.0, 0.0]] * 2, dtype=torch.float64)
    rolled = density_from_structure_factors(moved(F, step, SHAPE), 1.0, SHAPE)
    assert torch.allclose(rolled, density.roll(1, 1), atol=1e-12)


def test_a_flat_map_has_a_score_of_zero_at_any_origin() -> None:
    found = fit_origins(random_maps(1), torch.zeros_like(random_maps(1)), SHAPE)
    assert found.score.tolist() == [0.0, 0.0]
    assert all(math.isfinite(one) for one in found.shift.flatten().tolist())
