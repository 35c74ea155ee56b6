"""σA of modified structure factors, from the amplitudes of reflections that had no part in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import i0e
from scipy.stats import binom, chi2

from rephase.crystal.shells import Shells, equal_count_shells

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_TRIED = np.linspace(0.0, 0.985, 99)  # steps of 0.01: finer than any shell can tell
_PER_SHELL = 500  # reflections; wider shells hide how σA falls off, and poor phases end worse
_MOST_SHELLS = 20
_OF_NEIGHBOURS = 0.5  # weight of the neighbouring shells' likelihood: σA changes smoothly
_BY_CHANCE = 0.01  # runs with phases of no use that are thought to have improved them


@dataclass(frozen=True, eq=False)
class SigmaA:
    """Correlation of true and modified structure factors by resolution.

    Attributes
    ----------
    shells
        Resolution shells.
    values
        σA of each, shape ``(k,)``.
    gain
        Log-likelihood of the amplitudes per reflection, above that of σA = 0; nats.
    """

    shells: Shells
    values: FloatArray
    gain: float

    def at(self, inv_d2: FloatArray) -> FloatArray:
        """σA at 1/d² in Å⁻², shape ``(n,)``."""
        return np.asarray(self.values[self.shells.assign(inv_d2)])


def resolution_shells(inv_d2: FloatArray) -> Shells:
    """Divide reflections into shells that are large enough to estimate σA."""
    return equal_count_shells(inv_d2, int(np.clip(len(inv_d2) // _PER_SHELL, 1, _MOST_SHELLS)))


def normalise(f: FloatArray, inv_d2: FloatArray, epsilon: FloatArray, shells: Shells) -> FloatArray:
    """Divide amplitudes by their root mean square in each shell, ε accounted for, shape ``(n,)``."""
    mean = shells.means(inv_d2, f**2 / epsilon)[shells.assign(inv_d2)]
    return np.asarray(f / np.sqrt(np.maximum(epsilon * mean, np.finfo(float).tiny)))


def estimate_sigma_a(
    e_observed: FloatArray, e_calculated: FloatArray, centric: BoolArray, inv_d2: FloatArray, shells: Shells
) -> SigmaA:
    """Find the most likely σA in each shell.

    P(Eo | Ec) is a Rice distribution for acentric reflections and a folded normal one for centric
    reflections, with mean σA Ec and variance 1 − σA² (Read, 1986, Acta Cryst. A42, 140–149; Pannu & Read,
    1996). Only amplitudes are compared: agreement with the starting phases would count them twice.

    Parameters
    ----------
    e_observed, e_calculated
        Normalised amplitudes, shape ``(n,)``.
    centric
        Shape ``(n,)``.
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    shells
        For the estimates.
    """
    shell = shells.assign(inv_d2)
    likelihood = np.zeros((len(shells), len(_TRIED)))
    for column, sigma_a in enumerate(_TRIED):
        each = _log_likelihood(e_observed, e_calculated, centric, sigma_a)
        likelihood[:, column] = np.bincount(shell, each, len(shells))
    nothing = np.zeros((1, len(_TRIED)))
    below = np.concatenate([nothing, likelihood[:-1]])
    above = np.concatenate([likelihood[1:], nothing])
    smooth = likelihood + _OF_NEIGHBOURS * (below + above)
    best = smooth.argmax(axis=1)
    gain = float((likelihood[np.arange(len(shells)), best] - likelihood[:, 0]).sum() / len(e_observed))
    return SigmaA(shells, _TRIED[best], gain)


def chance_gain(shells: int, trials: int) -> float:
    """Return the gain in nats, all reflections together, that noise reaches in 1 % of the runs at most.

    Twice the gain of the likeliest σA² ≥ 0 in a shell is 0 half of the time, and else χ² with one degree of
    freedom (Self & Liang, 1987, J. Am. Stat. Assoc. 82, 605–610): over all shells a mixture of χ², weighted
    by how often so many shells gain. That one of several trials gains so much is at most as probable as the
    sum of their probabilities.

    Parameters
    ----------
    shells
        In which σA is estimated.
    trials
        Densities of which the best is taken.
    """
    gaining = np.arange(1, shells + 1)
    part = binom.pmf(gaining, shells, 0.5)

    def excess(gain: float) -> float:
        return trials * float(part @ chi2.sf(2.0 * gain, gaining)) - _BY_CHANCE

    high = 1.0
    while excess(high) > 0.0:
        high *= 2.0
    return float(brentq(excess, 0.0, high))


def _log_likelihood(
    e_observed: FloatArray, e_calculated: FloatArray, centric: BoolArray, sigma_a: float
) -> FloatArray:
    """Logarithm of P(Eo | Ec, σA) but for what does not depend on σA, shape ``(n,)``."""
    variance = 1.0 - sigma_a**2
    x = sigma_a * e_observed * e_calculated / variance
    square = (e_observed**2 + sigma_a**2 * e_calculated**2) / variance
    acentric = -np.log(variance) - square + 2.0 * x + np.log(i0e(2.0 * x))
    folded = -0.5 * np.log(variance) - 0.5 * square + x + np.log1p(np.exp(-2.0 * x)) - np.log(2.0)
    return np.asarray(np.where(centric, folded, acentric))
