"""Structure factors of modified densities: compared with the amplitudes, mixed, made probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.shells import Shells
from rephase.phasing.modification.combination import calculated_hl
from rephase.phasing.modification.sigma_a import SigmaA, estimate_sigma_a, normalise
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_STEPS = 4  # in which shares are tried: quarters


@dataclass(frozen=True, eq=False)
class Estimate:
    """Structure factors of all reflections, each estimated without its own amplitude.

    Attributes
    ----------
    F
        Arbitrary scale, shape ``(n,)``.
    sigma_a
        From the amplitudes.
    e
        Normalised |F|, shape ``(n,)``.
    """

    F: ComplexArray
    sigma_a: SigmaA
    e: FloatArray


def assess(crystal: UniqueGrid, F: ComplexArray, shells: Shells) -> Estimate:
    """Compare the amplitudes of structure factors, shape ``(n,)``, with the measured ones."""
    e = normalise(np.abs(F), crystal.inv_d2, crystal.epsilon, shells)
    return Estimate(F, estimate_sigma_a(crystal.e, e, crystal.centric, crystal.inv_d2, shells), e)


def estimated_hl(crystal: UniqueGrid, F: ComplexArray, e: FloatArray, sigma_a: SigmaA) -> FloatArray:
    """Coefficients of the phase probability of structure factors F, |E| given, shape ``(n, 4)``."""
    return calculated_hl(crystal.e, e, np.angle(F), sigma_a.at(crystal.inv_d2), crystal.centric)


def mix(
    crystal: UniqueGrid, estimates: list[list[ComplexArray]], fold: NDArray[np.intp], shells: Shells
) -> tuple[tuple[float, ...], list[ComplexArray], Estimate]:
    """Mix the estimates of several densities in the shares that the amplitudes left out like best.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    estimates
        For each density one estimate by each run, shape ``(n,)``.
    fold
        The run that left out each reflection, shape ``(n,)``.
    shells
        For σA.

    Returns
    -------
    The shares, the mixture of every run, and the estimate of all reflections by the runs that left them out.
    """
    scaled = [[_normalised(crystal, F, shells) for F in runs] for runs in estimates]
    tried = []
    for shares in possible_shares(len(estimates)):
        mixed = [_sum_of(shares, run) for run in zip(*scaled, strict=True)]
        free = np.stack(mixed)[fold, np.arange(len(crystal))]
        tried.append((shares, mixed, assess(crystal, free, shells)))
    return max(tried, key=lambda one: one[2].sigma_a.gain)


def possible_shares(count: int) -> list[tuple[float, ...]]:
    """Shares in steps of 1/`_STEPS` that add up to 1."""
    whole = product(range(_STEPS + 1), repeat=count)
    return [tuple(part / _STEPS for part in parts) for parts in whole if sum(parts) == _STEPS]


def _sum_of(shares: Sequence[float], estimates: Sequence[ComplexArray]) -> ComplexArray:
    """Weighted sum of structure factors, each of shape ``(n,)``."""
    return np.asarray(np.tensordot(np.asarray(shares), np.stack(estimates), axes=1))


def _normalised(crystal: UniqueGrid, F: ComplexArray, shells: Shells) -> ComplexArray:
    """Bring structure factors, shape ``(n,)``, to the scale of |E|√ε, as those of any density."""
    size = normalise(np.abs(F), crystal.inv_d2, crystal.epsilon, shells) * np.sqrt(crystal.epsilon)
    return np.asarray(size * np.exp(1j * np.angle(F)))
