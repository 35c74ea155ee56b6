"""Settings of a training run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rephase.data.fragments import Split
from rephase.data.stream.map_batches import MapOptions
from rephase.data.stream.stream_config import StreamConfig
from rephase.io.config import Config
from rephase.models.config import ModelConfig
from rephase.models.losses import LossConfig
from rephase.train.optimisers import OptimiserConfig
from rephase.train.schedules import OneCycle, Schedule
from rephase.train.tracking import Tracking


def _ascending(limits: tuple[int, int]) -> tuple[int, int]:
    if limits[0] > limits[1]:
        raise ValueError("two numbers, the smaller first")
    return limits


Passes = Annotated[
    tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]], AfterValidator(_ascending)
]


class Validation(Config):
    """What a network is judged by while it is trained.

    Attributes
    ----------
    set
        Set to take examples from, with its stored crystals if it has them; None: the set of the training.
    split
        Part of it.
    examples
        How many; the same throughout the run. 0 switches the validation off.
    every
        Steps between two.
    """

    set: Path | None = None
    split: Split = "val"
    examples: int = Field(default=256, ge=0)
    every: int = Field(default=500, ge=1)


class Checkpoints(Config):
    """When a run saves what it needs to go on.

    Attributes
    ----------
    every
        Steps between two.
    keep
        How many stay.
    """

    every: int = Field(default=500, ge=1)
    keep: int = Field(default=2, ge=1)


class Machine(Config):
    """How a run uses its machine.

    Attributes
    ----------
    device
        ``auto`` is CUDA where it is there.
    workers
        Processes that draw crystals ahead, for each process of the run.
    bf16
        Compute inside the network in bfloat16. None: on CUDA alone. It pays on CPUs with AMX too, and slows
        others down.
    channels_last
        Lay the channels of the network innermost.
    compile
        Compile the network with ``torch.compile``, on CUDA alone.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = Field(default=0, ge=0, le=256)
    bf16: bool | None = None
    channels_last: bool = False
    compile: bool = False


_FREE = ("machine", "tracking", "checkpoints")


class TrainConfig(Config):
    """A training run.

    Attributes
    ----------
    set
        Directory of the set of fragments.
    seed
        Of the weights at the start; the examples have ``stream.seed``.
    model
        The network.
    start
        Network whose weights are those of the start: a released name, or a file. None: random ones.
    stream
        The examples: crystals, resolution, grid, errors; `stream.batch_size` of them share a batch.
    maps
        What the network is given, and the density it learns.
    loss
        What is minimised.
    passes
        How often the network is given its own density again, drawn evenly for every step.
    optimiser, schedule
        How the weights move. An exponential schedule counts epochs.
    epochs
        Length of the run.
    epoch_examples
        Examples of an epoch; None: the fragments of the set in the split.
    batches_per_step
        Batches whose gradients are averaged before the weights move, shared among the processes. The result
        is the same for any number of processes that divides it.
    clip
        Largest norm of the gradient; None does not clip.
    average
        Decay of the moving average of the weights, which is then judged and kept; None for no average.
    skip
        Steps in a row that may be passed over because their loss or gradient is not finite.
    validation, checkpoints, tracking, machine
        What else happens, and where.
    """

    set: Path
    seed: int = Field(default=0, ge=0)
    model: ModelConfig
    start: str | None = None
    stream: StreamConfig = StreamConfig()
    maps: MapOptions = MapOptions()
    loss: LossConfig = LossConfig()
    passes: Passes = (0, 0)
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: Schedule = OneCycle()
    epochs: float = Field(default=10.0, gt=0.0, le=1e6)
    epoch_examples: int | None = Field(default=None, ge=1)
    batches_per_step: int = Field(default=1, ge=1, le=4096)
    clip: float | None = Field(default=1.0, gt=0.0)
    average: float | None = Field(default=None, ge=0.0, lt=1.0)
    skip: int = Field(default=10, ge=0)
    validation: Validation = Validation()
    checkpoints: Checkpoints = Checkpoints()
    tracking: Tracking = Tracking()
    machine: Machine = Machine()

    @model_validator(mode="after")
    def _stream_is_for_training(self) -> "TrainConfig":
        if self.stream.split == "test":
            raise ValueError("stream.split: test entries are never trained on")
        return self

    @model_validator(mode="after")
    def _network_takes_passes(self) -> "TrainConfig":
        if self.passes[1] > 0 and not self.model.recycling:
            raise ValueError("passes: above 0 they go with model.recycling: true")
        return self

    @model_validator(mode="after")
    def _hand_can_be_told(self) -> "TrainConfig":
        judged = self.model.kind == "unet-fast" and self.model.hand
        if self.loss.hand == "either" and not judged:
            raise ValueError("loss.hand: either goes with model.hand: true, or the right hand is never known")
        if (self.loss.judge > 0.0) != judged:
            raise ValueError("loss.judge: above 0 with model.hand: true, and only there")
        return self

    @model_validator(mode="after")
    def _judge_alone_leaves_the_network(self) -> "TrainConfig":
        if not self.loss.of_density and self.optimiser.weight_decay > 0.0:
            raise ValueError(
                "optimiser.weight_decay: 0 with loss.judge alone, or the network decays untrained"
            )
        return self

    @model_validator(mode="after")
    def _amplitudes_can_be_read_from_the_map(self) -> "TrainConfig":
        if self.model.kind == "unet-fast" and self.maps.patterson != "published":
            raise ValueError("maps.patterson: unet-fast reads the amplitudes from a published Patterson map")
        return self

    def differences(self, other: "TrainConfig") -> list[str]:
        """Name the settings in which two runs differ, but for those that leave their results alone."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return [name for name in mine if name not in _FREE and mine[name] != theirs[name]]
