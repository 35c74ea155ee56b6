"""Kernels in Å: the plain ones on the lattice they are known on, and the same function in any other cell."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv3d

from rephase.models.metric_convolution import STEP, TAPS, MetricConvolution, kernel_taps

D_MIN = 2.0
REFERENCE = (8, 6, 10)
OFFSETS = list(product((-1, 0, 1), repeat=3))

edges = st.floats(8.0, 14.0)


def orthogonal(a: float, b: float, c: float) -> torch.Tensor:
    return torch.tensor([a, b, c, 90.0, 90.0, 90.0])


def reference_cell() -> torch.Tensor:
    return orthogonal(*(n * STEP * D_MIN for n in REFERENCE))


def test_on_the_reference_lattice_every_neighbour_has_its_own_weight() -> None:
    torch.testing.assert_close(
        kernel_taps(reference_cell(), REFERENCE, D_MIN), torch.eye(TAPS), rtol=0.0, atol=0.01
    )


def test_on_the_reference_lattice_it_is_a_periodic_convolution() -> None:
    layer, features = MetricConvolution(3), torch.randn(2, *REFERENCE, 3)
    around = torch.nn.functional.pad(features.permute(0, 4, 1, 2, 3), (1,) * 6, mode="circular")
    expected = conv3d(around, layer.weight.unflatten(-1, (3, 3, 3)), layer.bias).permute(0, 2, 3, 4, 1)
    found = layer(features, kernel_taps(reference_cell(), REFERENCE, D_MIN))
    torch.testing.assert_close(found, expected, rtol=0.0, atol=0.02)


@settings(max_examples=20)
@given(a=edges, b=edges, c=edges)
def test_renamed_axes_rename_the_neighbours(a: float, b: float, c: float) -> None:
    shape = (8, 10, 6)
    first = kernel_taps(orthogonal(a, b, c), shape, D_MIN)
    second = kernel_taps(orthogonal(b, c, a), (shape[1], shape[2], shape[0]), D_MIN)
    renamed = [OFFSETS.index((v, w, u)) for u, v, w in OFFSETS]
    torch.testing.assert_close(second[renamed][:, renamed], first, rtol=1e-4, atol=1e-5)


@settings(max_examples=20)
@given(a=edges, angles=st.tuples(*[st.floats(65.0, 115.0)] * 3))
def test_a_kernel_turned_end_to_end_is_turned_end_to_end_in_any_cell(
    a: float, angles: tuple[float, float, float]
) -> None:
    taps = kernel_taps(torch.tensor([a, 10.0, 12.0, *angles]), (6, 6, 8), D_MIN)
    torch.testing.assert_close(taps.flip(0, 1), taps, rtol=1e-4, atol=1e-5)


def test_a_finer_grid_gives_its_neighbours_a_smaller_part() -> None:
    coarse = kernel_taps(orthogonal(12.0, 12.0, 12.0), (6, 6, 6), D_MIN)
    fine = kernel_taps(orthogonal(12.0, 12.0, 12.0), (8, 8, 8), D_MIN)
    centre = OFFSETS.index((0, 0, 0))
    assert float(fine[centre, centre]) < float(coarse[centre, centre])
    assert float(fine[0].sum()) == pytest.approx((6 / 8) ** 3 * float(coarse[0].sum()), rel=0.3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 3), (5, 4, 3)])
def test_neighbours_beyond_the_faces_are_those_of_the_next_cell(shape: tuple[int, int, int]) -> None:
    layer, features = MetricConvolution(2), torch.randn(1, *shape, 2)
    cell = orthogonal(*(2.0 * n for n in shape))
    taps = kernel_taps(cell, shape, D_MIN)
    with torch.no_grad():
        found = layer(features, taps)
        doubled = layer(features.repeat(1, 2, 1, 1, 1), taps)
    torch.testing.assert_close(doubled[:, : shape[0]], found, rtol=1e-4, atol=1e-5)
