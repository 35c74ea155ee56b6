"""Schedules of the learning rate: functions of the step alone, which have no state to be saved."""

import math
from typing import Annotated, Literal

from pydantic import Field

from rephase.io.config import Config

Factor = Annotated[float, Field(gt=0.0, le=1.0)]


class ConstantRate(Config):
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"

    def factor(self, step: int, steps: int, epoch: float) -> float:
        """Return 1; the parameters are those of `Schedule`."""
        return 1.0


class ExponentialDecay(Config):
    """A rate that falls by a factor after every epoch, by another one after the first epochs.

    The two networks of the Patterson U-Net (2023) have 0.86 for 12 epochs, then 0.9991, and 0.91 for 18
    epochs, then 0.9989.

    Attributes
    ----------
    first, first_epochs
        Factor of each of the first epochs, and their number.
    then
        Factor of each later epoch.
    """

    kind: Literal["exponential"] = "exponential"
    first: Factor = 0.91
    first_epochs: int = Field(default=18, ge=0)
    then: Factor = 0.9989

    def factor(self, step: int, steps: int, epoch: float) -> float:
        """Return the product over the epochs completed; the parameters are those of `Schedule`."""
        completed = math.floor(epoch)
        early = min(completed, self.first_epochs)
        return float(self.first**early * self.then ** (completed - early))


class OneCycle(Config):
    """A rate that rises to its peak and falls again, both along half a cosine (Smith & Topin 2018).

    Attributes
    ----------
    start, end
        Rates of the first and the last step, as parts of the peak; RecCrysFormer (2025) starts at 0.36.
    rise
        Part of the steps that lie before the peak.
    """

    kind: Literal["one-cycle"] = "one-cycle"
    start: Factor = 0.04
    end: Factor = 4e-6
    rise: float = Field(default=0.3, ge=0.0, lt=1.0)

    def factor(self, step: int, steps: int, epoch: float) -> float:
        """Return the rate as a part of the peak; the parameters are those of `Schedule`."""
        last = max(steps - 1, 1)
        peak = max(self.rise * steps - 1.0, 0.0)
        if step < peak:
            return _half_cosine(self.start, 1.0, step / peak)
        return _half_cosine(1.0, self.end, min((step - peak) / max(last - peak, 1.0), 1.0))


Schedule = Annotated[ConstantRate | ExponentialDecay | OneCycle, Field(discriminator="kind")]
"""Its ``factor(step, steps, epoch)`` is multiplied with the learning rate of the optimiser: steps done, steps
of the whole run, epochs done."""


def _half_cosine(first: float, last: float, part: float) -> float:
    return last + (first - last) * (1.0 + math.cos(math.pi * part)) / 2.0
