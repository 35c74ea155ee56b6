"""Projections hold for any cell, any data and any map: nearest point, once is enough, a batch is a loop."""

import gemmi
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rephase.phasing.amplitude_grid import AmplitudeGrid, amplitude_grid
from rephase.phasing.projections import envelope, impose_amplitudes, keep_positive, random_starts

edges = st.tuples(*[st.floats(5.0, 11.0)] * 3)
groups = st.sampled_from(["P 1", "P 1 21 1", "P 21 21 21"])
seeds = st.integers(0, 10_000)
FEW = settings(max_examples=15)


def some_grid(group: str, lengths: tuple[float, float, float], seed: int) -> AmplitudeGrid:
    spacegroup = gemmi.SpaceGroup(group)
    cell = gemmi.UnitCell(*lengths, 90, 97 if group == "P 1 21 1" else 90, 90)
    hkl = np.asarray(gemmi.make_miller_array(cell, spacegroup, 1.6), dtype=np.int32)
    rng = np.random.default_rng(seed)
    kept = rng.random(len(hkl)) < 0.85
    kept[0] = True
    amplitude = rng.exponential(size=len(hkl)) + 0.1
    return amplitude_grid(
        cell, spacegroup.operations(), hkl[kept], amplitude[kept], torch.device("cpu"), zero_mean=False
    )


def noise(grid: AmplitudeGrid, seed: int, starts: int = 2) -> torch.Tensor:
    return torch.randn((starts, *grid.shape), generator=torch.Generator().manual_seed(seed))


@FEW
@given(group=groups, lengths=edges, seed=seeds)
def test_imposing_twice_is_imposing_once(group, lengths, seed):
    grid = some_grid(group, lengths, seed)
    once = impose_amplitudes(noise(grid, seed), grid)
    twice = impose_amplitudes(once, grid)
    torch.testing.assert_close(twice, once, rtol=1e-3, atol=1e-4 * float(once.abs().max()))


@FEW
@given(group=groups, lengths=edges, seed=seeds)
def test_no_map_of_the_measured_amplitudes_is_nearer(group, lengths, seed):
    grid = some_grid(group, lengths, seed)
    rho = noise(grid, seed)
    distance = (impose_amplitudes(rho, grid) - rho).square().sum(dim=(1, 2, 3))
    others = impose_amplitudes(random_starts(grid, 2, torch.Generator().manual_seed(seed)), grid)
    for other in (others, impose_amplitudes(rho + 0.3 * noise(grid, seed + 1), grid)):
        assert torch.all((other - rho).square().sum(dim=(1, 2, 3)) >= distance * (1 - 1e-5))


@FEW
@given(group=groups, lengths=edges, seed=seeds)
def test_a_batch_is_a_loop(group, lengths, seed):
    grid = some_grid(group, lengths, seed)
    rho = noise(grid, seed, 3)
    for project in (lambda x: impose_amplitudes(x, grid), lambda x: envelope(x, grid, 0.4, 2.0).float()):
        together = project(rho)
        for k in range(3):
            torch.testing.assert_close(together[k], project(rho[k : k + 1])[0], rtol=1e-4, atol=1e-5)


@given(seed=seeds, floor=st.floats(0.0, 1.0), width=st.floats(0.1, 3.0))
def test_bounding_twice_is_bounding_once(seed, floor, width):
    rho = torch.randn((2, 4, 4, 4), generator=torch.Generator().manual_seed(seed))
    low, high = torch.tensor(floor), torch.tensor(floor + width)
    once = keep_positive(rho, low, high)
    assert float(once.min()) >= 0.0
    assert float(once.max()) <= floor + width + 1e-6
    assert torch.equal(keep_positive(once, low, high), once)


@FEW
@given(lengths=edges, seed=seeds, fraction=st.floats(0.05, 0.95))
def test_a_larger_envelope_holds_the_smaller_one(lengths, seed, fraction):
    grid = some_grid("P 1", lengths, seed)
    rho = noise(grid, seed)
    small, large = envelope(rho, grid, fraction / 2, 2.0), envelope(rho, grid, fraction, 2.0)
    assert torch.all(large | ~small)
    points = int(np.prod(grid.shape))
    assert float(large.float().mean()) == pytest.approx(fraction, abs=1.5 / points)
