"""Phase probabilities multiplied: Hendrickson–Lattman coefficients added."""

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from rephase.crystal.symmetry import centric_phase
from rephase.io.phase_sets import phase_and_fom_from_hl

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def calculated_hl(
    e_observed: FloatArray,
    e_calculated: FloatArray,
    phi_calculated: FloatArray,
    sigma_a: FloatArray,
    centric: BoolArray,
) -> FloatArray:
    """Coefficients of the phase probability that a calculated structure factor gives.

    exp(X cos(φ − φc)), X = 2 σA Eo Ec/(1 − σA²), half of that for centric reflections (Sim, 1959; Read,
    1986).

    Parameters
    ----------
    e_observed, e_calculated
        Normalised amplitudes, shape ``(n,)``.
    phi_calculated
        Radians, shape ``(n,)``.
    sigma_a
        Of each reflection, below 1, shape ``(n,)``.
    centric
        Shape ``(n,)``.

    Returns
    -------
    Shape ``(n, 4)``; C = D = 0.
    """
    x = np.where(centric, 1.0, 2.0) * sigma_a * e_observed * e_calculated / (1.0 - sigma_a**2)
    zero = np.zeros_like(x)
    return np.stack([x * np.cos(phi_calculated), x * np.sin(phi_calculated), zero, zero], axis=1)


def phases_of_hl(
    hl: FloatArray, hkl: NDArray[np.int32], spacegroup: gemmi.SpaceGroup
) -> tuple[FloatArray, FloatArray]:
    """Centroid phase and figure of merit; in closed form where C = D = 0.

    Parameters
    ----------
    hl
        Coefficients, shape ``(n, 4)``.
    hkl, spacegroup
        Unique reflections, shape ``(n, 3)``, and the space group, which restricts centric phases.

    Returns
    -------
    Phases in radians and figures of merit, 0–1, each of shape ``(n,)``.
    """
    vector = hl[:, 0] + 1j * hl[:, 1]
    restricted = centric_phase(hkl, spacegroup)
    centric = np.isfinite(restricted)
    axis = np.where(centric, np.exp(1j * np.nan_to_num(restricted)), 1.0)
    along = np.real(vector * axis.conj())
    vector = np.where(centric, along * axis, vector)
    length = np.abs(vector)
    phi, fom = np.angle(vector), np.where(centric, np.tanh(length), i1e(length) / i0e(length))
    bimodal = np.any(hl[:, 2:] != 0.0, axis=1)
    phi[bimodal], fom[bimodal] = phase_and_fom_from_hl(hl[bimodal], hkl[bimodal], spacegroup)
    return phi, fom
