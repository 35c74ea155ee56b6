"""The measured data in `results.json`, and the base of all its parts."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0.0)]
Floats = tuple[float, ...]


def _nan_is_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


_NAN_IS_NONE = BeforeValidator(_nan_is_none)
Measured = Annotated[float | None, _NAN_IS_NONE]
MeasuredFraction = Annotated[Fraction | None, _NAN_IS_NONE]
MeasuredPositive = Annotated[Positive | None, _NAN_IS_NONE]
MeasuredAngle = Annotated[Annotated[float, Field(ge=0.0, le=180.0)] | None, _NAN_IS_NONE]


class Record(BaseModel):
    """Base of every part: unknown keys, infinities and later changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InputData(Record):
    """What was phased. `cell` is a, b, c in Å and α, β, γ in degrees."""

    file: str
    columns: tuple[str, ...]
    kind: Literal["amplitudes", "intensities"]
    cell: tuple[Positive, Positive, Positive, Positive, Positive, Positive]
    spacegroup: str
    d_max: Positive
    d_min: Positive
    n_reflections: Count
    sequence_residues: Count | None = None
    free_set: str | None = None


class WilsonPlot(Record):
    """Mean intensity against resolution: `ln_i` = ln(⟨I/ε⟩ / Σf²) at `inv_d2` in Å⁻², and its fitted line."""

    inv_d2: Floats
    ln_i: Floats
    fit_inv_d2: Floats = ()
    fit_ln_i: Floats = ()

    @model_validator(mode="after")
    def _check_lengths(self) -> "WilsonPlot":
        check_equal_length("wilson", self.inv_d2, self.ln_i)
        check_equal_length("wilson fit", self.fit_inv_d2, self.fit_ln_i)
        return self


class LTest(Record):
    """Cumulative distribution N(|L|) of local intensity differences of acentric reflections.

    Padilla & Yeates, Acta Cryst. D59, 1124 (2003).
    """

    abs_l: Floats
    cumulative: Floats

    @model_validator(mode="after")
    def _check_lengths(self) -> "LTest":
        check_equal_length("l_test", self.abs_l, self.cumulative)
        return self


class PseudoTranslation(Record):
    """Highest Patterson peak far from the origin: its fractional vector, and its height over the origin's."""

    vector_frac: tuple[float, float, float]
    height: float


class DataQuality(Record):
    """Statistics of the measured data. Moments are ⟨I²⟩/⟨I⟩²: 2 acentric, 3 centric, 1.5 perfect twin."""

    completeness: MeasuredFraction = None
    completeness_low: MeasuredFraction = None
    low_limit_d: MeasuredPositive = None
    mean_i_over_sigma: Measured = None
    second_moment_acentric: Measured = None
    second_moment_centric: Measured = None
    mean_abs_l: Measured = None
    mean_l_squared: Measured = None
    twinning: str | None = None
    wilson_b: Measured = None
    anisotropy_delta_b: Measured = None
    pseudo_translation: PseudoTranslation | None = None
    n_outliers: Count | None = None
    n_absences_violated: Count | None = None
    wilson_plot: WilsonPlot | None = None
    l_test: LTest | None = None


def check_equal_length(name: str, x: tuple[float, ...], y: tuple[float, ...]) -> None:
    """Raise ValueError, which pydantic reports, when a curve has more abscissae than ordinates or fewer."""
    if len(x) != len(y):
        raise ValueError(f"{name}: {len(x)} abscissae but {len(y)} ordinates")
