"""The learning-rate finder (Smith 2017, arXiv 1506.01186): the loss while the rate grows exponentially."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rephase.errors import UserError
from rephase.io.atomic_files import write_whole
from rephase.logs import Log
from rephase.train.ranks import Ranks
from rephase.train.run import set_up
from rephase.train.train_config import TrainConfig

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 200
SMOOTHING = 0.95
"""Weight of the past in the running mean of the loss; as in fastai, whose finder made the method known."""

DIVERGED = 4.0
"""Times the first loss at which the search ends."""

PLOT, TABLE = "learning-rates.png", "learning-rates.json"


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    Attributes
    ----------
    rates, losses
        Learning rate and smoothed loss of every step.
    steepest
        Rate at which the loss falls fastest with the logarithm of the rate: a cautious choice.
    highest
        A tenth of the rate with the least loss: beyond it a run may diverge.
    suggested
        Halfway between the two on the logarithm, but at most the highest.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steepest: float
    highest: float
    suggested: float


def find_learning_rate(
    config: TrainConfig, folder: Path, log: Log, ranks: Ranks, steps: int = STEPS
) -> float:
    """Try learning rates, and write a plot and a table of the loss against them.

    Parameters
    ----------
    config
        Settings; those of schedule and rate do not matter.
    folder
        For ``learning-rates.png`` and ``.json``.
    log
        Shows what happens.
    ranks
        The processes.
    steps
        How many, from a rate of 1e-6 to 1, evenly on the logarithm.

    Returns
    -------
    The suggested rate.

    Raises
    ------
    UserError
        When the loss is not finite from the start, or a set or device is missing.
    """
    without_dev = config.validation.model_copy(update={"examples": 0})
    run = set_up(config.model_copy(update={"validation": without_dev}), ranks)
    batches = iter(run.stream)
    rates: list[float] = []
    losses: list[float] = []
    with log.progress(steps, "learning rates") as advance:
        for rate in np.geomspace(LOWEST, HIGHEST, steps).tolist():
            figures = run.trainer.take_step(batches, rate)
            if not figures.done or (losses and figures.loss > DIVERGED * abs(losses[0])):
                break
            rates.append(rate)
            losses.append(figures.loss)
            advance(1)
    found = search_of(rates, losses)
    if ranks.first:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / TABLE, json.dumps(asdict(found), indent=1).encode())
        _plot(found, folder / PLOT)
    log.say(
        f"the loss falls fastest at a rate of {found.steepest:.1e}, and a tenth of the rate with the least "
        f"loss is {found.highest:.1e}; suggested: {found.suggested:.1e}"
    )
    log.say(f"{folder / PLOT}")
    return found.suggested


def search_of(rates: Sequence[float], losses: Sequence[float]) -> RateSearch:
    """Judge the losses of a search, shape ``(steps,)`` each.

    Raises
    ------
    UserError
        When there are too few steps to see a slope.
    """
    if len(losses) < _FEWEST:
        found = f"the loss diverged or was not finite after {len(losses)} steps"
        raise UserError("a loss that falls at some learning rate", found, "look at the data and the model")
    smooth = _smoothed(losses)
    log_rates = np.log(rates)
    slope = np.gradient(smooth, log_rates)
    least = int(np.argmin(smooth))
    steepest = rates[int(np.argmin(slope[: max(least, 1) + 1]))]
    highest = max(rates[least] / 10.0, rates[0])
    suggested = min(math.sqrt(steepest * highest), highest)
    return RateSearch(tuple(rates), tuple(smooth.tolist()), steepest, highest, suggested)


_FEWEST = 10


def _smoothed(losses: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the running mean of losses, each divided by the weight that it has gathered."""
    total, weight, smooth = 0.0, 0.0, []
    for loss in losses:
        total = SMOOTHING * total + (1.0 - SMOOTHING) * loss
        weight = SMOOTHING * weight + (1.0 - SMOOTHING)
        smooth.append(total / weight)
    return np.array(smooth)


def _plot(found: RateSearch, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if found.steepest < found.highest:
        label = f"steepest fall, {found.steepest:.1e}, to a tenth of the least loss, {found.highest:.1e}"
        axes.axvspan(found.steepest, found.highest, color="#e6e8ec", label=label)
    axes.axvline(found.suggested, linestyle="--", color="#17693a", label=f"suggested, {found.suggested:.1e}")
    axes.loglog(found.rates, found.losses, color="#1f5fbf")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="learning rate", ylabel="loss, running mean", xlim=(found.rates[0], found.rates[-1]))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper left")
    figure.savefig(path, dpi=150)
