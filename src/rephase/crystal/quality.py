"""What the data can bear: completeness, signal, twinning, outliers, anisotropy, pseudo-translation."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from rephase.crystal.anisotropy import Anisotropy
from rephase.crystal.patterson import PattersonPeak, pseudo_translation
from rephase.crystal.shells import Shells, completeness, equal_volume_shells, possible_reflections
from rephase.crystal.twinning import LTest, l_test, second_moment
from rephase.crystal.wilson import WilsonPlot

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LOW_RESOLUTION = 8.0  # Å; beyond this a beam stop hides strong terms that shape the molecular envelope
OUTLIER_CHANCE = 1e-6  # probability below which an amplitude is called an outlier (Read, 1999)
_SHELL_COUNT = 10
_STATISTICS_SIGNAL = 4.0  # ⟨I/σ⟩ of a shell; noise changes ⟨|L|⟩ and moments in weaker ones
_OBLIQUITY = 3.0  # degrees; the limit usual in twin-law searches
_PSEUDO_TRANSLATION = 0.20  # of the origin peak; chance peaks of proteins stay below about 0.1–0.2


@dataclass(frozen=True, eq=False)
class DataQuality:
    """Figures of one data set.

    Attributes
    ----------
    count
        Number of measured reflections.
    d_min, d_max
        Resolution limits in Å.
    completeness
        Overall, 0–1, to `d_min`.
    low_completeness, missing_low
        Completeness at d > 8 Å (NaN where none is possible) and the indices missing there, ``(m, 3)``.
    shells, shell_count, shell_completeness, shell_signal
        Ten shells of equal volume; per shell the number of reflections, completeness and ⟨I/σ⟩.
    mean_signal
        ⟨I/σ(I)⟩ overall.
    moment_acentric, moment_centric
        ⟨I²⟩/⟨I⟩² of the strong shells, noise subtracted: 2 and 3 for a crystal that is not twinned.
    l_test
        Twinning test on the strong shells.
    twin_laws
        Operators (on hkl) of merohedral or pseudo-merohedral twins the lattice allows, obliquity up to 3°.
    outliers
        Rows that Wilson's statistics give with p < 10⁻⁶, ``(k,)``.
    anisotropy
        Fitted tensor; its ΔB in Å².
    wilson
        Wilson plot.
    pseudo_translation
        Highest Patterson peak far from the origin, or None.
    notes
        What a user should know, as sentences.
    """

    count: int
    d_min: float
    d_max: float
    completeness: float
    low_completeness: float
    missing_low: NDArray[np.int32]
    shells: Shells
    shell_count: NDArray[np.intp]
    shell_completeness: FloatArray
    shell_signal: FloatArray
    mean_signal: float
    moment_acentric: float
    moment_centric: float
    l_test: LTest
    twin_laws: tuple[str, ...]
    outliers: NDArray[np.intp]
    anisotropy: Anisotropy
    wilson: WilsonPlot
    pseudo_translation: PattersonPeak | None
    notes: tuple[str, ...]


def assess(
    hkl: NDArray[np.int32],
    intensity: FloatArray,
    sigma: FloatArray,
    mean_intensity: FloatArray,
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
    anisotropy: Anisotropy,
    wilson: WilsonPlot,
) -> DataQuality:
    """Judge a data set.

    Parameters
    ----------
    hkl
        Unique Miller indices, shape ``(n, 3)``.
    intensity, sigma
        Intensities and standard uncertainties, shape ``(n,)``.
    mean_intensity
        Expected intensity of each, ε and anisotropy included, shape ``(n,)``.
    cell, spacegroup
        The crystal.
    anisotropy, wilson
        Their fits.
    """
    inv_d2 = np.asarray(cell.calculate_1_d2_array(hkl), dtype=np.float64)
    possible = possible_reflections(cell, spacegroup, float(1.0 / np.sqrt(inv_d2.max())) * (1.0 - 1e-6))
    possible_inv_d2 = np.asarray(cell.calculate_1_d2_array(possible), dtype=np.float64)
    shells = equal_volume_shells(possible_inv_d2, _SHELL_COUNT)
    missing_low, low_completeness = _low_resolution(hkl, possible, possible_inv_d2)
    centric = np.asarray(spacegroup.operations().centric_flag_array(hkl), dtype=bool)
    e2, sigma_e2 = intensity / mean_intensity, sigma / mean_intensity
    shell_signal = shells.means(inv_d2, intensity / sigma)
    strong = shell_signal[shells.assign(inv_d2)] >= _STATISTICS_SIGNAL
    quality = DataQuality(
        count=len(hkl),
        d_min=float(1.0 / np.sqrt(inv_d2.max())),
        d_max=float(1.0 / np.sqrt(inv_d2.min())),
        completeness=min(1.0, len(hkl) / len(possible)),
        low_completeness=low_completeness,
        missing_low=missing_low,
        shells=shells,
        shell_count=np.bincount(shells.assign(inv_d2), minlength=len(shells)),
        shell_completeness=completeness(inv_d2, possible_inv_d2, shells),
        shell_signal=shell_signal,
        mean_signal=float(np.mean(intensity / sigma)),
        moment_acentric=second_moment(e2[strong & ~centric], sigma_e2[strong & ~centric]),
        moment_centric=second_moment(e2[strong & centric], sigma_e2[strong & centric]),
        l_test=l_test(intensity[strong], hkl[strong], centric[strong]),
        twin_laws=tuple(
            op.as_hkl().triplet() for op in gemmi.find_twin_laws(cell, spacegroup, _OBLIQUITY, False)
        ),
        outliers=np.flatnonzero(wilson_probability(e2, sigma_e2, centric) < OUTLIER_CHANCE),
        anisotropy=anisotropy,
        wilson=wilson,
        pseudo_translation=pseudo_translation(hkl, np.maximum(intensity, 0.0), cell, spacegroup),
        notes=(),
    )
    return replace(quality, notes=tuple(_sentences(quality)))


def wilson_probability(e2: FloatArray, sigma_e2: FloatArray, centric: BoolArray) -> FloatArray:
    """Probability that Wilson's statistics give a normalised intensity at least this large.

    Read, R. J. (1999). Acta Cryst. D55, 1759–1764. Two standard deviations are granted to the measurement.

    Parameters
    ----------
    e2, sigma_e2
        Normalised intensities and standard uncertainties, shape ``(n,)``.
    centric
        Centric flags, shape ``(n,)``.
    """
    least = np.maximum(e2 - 2.0 * sigma_e2, 0.0)
    return np.asarray(np.where(centric, erfc(np.sqrt(0.5 * least)), np.exp(-least)), dtype=np.float64)


def _low_resolution(
    hkl: NDArray[np.int32], possible: NDArray[np.int32], possible_inv_d2: FloatArray
) -> tuple[NDArray[np.int32], float]:
    """List the missing reflections beyond 8 Å, and say how complete that region is."""
    wanted = possible[possible_inv_d2 < 1.0 / LOW_RESOLUTION**2]
    if not len(wanted):
        return wanted, float("nan")
    measured = {tuple(h) for h in hkl.tolist()}
    missing = np.array([tuple(h) not in measured for h in wanted.tolist()], dtype=bool)
    return wanted[missing], float(1.0 - missing.mean())


def _sentences(q: DataQuality) -> list[str]:
    """Put into words what may hinder phasing."""
    notes = []
    if q.completeness < 0.9:
        notes.append(f"The data are {q.completeness:.0%} complete to {q.d_min:.2f} Å; 90 % or more is usual.")
    if len(q.missing_low):
        notes.append(
            f"{len(q.missing_low)} reflections beyond {LOW_RESOLUTION:g} Å are missing "
            f"(completeness {q.low_completeness:.0%} there): the molecular envelope will be less clear."
        )
    notes += _twinning_sentences(q)
    if q.anisotropy.delta_b > 10.0:
        notes.append(f"The fall-off is anisotropic: B differs by {q.anisotropy.delta_b:.1f} Å² between axes.")
    if len(q.outliers):
        some = "reflections are" if len(q.outliers) > 1 else "reflection is"
        notes.append(f"{len(q.outliers)} {some} improbably strong (p < {OUTLIER_CHANCE:g}).")
    if q.pseudo_translation is not None and q.pseudo_translation.height > _PSEUDO_TRANSLATION:
        u, v, w = q.pseudo_translation.vector_frac
        notes.append(
            f"Pseudo-translation by ({u:.3f}, {v:.3f}, {w:.3f}) is likely: Patterson peak of "
            f"{q.pseudo_translation.height:.0%} of the origin."
        )
    if q.mean_signal < 3.0:
        notes.append(f"The data are weak: <I/σ> {q.mean_signal:.1f}.")
    return notes


def _twinning_sentences(q: DataQuality) -> list[str]:
    if q.l_test.twinned is None:
        return [f"Too few reflection pairs ({q.l_test.pairs}) to say anything about twinning."]
    if not q.l_test.twinned:
        return []
    figure = f"<|L|> {q.l_test.mean_abs_l:.3f} (0.500 untwinned, 0.375 perfect twin)"
    if q.twin_laws:
        return [f"The L-test hints at twinning: {figure}; possible twin law {q.twin_laws[0]}."]
    return [
        f"Weak amplitudes look raised by earlier processing: {figure}, but no twin law fits this lattice."
    ]
