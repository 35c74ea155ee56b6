"""Atomic amplitudes on whole grids, and the split of individual B values into a few common ones.

Both are smooth functions of one variable (s², B) over a known range, so Chebyshev interpolation reproduces them
to rounding error with about ten terms: a matrix product in place of five exponentials per reflection and
element, and a few matrix products in place of one exponential per atom and reflection.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rephase.physics.form_factors import form_factor_table, form_factors

_B_MARGIN = 0.5
"""Å². Half-width given to the interval of B when a gradient with respect to B is wanted: equal B values then
still have neighbours to be differentiated against."""


def form_factors_on_grid(elements: Sequence[str], inv_d2: Tensor, d_min: float) -> Tensor:
    """Form factors by interpolation in s²; as exact as the dtype, many times faster than the exponentials.

    f(s) exp(βs²/4) with β half of the largest b is interpolated, and exp(−βs²/4) put back: this halves the range
    of the exponents, and with it the number of terms.

    Parameters
    ----------
    elements
        Element symbols.
    inv_d2
        s² in Å⁻², shape ``(batch, ...)``; treated as a constant.
    d_min
        High-resolution limit in Å. Beyond it the result is meaningless but finite.

    Returns
    -------
    Electrons, shape ``(batch, elements, ...)``.
    """
    inv_d2 = inv_d2.detach()
    limit = (1.0 + 1e-6) / d_min**2
    table = form_factor_table(elements, dtype=torch.float64)
    beta = float(table.b.amax()) / 2.0
    terms = _terms_for_exponential(beta * limit / 8.0, inv_d2.dtype)
    x, to_coefficients = _chebyshev_nodes(terms)
    at_nodes = (x + 1.0) * (limit / 2.0)
    values = form_factors(table, at_nodes) * torch.exp(beta * at_nodes / 4.0)
    coefficients = (values @ to_coefficients.T).to(inv_d2)
    scaled = (inv_d2 * (2.0 / limit) - 1.0).clamp_(max=1.0).flatten(1)
    smooth = (coefficients @ _chebyshev_rows(scaled, terms)).unflatten(-1, inv_d2.shape[1:])
    return smooth.mul_(torch.exp(inv_d2 * (-beta / 4.0))[:, None])


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
    scaled = ((b_iso - centre) / half_width.clamp(min=1e-3)[:, None]).clamp(-1.0, 1.0)
    weights = to_coefficients.T @ _chebyshev_terms(scaled, terms)
    return centre + half_width[:, None] * x, weights


def _chebyshev_terms(x: Tensor, terms: int) -> Tensor:
    """T₀ … T_{terms−1} of `x`, shape ``(batch, n)`` → ``(batch, terms, n)``, differentiable."""
    basis = [torch.ones_like(x), x][:terms]
    for _ in range(terms - 2):
        basis.append(2.0 * x * basis[-1] - basis[-2])
    return torch.stack(basis, dim=1)


def _chebyshev_rows(x: Tensor, terms: int) -> Tensor:
    """Do as `_chebyshev_terms` in one buffer: twice as fast on large constant arrays."""
    basis = x.new_empty((len(x), terms, x.shape[1]))
    rows = basis.unbind(1)
    rows[0].fill_(1.0)
    if terms > 1:
        rows[1].copy_(x)
    twice = 2.0 * x
    for n in range(2, terms):
        torch.mul(twice, rows[n - 1], out=rows[n]).sub_(rows[n - 2])
    return basis


def _chebyshev_nodes(terms: int) -> tuple[Tensor, Tensor]:
    """Nodes in [−1, 1], shape ``(terms,)``, and the matrix from values at the nodes to coefficients."""
    order = torch.arange(terms, dtype=torch.float64)
    angle = (order + 0.5) * (math.pi / terms)
    matrix = torch.cos(order[:, None] * angle) * (2.0 / terms)
    matrix[0] /= 2.0
    return torch.cos(angle), matrix


def _terms_for_exponential(z: float, dtype: torch.dtype) -> int:
    """Terms that interpolate exp(zx), |x| ≤ 1, to ten times the rounding error of its largest value.

    The coefficients are 2 I_n(z) ≤ 2 (z/2)ⁿ/n! · exp(z²/4(n+1)) (from the series, Abramowitz & Stegun 9.6.10).
    """
    tolerance, terms, leading = 10.0 * torch.finfo(dtype).eps, 1, z / 2.0
    while 2.0 * leading * math.exp(z * z / (4.0 * (terms + 1)) - z) > tolerance:
        terms += 1
        leading *= z / 2.0 / terms
    return terms
