"""Agreement of maps with the true ones, for batches of crystals in P1: correlations and phase errors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rephase.crystal.shells import Shells
from rephase.evaluate.map_pearson import central_box, map_pearson
from rephase.physics.cells import Shape, grid_inv_d2
from rephase.physics.density import density_from_structure_factors, friedel_weights, zoom_structure_factors

RANDOM_PHASE_ERROR = 90.0
"""Degrees; also of a coefficient that is zero, which has no phase."""
BOX_SPACING = 0.5
"""Å between the points at which the central box is compared, as in the Patterson U-Net (2023)."""


@dataclass(frozen=True, eq=False)
class TrueMaps:
    """The true densities of a batch of crystals in P1.

    Attributes
    ----------
    F
        Structure factors, complex128, shape ``(batch, nu, nv, nw//2 + 1)``.
    measured
        Reflections whose phases count, bool, the same shape.
    cell
        Å and degrees, float64, shape ``(batch, 6)``.
    shape
        Numbers of points ``(nu, nv, nw)`` of the grid.
    """

    F: Tensor
    measured: Tensor
    cell: Tensor
    shape: Shape


@dataclass(frozen=True, eq=False)
class MapAgreement:
    """How well maps agree with the true ones as they stand, without any alignment.

    Attributes
    ----------
    pearson
        Correlation over the whole cell, shape ``(batch,)``.
    box
        Correlation in the central box of 6 Å, shape ``(batch,)``.
    phase_error
        Mean |Δφ| of the measured reflections in degrees, shape ``(batch,)``.
    shell_errors
        The same in shells, shape ``(batch, shells)``; NaN where nothing was measured.
    """

    pearson: Tensor
    box: Tensor
    phase_error: Tensor
    shell_errors: Tensor


def agreement(F: Tensor, truth: TrueMaps, shells: Shells) -> MapAgreement:
    """Compare maps with the true ones.

    Parameters
    ----------
    F
        Structure factors of the maps on any scale, complex128, shape ``(batch, nu, nv, nw//2 + 1)``; what
        they have beyond d_min counts in the correlations, 000 does not.
    truth
        The true maps.
    shells
        For the phase errors.
    """
    phase_error, shell_errors = mean_phase_errors(F, truth, shells)
    return MapAgreement(reciprocal_pearson(F, truth), _box_pearson(F, truth), phase_error, shell_errors)


def reciprocal_pearson(F: Tensor, truth: TrueMaps) -> Tensor:
    """Pearson correlation of maps over the whole cell by Parseval, without 000; 0 where one is flat."""
    weights = friedel_weights(truth.shape, F.real).expand_as(F.real).clone()
    weights[:, 0, 0, 0] = 0.0
    product = (weights * (F * truth.F.conj()).real).sum((-3, -2, -1))
    square = [(weights * one.abs().square()).sum((-3, -2, -1)) for one in (F, truth.F)]
    norm = (square[0] * square[1]).sqrt()
    return torch.where(norm > 0.0, product / torch.where(norm > 0.0, norm, 1.0), 0.0)


def mean_phase_errors(F: Tensor, truth: TrueMaps, shells: Shells) -> tuple[Tensor, Tensor]:
    """Mean |Δφ| of the measured reflections in degrees, of all ``(batch,)`` and by shell ``(batch, shells)``.

    Every reflection of the sphere counts the same, whatever its amplitude.
    """
    product = F * truth.F.conj()
    error = torch.where(product == 0.0, RANDOM_PHASE_ERROR, torch.rad2deg(product.angle().abs()))
    weights = friedel_weights(truth.shape, F.real) * truth.measured
    inv_d2 = grid_inv_d2(truth.cell, truth.shape)
    edges = torch.from_numpy(shells.edges).to(inv_d2)
    shell = (torch.searchsorted(edges, inv_d2, right=True) - 1).clamp(0, len(shells) - 1)
    count = _sums(weights, shell, len(shells))
    total = _sums(weights * error, shell, len(shells))
    return total.sum(1) / count.sum(1), total / count


def _sums(values: Tensor, shell: Tensor, count: int) -> Tensor:
    sums = values.new_zeros((len(values), count))
    return sums.scatter_add_(1, shell.flatten(1), values.flatten(1))


def _box_pearson(F: Tensor, truth: TrueMaps) -> Tensor:
    """Correlation in the central box, sampled as published wherever the given grid is coarser."""
    ones = [torch.split(several, 1) for several in (F, truth.F, truth.cell)]
    each = zip(*ones, strict=True)
    return torch.cat([_box_pearson_of_one(first, second, cell, truth.shape) for first, second, cell in each])


def _box_pearson_of_one(F: Tensor, truth: Tensor, cell: Tensor, shape: Shape) -> Tensor:
    """Correlation of a batch of one, on a grid that follows from its own cell alone."""
    nu, nv, nw = (
        max(n, 2 * round(edge / (2.0 * BOX_SPACING)))
        for n, edge in zip(shape, cell[0, :3].tolist(), strict=True)
    )
    finer = (nu, nv, nw)
    first, second = (
        density_from_structure_factors(zoom_structure_factors(one, shape, finer), 1.0, finer)
        for one in (F, truth)
    )
    return map_pearson(first, second, central_box(cell, finer))
