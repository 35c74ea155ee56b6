"""Iterative projection: relaxed averaged alternating reflections, then alternating projections."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import Constraint
from rephase.phasing.projections import impose_amplitudes

LEARN_EVERY = 5  # iterations between updates of the constraint; at every one it costs 40 % more for nothing


@torch.inference_mode()
def relax(
    rho: Tensor,
    grid: AmplitudeGrid,
    constraint: Constraint,
    iterations: int,
    beta: float,
    report_every: int,
) -> Iterator[tuple[int, Tensor]]:
    """Search by RAAR; every `report_every` iterations yield their number and the maps of measured amplitudes.

    With the reflections R = 2P − 1 of the two projections, x → β/2 (R_density R_amplitude + 1) x +
    (1 − β) P_amplitude x (Luke, 2005), which is β (P_density(y) + x − p) + (1 − β) p with p = P_amplitude x
    and y = 2p − x.

    Parameters
    ----------
    rho
        Starting maps, shape ``(starts, nu, nv, nw)``.
    grid
        Amplitudes to impose.
    constraint
        What is known of the density.
    iterations
        How many.
    beta
        Relaxation, 0.5–1: small stagnates, large never settles.
    report_every
        Iterations between reports.
    """
    for step in range(1, iterations + 1):
        measured = impose_amplitudes(rho, grid)
        if step % LEARN_EVERY == 1:
            constraint.learn(measured, step / iterations)
        allowed = constraint(2.0 * measured - rho)
        rho = beta * (allowed + rho - measured) + (1.0 - beta) * measured
        if step % report_every == 0 or step == iterations:
            yield step, measured


@torch.inference_mode()
def settle(rho: Tensor, grid: AmplitudeGrid, constraint: Constraint, iterations: int) -> Tensor:
    """Alternate between both projections (error reduction) and return the constrained maps, same shape."""
    for step in range(iterations):
        measured = impose_amplitudes(rho, grid)
        if step % LEARN_EVERY == 0:
            constraint.learn(measured, 1.0)
        rho = constraint(measured)
    return rho
