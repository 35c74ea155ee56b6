"""Correlations of maps, and the box in which set 1a was judged."""

import numpy as np
import pytest
import torch

from rephase.evaluate.map_pearson import central_box, map_pearson


def test_correlation_is_that_of_numpy_with_and_without_a_mask() -> None:
    first, second = torch.randn(2, 3, 6, 5, 4)
    mask = torch.rand(3, 6, 5, 4) > 0.4
    for used in (None, mask):
        keep = np.ones(first.shape, bool) if used is None else used.numpy()
        pairs = zip(first.numpy(), second.numpy(), keep, strict=True)
        expected = [np.corrcoef(a[k], b[k])[0, 1] for a, b, k in pairs]
        assert map_pearson(first, second, used).tolist() == pytest.approx(expected, abs=1e-6)


def test_scale_and_offset_of_a_map_do_not_matter_and_a_flat_map_correlates_with_nothing() -> None:
    maps = torch.randn(2, 4, 4, 4)
    assert map_pearson(3.0 * maps + 5.0, maps).tolist() == pytest.approx([1.0, 1.0])
    assert map_pearson(-maps, maps).tolist() == pytest.approx([-1.0, -1.0])
    assert map_pearson(torch.ones_like(maps), maps).tolist() == [0.0, 0.0]


def test_central_box_is_6_angstrom_wide_about_the_middle_of_the_cell() -> None:
    cell = torch.tensor([[20.0, 20.0, 20.0, 90.0, 90.0, 90.0], [10.0, 20.0, 40.0, 90.0, 90.0, 90.0]])
    box = central_box(cell, (40, 40, 40))
    assert box.shape == (2, 40, 40, 40)
    assert box[0].sum() == 13**3  # points 0.5 Å apart, those on both faces included
    assert box[1].sum() == 25 * 13 * 7
    assert box[0, 20, 20, 20]
    assert not box[0, 20, 20, 27]
