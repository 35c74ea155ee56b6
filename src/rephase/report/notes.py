"""Plain words about the measured data: each statistic with its value and what it means."""

from dataclasses import dataclass

from rephase.report.data_record import DataQuality

_COMPLETE, _LOW_COMPLETE = 0.90, 0.95  # customary limits; missing low resolution harms envelopes most
_STRONG_DATA = 10.0
_TWIN_MOMENT = 1.75  # half way between 2.0 (untwinned) and 1.5 (perfect twin)
_TWIN_MEAN_L, _UNTWINNED_MEAN_L = 0.4375, 0.5  # half way to 0.375, Padilla & Yeates (2003), table 3
_PSEUDO_TRANSLATION = 0.20  # of the origin peak; chance peaks of proteins stay below
_ANISOTROPIC = 10.0  # Å²; smaller differences change amplitudes at 2 Å by less than a factor of two


@dataclass(frozen=True)
class Note:
    """One line of the table: a statistic, its value, what it means, and whether it deserves attention."""

    name: str
    value: str
    meaning: str
    attention: bool = False


def data_notes(quality: DataQuality) -> list[Note]:
    """Return the lines of the data quality table, for the statistics that were measured."""
    return [
        *_completeness(quality),
        *_signal(quality),
        *_moments(quality),
        *_twinning(quality),
        *_falloff(quality),
        *_pseudo_translation(quality),
        *_counts(quality),
    ]


def _completeness(quality: DataQuality) -> list[Note]:
    notes = []
    if quality.completeness is not None:
        low = quality.completeness < _COMPLETE
        meaning = "Missing reflections blur the map." if low else "Nearly everything was measured."
        notes.append(Note("Completeness", f"{100 * quality.completeness:.1f} %", meaning, low))
    if quality.completeness_low is not None:
        low = quality.completeness_low < _LOW_COMPLETE
        limit = "" if quality.low_limit_d is None else f", d > {quality.low_limit_d:g} Å"
        meaning = (
            "Strong low-resolution reflections are missing: the molecular envelope will be hard to find."
            if low
            else "The molecular envelope is well determined by the data."
        )
        notes.append(
            Note(
                f"Completeness at low resolution{limit}",
                f"{100 * quality.completeness_low:.1f} %",
                meaning,
                low,
            )
        )
    return notes


def _signal(quality: DataQuality) -> list[Note]:
    if quality.mean_i_over_sigma is None:
        return []
    weak = quality.mean_i_over_sigma < _STRONG_DATA
    meaning = "Weak data: noise limits the phases." if weak else "Strong data."
    return [Note("⟨I/σ(I)⟩", f"{quality.mean_i_over_sigma:.1f}", meaning, weak)]


def _moments(quality: DataQuality) -> list[Note]:
    notes = []
    if quality.second_moment_acentric is not None:
        twin = quality.second_moment_acentric < _TWIN_MOMENT
        meaning = (
            "Nearer to 1.5, a perfect twin, than to 2.0, a single crystal."
            if twin
            else "2.0 is expected of a single crystal, 1.5 of a perfect twin."
        )
        value = f"{quality.second_moment_acentric:.2f}"
        notes.append(Note("⟨I²⟩/⟨I⟩², acentric", value, meaning, twin))
    if quality.second_moment_centric is not None:
        value = f"{quality.second_moment_centric:.2f}"
        notes.append(Note("⟨I²⟩/⟨I⟩², centric", value, "3.0 is expected of a single crystal."))
    return notes


def _twinning(quality: DataQuality) -> list[Note]:
    notes = []
    if quality.mean_abs_l is not None:
        twin = quality.mean_abs_l < _TWIN_MEAN_L
        value = f"{quality.mean_abs_l:.3f}"
        if quality.mean_l_squared is not None:
            value += f", {quality.mean_l_squared:.3f}"
        meaning = f"{_UNTWINNED_MEAN_L}, 0.333 untwinned; 0.375, 0.200 a perfect twin."
        notes.append(Note("L-test: ⟨|L|⟩, ⟨L²⟩", value, meaning, twin))
    if quality.twinning is not None:
        notes.append(Note("Twinning", quality.twinning, "Judged from the L-test and the moments together."))
    return notes


def _falloff(quality: DataQuality) -> list[Note]:
    notes = []
    if quality.wilson_b is not None:
        meaning = "Average displacement of the atoms; taken off before phasing."
        notes.append(Note("Wilson B", f"{quality.wilson_b:.1f} Å²", meaning))
    if quality.anisotropy_delta_b is not None:
        strong = quality.anisotropy_delta_b > _ANISOTROPIC
        meaning = (
            "The crystal diffracts much better in one direction; corrected before phasing."
            if strong
            else "The crystal diffracts about equally well in all directions."
        )
        notes.append(Note("Anisotropy ΔB", f"{quality.anisotropy_delta_b:.1f} Å²", meaning, strong))
    return notes


def _pseudo_translation(quality: DataQuality) -> list[Note]:
    if quality.pseudo_translation is None:
        return []
    strong = quality.pseudo_translation.height > _PSEUDO_TRANSLATION
    vector = ", ".join(f"{x:.3f}" for x in quality.pseudo_translation.vector_frac)
    meaning = (
        f"Molecules are related by a translation near ({vector}): intensities are modulated."
        if strong
        else "No translation relates the molecules: the highest Patterson peak off the origin is low."
    )
    value = f"{100 * quality.pseudo_translation.height:.0f} % of the origin"
    return [Note("Pseudo-translation", value, meaning, strong)]


def _counts(quality: DataQuality) -> list[Note]:
    notes = []
    if quality.n_outliers is not None:
        meaning = (
            "Improbably strong (p < 10⁻⁶), but kept."
            if quality.n_outliers
            else "No improbably strong reflection."
        )
        notes.append(Note("Outliers", str(quality.n_outliers), meaning))
    if quality.n_absences_violated is not None:
        some = quality.n_absences_violated > 0
        meaning = (
            "Reflections that the space group forbids were measured: is the space group right?"
            if some
            else "No reflection that the space group forbids has intensity."
        )
        notes.append(Note("Systematic absences violated", str(quality.n_absences_violated), meaning, some))
    return notes
