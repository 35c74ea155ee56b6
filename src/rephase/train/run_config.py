"""What the settings of all training runs have."""

from typing import Literal, Self

from pydantic import Field

from rephase.io.config import Config
from rephase.train.optimisers import OptimiserConfig
from rephase.train.schedules import OneCycle, Schedule
from rephase.train.tracking import Tracking


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


class RunConfig(Config):
    """What a training run of any network has.

    Attributes
    ----------
    seed
        Of the weights at the start.
    optimiser, schedule
        How the weights move.
    clip
        Largest norm of the gradient; None does not clip.
    average
        Decay of the moving average of the weights, which is then judged and kept; None for no average.
    skip
        Steps in a row that may be passed over because their loss or gradient is not finite.
    checkpoints, tracking, machine
        What else happens, and where.
    """

    seed: int = Field(default=0, ge=0)
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: Schedule = OneCycle()
    clip: float | None = Field(default=1.0, gt=0.0)
    average: float | None = Field(default=None, ge=0.0, lt=1.0)
    skip: int = Field(default=10, ge=0)
    checkpoints: Checkpoints = Checkpoints()
    tracking: Tracking = Tracking()
    machine: Machine = Machine()

    def differences(self, other: Self) -> list[str]:
        """Name the settings in which two runs differ, but for those that leave their results alone."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return [name for name in mine if name not in _FREE and mine[name] != theirs[name]]
