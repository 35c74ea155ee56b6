"""Conformations of the backbone: the centres of favoured regions, and the states that φ and ψ fall into."""

import numpy as np
from numpy.typing import NDArray

HELIX = (-63.0, -43.0)
STRAND = (-115.0, 130.0)
POLYPROLINE = (-70.0, 145.0)
"""φ, ψ in degrees at the centres of favoured regions (Hollingsworth & Karplus 2010, Biomol. Concepts)."""

STATES = ("helix", "alpha", "bridge", "beta", "polyproline", "left", "other")
"""αR within a helix, αR elsewhere, the bridge from it to β, β, polyproline II, αL, the rest of the plane."""

HELIX_RUN = 4
"""Residues in succession, a turn of the helix and a little more, that make a helix."""

_BRIDGE_PSI = -20.0
_HELIX_PHI, _HELIX_PSI = (-90.0, -40.0), (-65.0, -15.0)
"""Degrees, what a helix keeps to; elsewhere in αR are turns and the ends of helices."""


def backbone_states(phi_deg: NDArray[np.float64], psi_deg: NDArray[np.float64]) -> NDArray[np.int64]:
    """Assign states to chains, shape ``(n, length)`` → the same, as indices into `STATES`.

    Where φ is NaN, as at the start of a chain, ψ alone tells αR; every other residue there is "other".
    Helices that the ends of a chain cut to fewer than four residues are not recognised.
    """
    helical = (phi_deg < 0) | np.isnan(phi_deg)
    alpha = helical & (psi_deg >= -100) & (psi_deg < 50)
    extended = (phi_deg < 0) & ~alpha
    left = (phi_deg >= 0) & (psi_deg >= -60) & (psi_deg < 90)
    names = ("helix", "alpha", "bridge", "beta", "polyproline", "left")
    regular = alpha & (np.isnan(phi_deg) | _within(phi_deg, _HELIX_PHI)) & _within(psi_deg, _HELIX_PSI)
    choices = (
        _in_runs(regular),
        alpha & (psi_deg < _BRIDGE_PSI),
        alpha,
        extended & (phi_deg < -100),
        extended,
        left,
    )
    return np.select(choices, [STATES.index(name) for name in names], STATES.index("other"))


def _within(angle: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (angle >= limits[0]) & (angle < limits[1])


def _in_runs(regular: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the residues within runs of `HELIX_RUN` or more, shape ``(n, length)``."""
    found = np.zeros_like(regular)
    for first in range(regular.shape[1] - HELIX_RUN + 1):
        run = slice(first, first + HELIX_RUN)
        found[:, run] |= regular[:, run].all(axis=1, keepdims=True)
    return found
