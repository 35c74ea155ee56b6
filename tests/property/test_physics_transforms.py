"""What must hold for any crystal: Friedel, Parseval, origin and hand, zoom, batches."""

import math

import gemmi
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rephase.physics.atoms import AtomBatch, pack_atoms
from rephase.physics.cells import cell_volume, grid_inv_d2, resolution_mask
from rephase.physics.degradations import add_intensity_noise, random_completeness_mask
from rephase.physics.density import (
    density_from_structure_factors,
    friedel_weights,
    patterson_from_intensities,
    patterson_from_structure_factors,
    structure_factors_from_density,
    zoom_map,
    zoom_structure_factors,
)
from rephase.physics.reflection_grid import grid_index, grid_to_hkl, hkl_to_grid
from rephase.physics.structure_factors import structure_factors, structure_factors_at_hkl

ELEMENTS = ("C", "N", "O", "S")
SHAPE = (16, 15, 12)
D_MIN = 1.5

seeds = st.integers(0, 2**31 - 1)
angles = st.sampled_from([75.0, 90.0, 100.0, 110.0])
cells = st.tuples(
    st.floats(5.0, 10.0), st.floats(5.0, 10.0), st.floats(5.0, 8.0), angles, angles, angles
).map(lambda values: torch.tensor(values, dtype=torch.float64))


def random_atoms(seed: int, count: int = 7, b_spread: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    xyz = 3.0 * torch.rand((count, 3), generator=generator, dtype=torch.float64) - 1.0
    element = torch.randint(len(ELEMENTS), (count,), generator=generator)
    b_iso = 15.0 + b_spread * torch.rand(count, generator=generator, dtype=torch.float64)
    return xyz, element, b_iso


def one_cell(xyz: Tensor, element: Tensor, b_iso: Tensor) -> AtomBatch:
    return pack_atoms(xyz, element, torch.tensor([0, len(xyz)]), ELEMENTS, b_iso)


def factors(seed: int, cell: Tensor, b_spread: float = 0.0) -> Tensor:
    return structure_factors(one_cell(*random_atoms(seed, b_spread=b_spread)), cell[None], D_MIN, SHAPE)


def assert_equals_the_sum(atoms: AtomBatch, cell: Tensor) -> None:
    F = structure_factors(atoms, cell[None], D_MIN, SHAPE)
    h, k, l = torch.nonzero(resolution_mask(cell, SHAPE, D_MIN)).unbind(1)  # noqa: E741
    hkl = torch.stack([(h + 8) % 16 - 8, (k + 7) % 15 - 7, l], dim=1)
    listed = structure_factors_at_hkl(atoms, cell[None], hkl)
    torch.testing.assert_close(F[:, h, k, l], listed, rtol=0.0, atol=1e-10)
    assert int((F != 0.0).sum()) == len(hkl)


def test_factors_of_nearly_equal_displacements_are_not_those_of_their_mean() -> None:
    """B values 0.004 Å² apart were once taken for one another."""
    cell = torch.tensor([9.0, 8.0, 7.0, 80.0, 95.0, 105.0], dtype=torch.float64)
    for b_spread in (1e-9, 1e-5, 1e-3, 0.00390625):
        atoms = one_cell(*random_atoms(0, b_spread=b_spread))
        assert_equals_the_sum(atoms, cell)


@given(seeds, cells, st.floats(0.0, 80.0))
def test_grid_equals_the_sum_term_by_term(seed: int, cell: Tensor, b_spread: float) -> None:
    atoms = one_cell(*random_atoms(seed, b_spread=b_spread))
    assert_equals_the_sum(atoms, cell)


@given(seeds, cells)
def test_friedel_mates_are_conjugate_and_the_map_is_real_and_complete(seed: int, cell: Tensor) -> None:
    F = factors(seed, cell)
    plane = F[0, :, :, 0]
    mates = plane.flip((0, 1)).roll((1, 1), (0, 1))
    torch.testing.assert_close(plane, mates.conj().resolve_conj())
    rho = density_from_structure_factors(F, cell_volume(cell)[None], SHAPE)
    torch.testing.assert_close(structure_factors_from_density(rho, cell_volume(cell)[None]), F)


@given(seeds, cells)
def test_parseval(seed: int, cell: Tensor) -> None:
    F, volume = factors(seed, cell), cell_volume(cell)
    rho = density_from_structure_factors(F, volume[None], SHAPE)
    points = math.prod(SHAPE)
    in_space = rho.square().sum() * volume / points
    torch.testing.assert_close(in_space, (friedel_weights(SHAPE, F) * F.abs().square()).sum() / volume)


@given(seeds, cells, st.tuples(*[st.floats(-2.0, 2.0)] * 3), st.sampled_from([1.0, -1.0]))
def test_patterson_knows_neither_origin_nor_hand(
    seed: int, cell: Tensor, shift: tuple[float, float, float], hand: float
) -> None:
    xyz, element, b_iso = random_atoms(seed)
    moved = hand * xyz + torch.tensor(shift, dtype=torch.float64)
    maps = [
        patterson_from_structure_factors(
            structure_factors(one_cell(x, element, b_iso), cell[None], D_MIN, SHAPE), 1.0, SHAPE
        )
        for x in (xyz, moved)
    ]
    torch.testing.assert_close(*maps, rtol=0.0, atol=1e-9 * float(maps[0].abs().max()))


@given(seeds, cells)
def test_patterson_of_amplitudes_equals_that_of_structure_factors_and_peaks_at_the_origin(
    seed: int, cell: Tensor
) -> None:
    F = factors(seed, cell)
    patterson = patterson_from_intensities(F.abs().square(), 2.0, SHAPE)
    torch.testing.assert_close(patterson, patterson_from_structure_factors(F, 2.0, SHAPE))
    assert int(patterson.argmax()) == 0


@given(seeds, cells, st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)))
def test_shift_theorem(seed: int, cell: Tensor, shift: tuple[float, float, float]) -> None:
    xyz, element, b_iso = random_atoms(seed)
    t = torch.tensor(shift, dtype=torch.float64)
    hkl = torch.tensor([[1, 0, 0], [2, -1, 1], [-1, 2, 0], [0, 0, 3]])
    F, moved = (
        structure_factors_at_hkl(one_cell(x, element, b_iso), cell[None], hkl) for x in (xyz, xyz + t)
    )
    expected = F * torch.exp(2j * math.pi * (hkl.double() @ t))
    torch.testing.assert_close(moved, expected, rtol=0.0, atol=1e-9)


