"""Settings of the training of a density prior."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rephase.data.crystals.recipes import GroupName
from rephase.data.stream.stream_config import BValues, Measurement, Positives
from rephase.io.config import Config
from rephase.models.config import DensityPriorConfig
from rephase.train.run_config import Checkpoints, Machine, RunConfig


def _ascending(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("two numbers, the smaller first")
    return limits


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_ascending)]
Count = Annotated[int, Field(ge=1, le=1000)]
Counts = Annotated[tuple[Count, Count], AfterValidator(_ascending)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Reach = Annotated[float, Field(ge=-1.0, le=2.0)]
Reaches = Annotated[tuple[Reach, Reach], AfterValidator(_ascending)]


class PriorMeasurement(Config):
    """How crystals are measured.

    Attributes
    ----------
    noisy
        Part of the crystals of fragments and pieces whose data have errors and gaps; those of proteins have
        them always.
    of_fragments, of_proteins
        These errors and gaps. Gaps are not only those of an experiment: in use, some reflections are always
        left out to check the others.
    unmodelled
        What scatters but is in no model, as a part of the structure factors; of noisy data alone.
    """

    noisy: Share = 0.6
    of_fragments: Measurement = Measurement(
        i_over_sigma_edge=(1.5, 8.0), completeness=(0.84, 1.0), beam_stop=(12.0, 40.0), bulk_solvent=0.5
    )
    of_proteins: Measurement = Measurement(
        i_over_sigma_edge=(1.5, 8.0), completeness=(0.82, 1.0), beam_stop=(15.0, 60.0), bulk_solvent=0.95
    )
    unmodelled: Shares = (0.0, 0.3)


class PriorCrystals(Config):
    """Which crystals are drawn.

    Attributes
    ----------
    d_min
        Range of the resolution limit, Å. That of a large protein is drawn from as far as `most_points` lets.
    most_points
        Crystals with larger grids are passed over.
    proteins, pieces
        Parts of the crystals that are whole proteins as they were deposited, and runs of their residues in
        cells of their own; the others are fragments of the set.
    residues_of_piece
        Range of their lengths.
    whole
        Part of the fragments that are taken whole; of the others a run of two residues or more is cut out.
    tight, loose, symmetric
        How often a fragment is packed as tightly as the contacts allow, with more solvent, or in one of the
        `spacegroups`. A piece is never packed with symmetry.
    solvent
        Range of the least solvent content of a loose crystal.
    spacegroups
        Of the symmetric ones.
    b_iso
        Range of the mean B of a fragment, Å².
    b_spread
        Range of the standard deviation of ln B.
    equal_b
        Part of the fragments whose atoms have all the same B.
    measurement
        Errors and gaps of the data.
    """

    d_min: Positives = (1.4, 2.6)
    most_points: int = Field(default=110_000, ge=512)
    proteins: Share = 0.15
    pieces: Share = 0.15
    residues_of_piece: Counts = (15, 60)
    whole: Share = 0.65
    tight: Weight = 0.55
    loose: Weight = 0.3
    symmetric: Weight = 0.15
    solvent: Shares = (0.65, 0.93)
    spacegroups: tuple[GroupName, ...] = Field(
        default=("P 1 21 1", "P 21 21 21", "C 1 2 1", "P 31 2 1", "P 41 21 2"), min_length=1
    )
    b_iso: BValues = (8.0, 35.0)
    b_spread: Shares = (0.0, 0.6)
    equal_b: Share = 0.3
    measurement: PriorMeasurement = PriorMeasurement()

    @model_validator(mode="after")
    def _parts_of_one(self) -> "PriorCrystals":
        if self.proteins + self.pieces > 1.0:
            raise ValueError("proteins and pieces: parts that add up to at most 1")
        if self.tight + self.loose <= 0.0:
            raise ValueError("tight and loose: one of them above 0")
        return self

    @property
    def need_structures(self) -> bool:
        """Whether whole proteins have to be there."""
        return self.proteins + self.pieces > 0.0


class PriorStarts(Config):
    """How phases begin, and how long they are followed.

    Attributes
    ----------
    random
        How often a crystal with a free origin begins from random phases: at first, and later.
    rise
        Between which parts of the run it changes from one to the other.
    hand
        Hand that random starts are to find: ``given``, that of the crystal; or ``either``, the one that a
        prediction is nearer to. Random phases know no hand: asked for one, a prior first predicts the mean of
        both, where phasing may stop.
    erroneous, noisy, partial_model
        How often it begins from true phases with Gaussian errors, from true ones after noise was added to the
        coefficients, and from those of a part of its model.
    symmetric
        The same three for crystals with symmetry. Those have no random starts: which of the origins that the
        symmetry allows a prediction takes could not be told.
    unknown
        Part of the starts whose figures of merit are kept back, so that they are a place to begin, and no
        evidence.
    points
        So many points of grids together are the states of a crystal: small crystals have several.
    most_states
        No crystal has more.
    passes
        How often phases are given to the prior, drawn evenly from this range.
    passes_from_random
        The same for random starts, which take longer.
    most_passes_with_symmetry, most_passes_of_large
        Crystals with symmetry, and those with grids of more than `large` points, are not followed for longer.
    large
        Points.
    noise, beyond
        Part of the states whose steps are noisy, or go beyond the prediction; see
        `rephase.models.prior_states.advanced`.
    noise_up_to, beyond_between
        How noisy, and how far beyond: drawn evenly from zero, or from this range.
    """

    random: tuple[Weight, Weight] = (0.1, 0.35)
    rise: Shares = (0.2, 0.5)
    hand: Literal["given", "either"] = "given"
    erroneous: Weight = 0.3
    noisy: Weight = 0.2
    partial_model: Weight = 0.2
    symmetric: tuple[Weight, Weight, Weight] = (0.4, 0.2, 0.4)
    unknown: Share = 0.4
    points: int = Field(default=18_000, ge=1)
    most_states: int = Field(default=6, ge=1, le=1024)
    passes: Counts = (1, 15)
    passes_from_random: Counts = (2, 30)
    most_passes_with_symmetry: Count = 8
    most_passes_of_large: Count = 5
    large: int = Field(default=40_000, ge=1)
    noise: Share = 0.5
    noise_up_to: Share = 1.0
    beyond: Share = 0.5
    beyond_between: Reaches = (-0.3, 0.7)

    @model_validator(mode="after")
    def _something_to_begin_with(self) -> "PriorStarts":
        sometimes = self.erroneous + self.noisy + self.partial_model
        if sometimes + min(self.random) <= 0.0 or sum(self.symmetric) <= 0.0:
            raise ValueError("random, erroneous, noisy, partial_model and symmetric: not all of them 0")
        return self

    def random_at(self, part: float) -> float:
        """Return how often a start is random when this part of the run is over, 0–1."""
        (first, last), (low, high) = self.random, self.rise
        risen = float(part >= high) if high == low else min(max((part - low) / (high - low), 0.0), 1.0)
        return first + (last - first) * risen


class PriorValidation(Config):
    """What a prior is judged by while it is trained: the same crystals and starts throughout the run.

    Attributes
    ----------
    crystals
        How many, of the split ``val``. 0 switches the validation off.
    every
        Steps between two.
    passes
        How often the prior is given its own phases.
    most_points
        Crystals with larger grids are passed over.
    """

    crystals: int = Field(default=32, ge=0, le=100_000)
    every: int = Field(default=1000, ge=1)
    passes: int = Field(default=9, ge=1, le=1000)
    most_points: int = Field(default=60_000, ge=512)


class PriorTrainConfig(RunConfig):
    """The training of a density prior.

    Attributes
    ----------
    kind
        Tells these settings from those of other networks.
    seed
        Of the weights at the start, and of every draw: a run that goes on with the weights of another needs
        another seed, or it sees the same crystals again.
    set
        Directory of the set of fragments.
    structures
        Folder of whole entries with ``manifest.tsv``, a table with the columns id, file and split. Needed
        where `crystals` has proteins or pieces.
    model
        The network.
    start
        Prior whose weights are those of the start: a released name, or a file. None: random ones.
    crystals, starts
        What is drawn.
    judge
        Weight of the loss of the judge of the hand, which sees the same crystals; 0 leaves it as it is.
    pool
        Crystals that are at hand, each with its states; the next step goes on with the next few.
    crystals_per_step
        How many; their gradients are averaged before the weights move. They are shared among the processes,
        and divide the pool. The result is the same for any number of processes that divides them.
    steps
        Length of the run.
    validation
        What the prior is judged by.
    """

    kind: Literal["density-prior"]
    set: Path
    structures: Path | None = None
    model: DensityPriorConfig = DensityPriorConfig()
    start: str | None = None
    crystals: PriorCrystals = PriorCrystals()
    starts: PriorStarts = PriorStarts()
    judge: Weight = 1.0
    pool: int = Field(default=32, ge=1, le=65536)
    crystals_per_step: int = Field(default=1, ge=1, le=4096)
    steps: int = Field(default=20_000, ge=1)
    validation: PriorValidation = PriorValidation()
    checkpoints: Checkpoints = Checkpoints(every=1000)
    machine: Machine = Machine()

    @model_validator(mode="after")
    def _pool_is_walked_through_evenly(self) -> "PriorTrainConfig":
        if self.pool % self.crystals_per_step:
            raise ValueError("pool: a multiple of crystals_per_step")
        return self

    @model_validator(mode="after")
    def _structures_are_there(self) -> "PriorTrainConfig":
        if self.crystals.need_structures and self.structures is None:
            raise ValueError(
                "structures: a folder of whole entries, or crystals.proteins and crystals.pieces of 0"
            )
        return self

    @model_validator(mode="after")
    def _grids_differ(self) -> "PriorTrainConfig":
        if self.machine.compile or self.machine.channels_last:
            raise ValueError("machine.compile and machine.channels_last: a density prior has neither")
        return self
