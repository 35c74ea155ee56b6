"""Origins at which maps of P1 crystals agree best, for whole batches.

`rephase.evaluate.alignment` does the same for lists of reflections in any space group; this is for thousands
of small crystals in P1, whose origin is free. The correlation as a function of the shift is one Fourier
transform on a grid of d_min/4, and Newton ascent leads from its highest point to the place between points.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rephase.models.origins import phase_shift
from rephase.physics.cells import Shape, grid_indices
from rephase.physics.density import density_from_structure_factors, friedel_weights, zoom_structure_factors

_FINER = 2
"""Search points per point of a grid at the Nyquist rate."""
_STEPS = 8
"""Newton doubles the digits per step: from half a search step, 5 reach the rounding error."""
_CONVERGED = 1e-8
"""Of a cell edge: 0.00001 degrees of phase."""


@dataclass(frozen=True, eq=False)
class OriginFits:
    """Best origins of a batch.

    Attributes
    ----------
    shift
        t of ρ'(x) = ρ(x − t), fractions of the cell edges, shape ``(batch, 3)``.
    score
        Correlation with the reference after the shift, shape ``(batch,)``.
    """

    shift: Tensor
    score: Tensor


def fit_origins(reference: Tensor, F: Tensor, shape: Shape) -> OriginFits:
    """Find the shifts that bring maps onto others.

    Parameters
    ----------
    reference, F
        Structure factors of both, complex128, shape ``(batch, nu, nv, nw//2 + 1)``; 000 does not count. Give
        the complex conjugate of F for the map's inverse.
    shape
        Numbers of points ``(nu, nv, nw)``.
    """
    products = _products(reference, F, shape)
    shift = _highest_point(products, shape)
    products = products * friedel_weights(shape, products.real)
    here, damping = _moments(products, shift, shape), torch.ones_like(shift[:, 0])
    for _ in range(_STEPS):
        step = _newton_step(here, shape) * damping[:, None]
        there = _moments(products, shift + step, shape)
        better = there.score >= here.score
        shift = torch.where(better[:, None], shift + step, shift)
        here = _chosen(better, there, here)
        damping = torch.where(better, 1.0, damping / 4.0)
        if float(step.abs().max()) < _CONVERGED:
            break
    return OriginFits(shift % 1.0, here.score)


def moved(F: Tensor, shift: Tensor, shape: Shape) -> Tensor:
    """Move maps, given and returned as structure factors, by fractional shifts, shape ``(batch, 3)``."""
    return F * phase_shift(shift, shape).conj()


def _products(reference: Tensor, F: Tensor, shape: Shape) -> Tensor:
    """Return F₁F₂*, scaled so that the weighted sum over the half sphere is the correlation."""
    weights = friedel_weights(shape, F.real)
    first, second = reference.clone(), F.clone()
    first[:, 0, 0, 0] = second[:, 0, 0, 0] = 0.0
    square = [(weights * one.abs().square()).sum((-3, -2, -1)) for one in (first, second)]
    norm = (square[0] * square[1]).sqrt()
    norm = torch.where(norm > 0.0, norm, 1.0)
    return first * second.conj() / norm[:, None, None, None]


def _highest_point(products: Tensor, shape: Shape) -> Tensor:
    finer = (_FINER * shape[0], _FINER * shape[1], _FINER * shape[2])
    correlation = density_from_structure_factors(zoom_structure_factors(products, shape, finer), 1.0, finer)
    place = torch.stack(torch.unravel_index(correlation.flatten(1).argmax(1), finer), dim=1)
    return place / torch.tensor(finer, device=products.device, dtype=products.real.dtype)


class _Moments(NamedTuple):
    """Re Σ c exp(−2πi h·t), its gradient ``(batch, 3)`` and its second derivatives ``(batch, 3, 3)``."""

    score: Tensor
    gradient: Tensor
    hessian: Tensor


def _newton_step(here: _Moments, shape: Shape) -> Tensor:
    """Return the step towards the maximum, at most half a search step along each axis.

    Curvatures are taken as negative, so that it always leads upwards.
    """
    curvature, axes = torch.linalg.eigh(here.hessian)
    along = (axes.mT @ here.gradient[:, :, None]) / curvature.abs().clamp(min=1e-12)[:, :, None]
    reach = 0.5 / (_FINER * torch.tensor(shape, device=along.device, dtype=along.dtype))
    step: Tensor = (axes @ along).squeeze(-1).clamp(-reach, reach)
    return step


def _moments(products: Tensor, shift: Tensor, shape: Shape) -> _Moments:
    waves = products * phase_shift(shift, shape)
    indices = grid_indices(shape, shift.device, shift.dtype)
    powers = [torch.stack([torch.ones_like(i), i, i.square()], dim=1).to(waves.dtype) for i in indices]
    sums = torch.einsum("bhkl,hx,ky,lz->bxyz", waves, *powers)
    first = torch.stack([sums[:, 1, 0, 0], sums[:, 0, 1, 0], sums[:, 0, 0, 1]], dim=1)
    rows = [
        [sums[:, 2, 0, 0], sums[:, 1, 1, 0], sums[:, 1, 0, 1]],
        [sums[:, 1, 1, 0], sums[:, 0, 2, 0], sums[:, 0, 1, 1]],
        [sums[:, 1, 0, 1], sums[:, 0, 1, 1], sums[:, 0, 0, 2]],
    ]
    second = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    turn = 2.0 * math.pi
    return _Moments(sums[:, 0, 0, 0].real, turn * first.imag, -(turn**2) * second.real)


def _chosen(where: Tensor, first: _Moments, second: _Moments) -> _Moments:
    return _Moments(
        torch.where(where, first.score, second.score),
        torch.where(where[:, None], first.gradient, second.gradient),
        torch.where(where[:, None, None], first.hessian, second.hessian),
    )