@given(seeds, cells, st.tuples(st.integers(16, 30), st.integers(15, 30), st.integers(12, 30)))
def test_zoom_is_exact_on_band_limited_maps(seed: int, cell: Tensor, fine: tuple[int, int, int]) -> None:
    F = factors(seed, cell)
    rho = density_from_structure_factors(F, 1.0, SHAPE)
    zoomed = zoom_map(rho, fine)
    torch.testing.assert_close(
        zoomed, density_from_structure_factors(zoom_structure_factors(F, SHAPE, fine), 1.0, fine)
    )
    torch.testing.assert_close(zoom_map(zoomed, SHAPE), rho)


@given(st.lists(st.tuples(seeds, st.integers(1, 9), cells), min_size=1, max_size=4), st.floats(0.0, 30.0))
def test_batched_equals_loop(members: list[tuple[int, int, Tensor]], b_spread: float) -> None:
    parts = [random_atoms(seed, count, b_spread) for seed, count, _ in members]
    xyz, element, b_iso = (torch.cat(columns) for columns in zip(*parts, strict=True))
    offset = torch.tensor([0] + [len(part[0]) for part in parts]).cumsum(0)
    cell = torch.stack([member[2] for member in members])
    together = structure_factors(pack_atoms(xyz, element, offset, ELEMENTS, b_iso), cell, D_MIN, SHAPE)
    alone = [
        structure_factors(one_cell(*part), one[None], D_MIN, SHAPE)
        for part, one in zip(parts, cell, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0.0, atol=1e-9)


@given(seeds, cells)
def test_lists_and_grids_carry_the_same_reflections(seed: int, cell: Tensor) -> None:
    F = factors(seed, cell)
    h, k, l = torch.nonzero(resolution_mask(cell, SHAPE, D_MIN)).unbind(1)  # noqa: E741
    hkl = torch.stack([(h + 8) % 16 - 8, (k + 7) % 15 - 7, l], dim=1)
    unique = hkl[(l > 0) | (hkl[:, 1] > 0) | ((hkl[:, 1] == 0) & (hkl[:, 0] > 0))]
    flip = torch.rand(len(unique), generator=torch.Generator().manual_seed(seed)) < 0.5
    index = grid_index(torch.where(flip[:, None], -unique, unique), SHAPE)
    listed = grid_to_hkl(F, index)
    atoms = one_cell(*random_atoms(seed))
    torch.testing.assert_close(
        listed, structure_factors_at_hkl(atoms, cell[None], torch.where(flip[:, None], -unique, unique))
    )
    torch.testing.assert_close(hkl_to_grid(listed, index), F)


@given(seeds, st.floats(0.0, 1.0))
def test_random_numbers_keep_friedel_symmetry(seed: int, completeness: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    ideal = torch.ones((2, 6, 5, 4))
    kept = random_completeness_mask(ideal, completeness, generator)
    noisy = add_intensity_noise(ideal, torch.ones_like(ideal), generator)
    for values in (kept.double(), noisy):
        plane = values[..., 0]
        torch.testing.assert_close(plane, plane.flip((-2, -1)).roll((1, 1), (-2, -1)))


@given(cells)
def test_inverse_square_spacing_on_the_grid_is_that_of_the_cell(cell: Tensor) -> None:
    inv_d2 = grid_inv_d2(cell, SHAPE)
    expected = gemmi.UnitCell(*cell.tolist()).calculate_1_d2([-3, 5, 4])
    assert math.isclose(float(inv_d2[-3, 5, 4]), expected, rel_tol=1e-12)


def test_a_map_made_in_inference_mode_leaves_later_ones_differentiable() -> None:
    F = torch.randn(6, 6, 4, dtype=torch.complex128)
    with torch.inference_mode():
        density_from_structure_factors(F, 1.0, (6, 6, 6))
    F.requires_grad_()
    density_from_structure_factors(F, 1.0, (6, 6, 6)).square().sum().backward()
    assert F.grad is not None
    assert F.grad.abs().max() > 0.0
