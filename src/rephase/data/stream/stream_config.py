"""Settings of a stream of training examples: what is drawn for every example, and how batches are formed."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from rephase.data.crystals.crystal_model import B_ISO
from rephase.data.crystals.recipes import CrystalRecipe
from rephase.data.fragments import Split
from rephase.io.config import Config

Pair = TypeVar("Pair", bound=tuple[float, float])


def _ascending(limits: Pair) -> Pair:
    if limits[0] > limits[1]:
        raise ValueError("two numbers, the smaller first")
    return limits


Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=0.0, le=180.0)]
Positives = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
BValues = Annotated[
    tuple[Annotated[float, Field(ge=0.0, le=1000.0)], Annotated[float, Field(ge=0.0, le=1000.0)]],
    AfterValidator(_ascending),
]
Rate = Annotated[float, Field(ge=2.0, le=20.0)]
Rates = Annotated[tuple[Rate, Rate], AfterValidator(_ascending)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Fractions = Annotated[tuple[Fraction, Fraction], AfterValidator(_ascending)]
Angles = Annotated[tuple[Degrees, Degrees], AfterValidator(_ascending)]


class RateGrid(Config):
    """A grid of so many points per d_min.

    Attributes
    ----------
    rate
        Drawn evenly from this range; 2 is the Nyquist rate, the coarsest grid that holds all reflections. The
        variable set of RecCrysFormer (2025) has 2.305 to 2.745.
    """

    kind: Literal["rate"] = "rate"
    rate: Rates = (2.0, 2.0)


class SpacingGrid(Config):
    """A grid whose points are at most so far apart, whatever the resolution.

    Attributes
    ----------
    spacing
        Å. Both papers have 0.5.
    """

    kind: Literal["spacing"] = "spacing"
    spacing: Positive = 0.5


class Measurement(Config):
    """What an experiment does to the structure factors, each drawn evenly from its range for every crystal.

    Attributes
    ----------
    i_over_sigma_edge
        ⟨I⟩/σ(I) of the outermost reflections; None for data without errors.
    completeness
        Part of the reflections that is measured, the others missing at random.
    beam_stop
        Å; reflections with larger spacings are missing. None for no beam stop.
    blind_cone
        Half opening angle, in degrees, of the double cone about the rotation axis that is missing.
    rotation_range
        Degrees of a scan about one axis; below 180 a wedge is missing.
    bulk_solvent
        Chance that the cell outside the molecules is filled with flat solvent.
    """

    i_over_sigma_edge: Positives | None = None
    completeness: Fractions = (1.0, 1.0)
    beam_stop: Positives | None = None
    blind_cone: Angles = (0.0, 0.0)
    rotation_range: Angles = (180.0, 180.0)
    bulk_solvent: float = Field(default=0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _something_is_measured(self) -> "Measurement":
        if self.blind_cone[1] >= 90.0 or self.rotation_range[0] <= 0.0:
            raise ValueError("a blind cone below 90° and a rotation range above 0° leave reflections")
        return self


class SubwindowRules(Config):
    """Shorter fragments cut out of those of the set, another one in every epoch.

    Attributes
    ----------
    length
        Residues, drawn evenly from this range.
    alanine
        Cut every residue at Cβ, as in the sets 1a and 1b of the Patterson U-Net (2023); runs with glycine are
        passed over.
    """

    length: tuple[int, int]
    alanine: bool = False

    @model_validator(mode="after")
    def _length_is_a_range(self) -> "SubwindowRules":
        if not 1 <= self.length[0] <= self.length[1]:
            raise ValueError("length: two numbers above zero, the smaller first")
        return self


class StreamConfig(Config):
    """A stream of batches of crystals.

    Attributes
    ----------
    split
        Part of the set.
    seed
        The same seed gives the same stream, on any number of processes.
    batch_size
        Crystals of one batch.
    lanes
        Independent parts of the stream, each with its own shards, taken in turn; a power of two divides well
        among processes. None: the largest power of two up to 8 for which every lane has fragments.
    reservoir
        Number of batches that the crystals at hand in each lane would make, to form batches of like grids.
        With 64 batches of 32 fragments of 15 residues, common grids have 1/20 more voxels than needed, and
        the crystals of a lane take 10 MB.
    subwindow
        Shorter fragments to cut out; None for those of the set as they are.
    crystal
        How crystals are drawn, anew in every epoch; None for the crystals stored with the set.
    d_min
        Range of the resolution limit in Å; None for the limits stored with the set.
    grid
        The sampling of the maps.
    b_iso
        Range of the mean B in Å².
    b_spread
        Standard deviation of ln B within a crystal.
    measurement
        Errors and gaps of the data.
    """

    split: Split = "train"
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1, le=65536)
    lanes: int | None = Field(default=None, ge=1, le=4096)
    reservoir: int = Field(default=64, ge=1, le=4096)
    subwindow: SubwindowRules | None = None
    crystal: CrystalRecipe | None = CrystalRecipe()
    d_min: Positives | None = (1.5, 1.5)
    grid: RateGrid | SpacingGrid = Field(default=RateGrid(), discriminator="kind")
    b_iso: BValues = (B_ISO, B_ISO)
    b_spread: float = Field(default=0.0, ge=0.0, le=1.0)
    measurement: Measurement = Measurement()

    @model_validator(mode="after")
    def _stored_crystals_hold_whole_fragments(self) -> "StreamConfig":
        if self.subwindow is not None and self.crystal is None:
            raise ValueError("a subwindow needs a recipe in crystal: stored crystals hold whole fragments")
        return self

    @model_validator(mode="after")
    def _grid_holds_the_reflections(self) -> "StreamConfig":
        if not isinstance(self.grid, SpacingGrid) or self.d_min is None:
            return self
        if self.d_min[0] < 2.0 * self.grid.spacing:
            limit = 2.0 * self.grid.spacing
            raise ValueError(f"a spacing of {self.grid.spacing} Å goes with d_min of at least {limit} Å")
        return self
