"""Settings of a training run."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from rephase.data.fragments import Split
from rephase.data.stream.map_batches import MapOptions
from rephase.data.stream.stream_config import StreamConfig
from rephase.io.config import Config
from rephase.models.config import ModelConfig
from rephase.models.losses import LossConfig
from rephase.train.run_config import RunConfig


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


class TrainConfig(RunConfig):
    """The training of a network from Patterson maps to densities; its examples have ``stream.seed``.

    Attributes
    ----------
    set
        Directory of the set of fragments.
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
    epochs
        Length of the run, which an exponential schedule counts.
    epoch_examples
        Examples of an epoch; None: the fragments of the set in the split.
    batches_per_step
        Batches whose gradients are averaged before the weights move, shared among the processes. The result
        is the same for any number of processes that divides it.
    validation
        What the network is judged by.
    """

    set: Path
    model: ModelConfig
    start: str | None = None
    stream: StreamConfig = StreamConfig()
    maps: MapOptions = MapOptions()
    loss: LossConfig = LossConfig()
    passes: Passes = (0, 0)
    epochs: float = Field(default=10.0, gt=0.0, le=1e6)
    epoch_examples: int | None = Field(default=None, ge=1)
    batches_per_step: int = Field(default=1, ge=1, le=4096)
    validation: Validation = Validation()

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
