"""Atomic amplitudes on whole grids, and the split of individual B values into a few common ones.

Both are smooth functions of one variable (s², B) over a known range, so Chebyshev interpolation reproduces
them to rounding error with about ten terms: a matrix product in place of five exponentials per reflection and
element, and a few matrix products in place of one exponential per atom and reflection.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from rephase.physics.form_factors import form_factor_table, form_factors

_B_MARGIN = 0.5
"""Å². Half-width given to the interval of B when a gradient with respect to B is wanted: equal B values then
still have neighbours to be differentiated against."""


_LARGEST_GROWTH = 3.5
"""Largest exponent βs²/4: f falls by about exp(−2), so the polynomials stay of even size over the range."""


class SmoothFormFactors(NamedTuple):
    """Form factors as polynomials in s²: f(s) = Σ_n coefficients_n (2s²/limit − 1)ⁿ · exp(−βs²/4).

    Attributes
    ----------
    coefficients
        Shape ``(elements, terms)``, electrons.
    beta
        Å². Taking out half of the largest b halves the range of the exponents, and with it the terms needed.
    limit
        Largest s² at which the polynomials hold, Å⁻².
    """

    coefficients: Tensor
    beta: float
    limit: float

    def on_grid(self, inv_d2: Tensor) -> Tensor:
        """Polynomials without the exponential, ``(batch, ...)`` in Å⁻² → ``(batch, elements, ...)``.

        Beyond the limit the result is finite but meaningless.
        """
        scaled = inv_d2.flatten(1).mul(2.0 / self.limit).sub_(1.0).clamp_(max=1.0)
        values: Tensor = self.coefficients @ _powers(scaled, self.coefficients.shape[1])
        return values.view(len(inv_d2), -1, *inv_d2.shape[1:])


def smooth_form_factors(elements: Sequence[str], d_min: float, like: Tensor) -> SmoothFormFactors:
    """Expand the form factors of some elements up to a resolution limit.

    Parameters
    ----------
    elements
        Element symbols.
    d_min
        High-resolution limit in Å.
    like
        Gives device and dtype; the series is exact to ten times the rounding error of the dtype.
    """
    limit = (1.0 + 1e-6) / d_min**2
    table = form_factor_table(elements, dtype=torch.float64)
    steepest = float(table.b.amax())
    beta = min(steepest / 2.0, 4.0 * _LARGEST_GROWTH / limit)
    terms = _terms_for_exponential((steepest - beta) * limit / 8.0, like.dtype)
    x, to_coefficients = _chebyshev_nodes(terms)
    at_nodes = (x + 1.0) * (limit / 2.0)
    values = form_factors(table, at_nodes) * torch.exp(beta * at_nodes / 4.0)
    coefficients = values @ to_coefficients.T @ _chebyshev_polynomials(terms)
    return SmoothFormFactors(coefficients.to(like), beta, limit)


def displacement_nodes(b_iso: Tensor, occupancy: Tensor, d_min: float) -> tuple[Tensor, Tensor]:
    """Write every exp(−B s²/4) as a mixture of the same function at a few B values common to its cell.

    Parameters
    ----------
    b_iso, occupancy
        Shape ``(batch, slots)``, Å² and 1. Slots of zero occupancy do not widen the range.
    d_min
        High-resolution limit in Å up to which the mixture holds.

    Returns
    -------
    b_nodes
        Å², shape ``(batch, nodes)``; one node where all B of every cell are equal.
    weights
        Shape ``(batch, nodes, slots)``, differentiable with respect to B.
    """
    present, b = occupancy != 0.0, b_iso.detach()
    lowest = torch.where(present, b, math.inf).amin(1)
    highest = torch.where(present, b, -math.inf).amax(1)
    lowest, highest = (torch.where(present.any(1), edge, 0.0) for edge in (lowest, highest))
    half_width = (highest - lowest) / 2.0 + (_B_MARGIN if b_iso.requires_grad else 0.0)
    centre = (lowest + highest)[:, None] / 2.0
    terms = _terms_for_exponential(float(half_width.amax()) / (4.0 * d_min**2), b.dtype)
    x, to_coefficients = (constant.to(b) for constant in _chebyshev_nodes(terms))
    smallest = torch.finfo(b.dtype).tiny
    scaled = ((b_iso - centre) / half_width.clamp(min=smallest)[:, None]).clamp(-1.0, 1.0)
    weights = to_coefficients.T @ _chebyshev_terms(scaled, terms)
    return centre + half_width[:, None] * x, weights


def _chebyshev_terms(x: Tensor, terms: int) -> Tensor:
    """T₀ … T_{terms−1} of `x`, shape ``(batch, n)`` → ``(batch, terms, n)``, differentiable."""
    basis = [torch.ones_like(x), x][:terms]
    for _ in range(terms - 2):
        basis.append(2.0 * x * basis[-1] - basis[-2])
    return torch.stack(basis, dim=1)


def _powers(x: Tensor, terms: int) -> Tensor:
    """1, x … x^{terms−1} of constants, shape ``(batch, n)`` → ``(batch, terms, n)``."""
    powers = x.new_empty((len(x), terms, x.shape[1]))
    rows = powers.unbind(1)
    rows[0].fill_(1.0)
    for lower, higher in pairwise(rows):
        torch.mul(lower, x, out=higher)
    return powers


def _chebyshev_nodes(terms: int) -> tuple[Tensor, Tensor]:
    """Nodes in [−1, 1], shape ``(terms,)``, and the matrix from values at the nodes to coefficients."""
    order = torch.arange(terms, dtype=torch.float64)
    angle = (order + 0.5) * (math.pi / terms)
    matrix = torch.cos(order[:, None] * angle) * (2.0 / terms)
    matrix[0] /= 2.0
    return torch.cos(angle), matrix


def _chebyshev_polynomials(terms: int) -> Tensor:
    """Coefficients of T₀ … T_{terms−1} in powers of x, shape ``(terms, terms)``."""
    rows = torch.eye(terms, dtype=torch.float64)
    for n in range(2, terms):
        rows[n] = 2.0 * rows[n - 1].roll(1) - rows[n - 2]
    return rows


def _terms_for_exponential(z: float, dtype: torch.dtype) -> int:
    """Terms that interpolate exp(zx), |x| ≤ 1, to ten times the rounding error of its largest value.

    The coefficients are 2 I_n(z) ≤ 2 (z/2)ⁿ/n! · exp(z²/4(n+1)) (Abramowitz & Stegun 9.6.10).
    """
    tolerance, terms, leading = 10.0 * torch.finfo(dtype).eps, 1, z / 2.0
    while 2.0 * leading * math.exp(z * z / (4.0 * (terms + 1)) - z) > tolerance:
        terms += 1
        leading *= z / 2.0 / terms
    return terms
