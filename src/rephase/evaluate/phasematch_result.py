"""What `rephase phasematch` reports: the schema of its JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from rephase.evaluate.origins import Hand

SCHEMA: Literal["rephase.phasematch/1"] = "rephase.phasematch/1"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ComparedSet(_Model):
    """One of the two phase sets: file, columns and space group."""

    path: str
    labels: list[str]
    spacegroup: str


class HandFigures(_Model):
    """Best origin for one hand: shift in fractions of the cell, map correlation, mean |Δφ| in degrees."""

    hand: Hand
    shift: tuple[float, float, float]
    map_correlation: float
    mean_phase_error_deg: float
    chosen: bool


class ShellRow(_Model):
    """One resolution shell; limits in 1/d² (Å⁻²), phase errors in degrees, weights 1/ε."""

    inv_d2_low: float
    inv_d2_high: float
    n: int
    fom1: float
    fom2: float
    dphi: float
    dphi_w1: float
    dphi_w2: float
    correlation_f: float
    correlation_e: float


class FomRow(_Model):
    """One bin of the figures of merit, with acos⟨cos Δφ⟩ of either set in degrees."""

    fom: float
    acos_fom: float
    n1: int
    dphi1: float
    n2: int
    dphi2: float


class Overall(_Model):
    """All common reflections; Qfom is Σ w m cos Δφ / Σ w m², one where the FOMs are right."""

    n: int
    fom1: float
    fom2: float
    dphi: float
    dphi_w1: float
    dphi_w2: float
    correlation_f: float
    correlation_e: float
    qfom1: float
    qfom2: float


class MovedFile(_Model):
    """The file with the second set moved onto the first, and the columns that moved."""

    path: str
    columns: list[str]


class PhaseMatch(_Model):
    """Comparison of two phase sets; `shift` and `hand` say what was done to the second set."""

    schema_version: Literal["rephase.phasematch/1"] = SCHEMA
    mode: Literal["refined", "cphasematch-compatible"]
    first: ComparedSet
    second: ComparedSet
    cell: tuple[float, float, float, float, float, float]
    d_max: float
    d_min: float
    n_common: int
    origins: str
    hand: Hand
    shift: tuple[float, float, float]
    hands: list[HandFigures]
    mean_phase_error_before_deg: float
    mean_phase_error_after_deg: float
    shells: list[ShellRow]
    fom_bins: list[FomRow]
    overall: Overall
    notes: list[str]
    moved: MovedFile | None = None
