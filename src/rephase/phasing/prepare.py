"""From observations as read to amplitudes and E values that phasing can use."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.anisotropy import fit_anisotropy
from rephase.crystal.french_wilson import french_wilson
from rephase.crystal.quality import OUTLIER_CHANCE, DataQuality, assess, wilson_probability
from rephase.crystal.reflections import Reflections
from rephase.crystal.solvent import AVERAGE_SOLVENT, cell_content
from rephase.crystal.symmetry import systematic_absences
from rephase.crystal.wilson import mean_intensity_curve, normalised_amplitudes, wilson_plot
from rephase.errors import UserError
from rephase.io.observations import MIN_REFLECTIONS, Observations
from rephase.io.sequence import Sequence

FloatArray = NDArray[np.float64]

WORST_D_MIN = 4.0  # Å; nothing in this package can phase data that end earlier
_GROSS_CHANCE = 1e-13  # probability by Wilson's statistics; such an amplitude is a blunder, not a strong term
_LOWEST_SIGNAL = -10.0  # I/σ; noise never gives it, a wrong σ or background does


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Data ready for phasing, one row per reflection.

    Attributes
    ----------
    reflections
        Amplitudes on the file's scale (French–Wilson where intensities were measured); absences and gross
        outliers are left out.
    f_isotropic, sigf_isotropic
        The same with the anisotropic fall-off taken out, shape ``(n,)``.
    e, sigma_e
        Normalised amplitudes and their standard uncertainties, shape ``(n,)``; ⟨E²⟩ = 1 at every resolution.
    suspect
        True for improbably strong amplitudes (p < 10⁻⁶) that were kept, shape ``(n,)``.
    quality
        Figures of the data.
    solvent_fraction, solvent_origin
        Estimate and where it comes from: ``"sequence"`` or ``"assumed"``.
    copies
        Copies of the sequence in the asymmetric unit; None without a sequence.
    notes
        What was done and what to know, as sentences.
    """

    reflections: Reflections
    f_isotropic: FloatArray
    sigf_isotropic: FloatArray
    e: FloatArray
    sigma_e: FloatArray
    suspect: NDArray[np.bool_]
    quality: DataQuality
    solvent_fraction: float
    solvent_origin: str
    copies: int | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.reflections)

    @property
    def wilson_b(self) -> float:
        """Wilson B in Å²."""
        return self.quality.wilson.b


def prepare(
    observations: Observations, sequence: Sequence | None = None, d_min: float | None = None
) -> PreparedData:
    """Turn observations into amplitudes, isotropic amplitudes and E values, and judge them.

    Parameters
    ----------
    observations
        Data as read.
    sequence
        Content of the asymmetric unit, or one copy of it.
    d_min
        Leave out reflections beyond this resolution in Å.

    Raises
    ------
    UserError
        If the data end before 4 Å, too few reflections are left, or the sequence does not fit the cell.
    """
    cell, spacegroup = observations.cell, observations.spacegroup
    notes = list(observations.notes)
    data, absent = _allowed(observations, d_min)
    if absent:
        notes.append(f"{absent} reflections that {spacegroup.xhm()} forbids were left out.")
    _check_extent(data)
    intensity, sigma = _intensities(data, observations.kind)

    chance = _chance(data, intensity, sigma, np.ones(len(data)))
    good = (chance >= _GROSS_CHANCE) & (intensity > _LOWEST_SIGNAL * sigma)
    if not good.all():
        notes.append(f"{np.count_nonzero(~good)} reflections are impossibly strong or negative: left out.")
        data, intensity, sigma = data.select(good), intensity[good], sigma[good]
    anisotropy = fit_anisotropy(intensity, sigma, data.hkl, cell, spacegroup)
    factor = anisotropy.amplitude_factor(data.hkl, cell)
    mean = _mean_intensity(data, intensity, factor)
    wilson = wilson_plot(intensity / data.epsilon, data.inv_d2)
    quality = assess(data.hkl, intensity, sigma, mean, cell, spacegroup, anisotropy, wilson)
    if observations.kind == "intensity":
        best = french_wilson(intensity, sigma, mean, data.centric)
        data = Reflections(data.hkl, best.f, best.sigf, cell, spacegroup)
    e, sigma_e = normalised_amplitudes(data.f * factor, data.sigf * factor, data.inv_d2, data.epsilon)
    suspect = np.zeros(len(data), dtype=bool)
    suspect[quality.outliers] = True
    solvent, origin, copies = _solvent(observations, sequence)
    return PreparedData(
        reflections=data,
        f_isotropic=data.f * factor,
        sigf_isotropic=data.sigf * factor,
        e=e,
        sigma_e=sigma_e,
        suspect=suspect,
        quality=quality,
        solvent_fraction=solvent,
        solvent_origin=origin,
        copies=copies,
        notes=(*notes, *quality.notes),
    )


def _allowed(observations: Observations, d_min: float | None) -> tuple[Reflections, int]:
    """Rows within the resolution limit that symmetry allows, and the number it forbids.

    The values, amplitudes or intensities, travel in `Reflections.f` until they are converted.
    """
    data = Reflections(
        observations.hkl, observations.value, observations.sigma, observations.cell, observations.spacegroup
    )
    if d_min is not None:
        data = data.select(data.d >= d_min)
    absent = systematic_absences(data.hkl, data.spacegroup)
    return data.select(~absent), int(np.count_nonzero(absent))


def _check_extent(data: Reflections) -> None:
    if len(data) < MIN_REFLECTIONS:
        raise UserError(
            f"at least {MIN_REFLECTIONS} reflections",
            f"{len(data)}",
            "choose a higher resolution with --d-min",
        )
    if data.d_min > WORST_D_MIN:
        raise UserError(
            f"data to {WORST_D_MIN:g} Å or better",
            f"d_min {data.d_min:.2f} Å",
            "collect better data to phase ab initio",
        )


def _intensities(data: Reflections, kind: str) -> tuple[FloatArray, FloatArray]:
    """Intensities and σ; those of an amplitude F ± σ by the moments of a squared normal variable."""
    if kind == "intensity":
        return data.f, data.sigf
    return data.f**2, np.sqrt(4.0 * (data.f * data.sigf) ** 2 + 2.0 * data.sigf**4)


def _chance(data: Reflections, intensity: FloatArray, sigma: FloatArray, factor: FloatArray) -> FloatArray:
    """Probability of each intensity by Wilson's statistics, shape ``(n,)``."""
    mean = _mean_intensity(data, intensity, factor)
    return wilson_probability(intensity / mean, sigma / mean, data.centric)


def _mean_intensity(data: Reflections, intensity: FloatArray, factor: FloatArray) -> FloatArray:
    """Smooth intensity expected at each reflection, with ε and anisotropy, shape ``(n,)``.

    One outlier can raise the mean of its own shell: the curve is drawn again without the improbable ones.
    """
    weight = data.epsilon / factor**2
    isotropic = intensity / weight
    first = mean_intensity_curve(isotropic, data.inv_d2)
    ordinary = wilson_probability(isotropic / first, np.zeros(len(data)), data.centric) >= OUTLIER_CHANCE
    curve = mean_intensity_curve(isotropic[ordinary], data.inv_d2[ordinary], data.inv_d2)
    return np.asarray(curve * weight)


def _solvent(observations: Observations, sequence: Sequence | None) -> tuple[float, str, int | None]:
    if sequence is None:
        return AVERAGE_SOLVENT, "assumed", None
    content = cell_content(observations.cell, observations.spacegroup, sequence.mass)
    return content.solvent_fraction, "sequence", content.copies
