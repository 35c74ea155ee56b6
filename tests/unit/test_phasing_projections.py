"""The projections: what they keep, what they remove, and the envelope of a molecule."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from phasing_crystals import grid_of, map_correlation, true_map, truth

from rephase.phasing.projections import envelope, impose_amplitudes, keep_positive, random_starts, rms


@pytest.fixture(scope="module")
def crystal():
    return truth("P 1", atoms=6, d_min=1.2)


@pytest.fixture(scope="module")
def grid(crystal):
    """A tenth of the data, but not the outermost reflection, is missing."""
    kept = np.random.default_rng(1).random(len(crystal.hkl)) < 0.9
    kept[np.argmax(np.asarray(crystal.setting.cell.calculate_1_d2_array(crystal.hkl)))] = True
    return grid_of(replace(crystal, hkl=crystal.hkl[kept], F=crystal.F[kept]))


def noise(grid, starts=2):
    return torch.randn((starts, *grid.shape), generator=torch.Generator().manual_seed(3))


def test_starts_have_the_measured_amplitudes_and_differ_from_each_other(grid):
    rho = random_starts(grid, 3, torch.Generator().manual_seed(0))
    found = grid.structure_factors(rho).abs()
    assert rho.shape == (3, *grid.shape)
    inner = grid.known & (torch.arange(grid.amplitude.shape[-1]) > 0)
    torch.testing.assert_close(found[:, inner], grid.amplitude[inner].expand(3, -1), rtol=1e-3, atol=1e-4)
    assert float(found[:, grid.missing].max()) < 1e-4
    assert abs(map_correlation(rho[0], rho[1])) < 0.2
    again = random_starts(grid, 3, torch.Generator().manual_seed(0))
    assert torch.equal(rho, again)


def test_imposing_changes_amplitudes_but_no_phase(grid):
    rho = noise(grid)
    before, after = (grid.structure_factors(x) for x in (rho, impose_amplitudes(rho, grid)))
    strong = grid.known & (grid.amplitude > 0.1)
    torch.testing.assert_close(
        after.abs()[:, strong], grid.amplitude[strong].expand(2, -1), rtol=1e-3, atol=1e-4
    )
    turn = (after * before.conj())[:, strong]
    assert float((turn.imag / turn.abs()).abs().max()) < 1e-2
    assert float(turn.real.min()) > 0.0


def test_missing_terms_stay_and_terms_beyond_the_sphere_go(grid):
    rho = noise(grid)
    before, after = (grid.structure_factors(x) for x in (rho, impose_amplitudes(rho, grid)))
    torch.testing.assert_close(after[:, grid.missing], before[:, grid.missing], rtol=1e-3, atol=1e-3)
    beyond = ~(grid.known | grid.missing)
    assert int(beyond.sum()) > 100
    assert float(before[:, beyond].abs().max()) > 1.0
    assert float(after[:, beyond].abs().max()) < 1e-3


def test_the_mean_of_the_map_stays_where_it_is_not_known(grid):
    rho = noise(grid) + 0.3
    torch.testing.assert_close(impose_amplitudes(rho, grid).mean(), rho.mean(), rtol=1e-4, atol=1e-4)


def test_positive_density_within_its_bounds_is_kept():
    rho = torch.tensor([-2.0, -0.1, 0.2, 0.6, 3.0]).reshape(1, 1, 1, 5)
    kept = keep_positive(rho, torch.tensor(0.5), torch.tensor(2.0))
    assert kept.flatten().tolist() == pytest.approx([0.0, 0.0, 0.0, 0.6, 2.0])
    support = torch.tensor([True, True, True, True, False]).reshape(1, 1, 1, 5)
    inside = keep_positive(rho, torch.tensor(0.0), torch.tensor(torch.inf), support)
    assert inside.flatten().tolist() == pytest.approx([0.0, 0.0, 0.2, 0.6, 0.0])


def test_each_start_has_its_own_levels():
    rho = torch.ones((2, 2, 2, 2))
    floor = torch.tensor([0.5, 2.0])[:, None, None, None]
    kept = keep_positive(rho, floor, torch.tensor(torch.inf))
    assert kept.flatten(1).sum(1).tolist() == [8.0, 0.0]


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_an_envelope_takes_the_fraction_of_the_cell_asked_for(grid, fraction):
    inside = envelope(noise(grid), grid, fraction, 2.0)
    found = inside.float().mean(dim=(1, 2, 3))
    assert found.tolist() == pytest.approx([fraction] * 2, abs=0.002)


def test_an_envelope_of_the_whole_cell_leaves_out_one_point_at_most(grid):
    inside = envelope(noise(grid), grid, 1.0, 2.0)
    assert int((~inside).sum()) <= len(inside)


def test_an_envelope_follows_the_molecule(crystal, grid):
    """Every atom of a true map lies inside; of a map moved by half a cell, inside the moved envelope."""
    rho = true_map(crystal, grid_of(crystal))
    inside = envelope(rho, grid, 0.3, 1.5)
    place = np.rint(crystal.atoms * np.array(grid.shape)).astype(int) % np.array(grid.shape)
    assert inside[0][tuple(place.T)].all()
    half = tuple(n // 2 for n in grid.shape)
    moved = envelope(torch.roll(rho, half, dims=(1, 2, 3)), grid, 0.3, 1.5)
    assert float((moved == torch.roll(inside, half, dims=(1, 2, 3))).float().mean()) > 0.999


def test_a_wider_average_makes_a_smoother_envelope(grid):
    def surface(inside):
        return sum(int((inside != torch.roll(inside, 1, dims=axis)).sum()) for axis in (1, 2, 3))

    rho = noise(grid, 1)
    assert surface(envelope(rho, grid, 0.5, 3.0)) < 0.7 * surface(envelope(rho, grid, 0.5, 1.0))


def test_rms_does_not_count_the_mean():
    rho = torch.stack([torch.linspace(-1, 1, 64), 5.0 + 2.0 * torch.linspace(-1, 1, 64)]).reshape(2, 4, 4, 4)
    level = rms(rho)
    assert level.shape == (2, 1, 1, 1)
    assert float(level[1] / level[0]) == pytest.approx(2.0, rel=1e-5)
