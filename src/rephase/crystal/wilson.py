"""Wilson statistics: mean intensity against resolution, normalised amplitudes E, absolute scale and B.

Wilson, A. J. C. (1942). Nature 150, 152; Acta Cryst. (1949) 2, 318–321.
"""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.shells import Shells, equal_count_shells, quantile_shells

FloatArray = NDArray[np.float64]

_PER_SHELL = 50  # reflections; the mean of an exponential distribution is then known to 14 %
_MOST_SHELLS = 60
_WILSON_D_MAX = (
    4.5  # Å; at lower resolution protein data depart from Wilson's line (solvent, helices, sheets)
)

# Atoms per residue of an average protein, hydrogens included: mean over the UniProt residue frequencies.
_AVERAGE_RESIDUE = {"C": 4.91, "H": 7.74, "N": 1.34, "O": 1.48, "S": 0.04}


@dataclass(frozen=True, eq=False)
class WilsonPlot:
    """Points of the Wilson plot and the line through those of high resolution.

    Attributes
    ----------
    b
        Overall B in Å².
    scale
        Factor k in ⟨I/ε⟩ = k Σf² exp(−B s²/2), on the composition given.
    sigma_b
        Standard uncertainty of `b` in Å².
    inv_d2, ln_i
        Shell means of 1/d² in Å⁻² and ln(⟨I/ε⟩ / Σf²), shape ``(k,)``, on the composition given.
    fitted
        Which of the points the line was fitted to, shape ``(k,)``.
    """

    b: float
    scale: float
    sigma_b: float
    inv_d2: FloatArray
    ln_i: FloatArray
    fitted: NDArray[np.bool_]

    def line(self, inv_d2: FloatArray) -> FloatArray:
        """Return ln k − B s²/2 at 1/d² in Å⁻², any shape."""
        return np.asarray(np.log(self.scale) - 0.5 * self.b * inv_d2)


def mean_intensity_curve(
    intensity: FloatArray, inv_d2: FloatArray, at: FloatArray | None = None
) -> FloatArray:
    """Smooth mean intensity against resolution, always positive.

    The logarithm is linear in 1/d² between the centres of shells, and scaled until the mean
    of intensity / curve is 1 in every shell. Noise may make the measured mean of a weak shell negative: the
    curve stays above a tenth of that mean's own standard error.

    Parameters
    ----------
    intensity
        Intensities divided by ε, shape ``(n,)``; negative values allowed.
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    at
        1/d² at which the curve is wanted, shape ``(m,)``; that of the data if not given.

    Returns
    -------
    ⟨I/ε⟩ at `at`, shape ``(m,)``.
    """
    shells = _curve_shells(inv_d2)
    shell = shells.assign(inv_d2)
    count = np.maximum(np.bincount(shell, minlength=len(shells)), 1)
    centre = np.bincount(shell, inv_d2, minlength=len(shells)) / count
    mean = np.bincount(shell, intensity, minlength=len(shells)) / count
    variance = np.bincount(shell, (intensity - mean[shell]) ** 2, minlength=len(shells)) / count
    floor = np.maximum(0.1 * np.sqrt(variance / count), 1e-9 * max(float(np.abs(mean).max()), 1e-30))
    target = np.maximum(mean, floor)
    log_curve = np.log(target)
    for _ in range(10):
        fitted = (
            np.bincount(shell, np.exp(np.interp(inv_d2, centre, log_curve)), minlength=len(shells)) / count
        )
        log_curve += np.clip(np.log(target / fitted), -0.5, 0.5)
    return np.exp(np.interp(inv_d2 if at is None else at, centre, log_curve))


def normalised_amplitudes(
    f: FloatArray, sigf: FloatArray, inv_d2: FloatArray, epsilon: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Divide amplitudes by their local root mean square, so that ⟨E²⟩ = 1 at every resolution.

    Parameters
    ----------
    f, sigf
        Amplitudes and standard uncertainties, shape ``(n,)``.
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    epsilon
        Statistical weight ε, shape ``(n,)``.

    Returns
    -------
    E and σ(E), each of shape ``(n,)``.
    """
    rms = np.sqrt(epsilon * mean_intensity_curve(f**2 / epsilon, inv_d2))
    return f / rms, sigf / rms


def wilson_plot(
    intensity: FloatArray,
    inv_d2: FloatArray,
    composition: dict[str, float] | None = None,
) -> WilsonPlot:
    """Fit scale and B by least squares on the logarithm of shell means.

    Shells beyond 4.5 Å resolution are used, or all where fewer than four are left.

    Parameters
    ----------
    intensity
        Intensities divided by ε, shape ``(n,)``.
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    composition
        Number of atoms of each element in the unit cell; an average residue if not given, which leaves the
        scale arbitrary and hardly moves B.
    """
    shells = equal_count_shells(inv_d2, int(np.clip(len(inv_d2) // _PER_SHELL, 3, _MOST_SHELLS)))
    s2 = shells.means(inv_d2, inv_d2)
    mean = shells.means(inv_d2, intensity)
    s2, mean = s2[mean > 0.0], mean[mean > 0.0]
    if len(s2) < 2:
        raise ValueError("the data hold no positive intensities to scale")
    ln_i = np.log(mean / sum_f_squared(s2, composition or _AVERAGE_RESIDUE))
    usable = s2 > 1.0 / _WILSON_D_MAX**2
    if np.count_nonzero(usable) < 4:
        usable = np.ones_like(usable)
    x, y = -0.5 * s2[usable], ln_i[usable]
    design = np.stack([x, np.ones_like(x)], axis=1)
    solution, _, _, _ = np.linalg.lstsq(design, y)
    residual = y - design @ solution
    variance = float(residual @ residual) / max(len(y) - 2, 1)
    spread = float(np.sum((x - x.mean()) ** 2))
    return WilsonPlot(
        b=float(solution[0]),
        scale=float(np.exp(solution[1])),
        sigma_b=float(np.sqrt(variance / spread)),
        inv_d2=s2,
        ln_i=ln_i,
        fitted=usable,
    )


def _curve_shells(inv_d2: FloatArray) -> Shells:
    """Shells for the mean curve: about 50 reflections in the first, more and more in the following.

    At low resolution the mean intensity of a macromolecule changes fast (solvent, secondary structure), and
    shells of equal count would be too wide there.
    """
    n = len(inv_d2)
    count = int(np.clip(n // _PER_SHELL, 1, _MOST_SHELLS))
    power = max(1.0, float(np.log(n / _PER_SHELL) / np.log(count))) if count > 1 else 1.0
    return quantile_shells(inv_d2, np.linspace(0.0, 1.0, count + 1) ** power)


def sum_f_squared(inv_d2: FloatArray, composition: dict[str, float]) -> FloatArray:
    """Sum squared form factors (IT92) of atoms at rest.

    Parameters
    ----------
    inv_d2
        1/d² in Å⁻², shape ``(n,)``.
    composition
        Number of atoms of each element.

    Returns
    -------
    Σf² in electrons², shape ``(n,)``.
    """
    total = np.zeros_like(inv_d2)
    for element, count in composition.items():
        coefficients = gemmi.Element(element).it92
        if coefficients is None:
            raise ValueError(f"no form factor for {element}")
        f = np.array([coefficients.calculate_sf(float(s2) / 4.0) for s2 in inv_d2])
        total += count * f**2
    return total
