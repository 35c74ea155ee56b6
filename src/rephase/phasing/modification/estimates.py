"""Structure factors of modified densities: compared with the amplitudes, made probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.shells import Shells
from rephase.phasing.modification.combination import calculated_hl
from rephase.phasing.modification.sigma_a import SigmaA, estimate_sigma_a, normalise
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


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


def free_estimate(
    crystal: UniqueGrid, estimates: Sequence[ComplexArray], fold: NDArray[np.intp], shells: Shells
) -> Estimate:
    """Take every reflection from the run that left it out.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    estimates
        One by each run, shape ``(n,)``.
    fold
        The run that left out each reflection, shape ``(n,)``.
    shells
        For σA.
    """
    scaled = np.stack([_normalised(crystal, F, shells) for F in estimates])
    return assess(crystal, scaled[fold, np.arange(len(crystal))], shells)


def _normalised(crystal: UniqueGrid, F: ComplexArray, shells: Shells) -> ComplexArray:
    """Bring structure factors, shape ``(n,)``, to the scale of |E|√ε, as those of any density."""
    size = normalise(np.abs(F), crystal.inv_d2, crystal.epsilon, shells) * np.sqrt(crystal.epsilon)
    return np.asarray(size * np.exp(1j * np.angle(F)))
