"""How good a prior is on crystals that it is not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.models.prior_states import PriorStates, advanced, starting_states
from rephase.train.prior.crystal_source import CrystalSource
from rephase.train.prior.phase_errors import phases_with_errors, spread_of
from rephase.train.prior.prior_trainer import prediction
from rephase.train.prior.truth import cosine_of, loss_of
from rephase.train.ranks import Ranks
from rephase.train.run_config import Machine

LEVELS = {"hard": 0.34, "easy": 0.7}
"""Mean cos Δφ of the two starts of every crystal: phase errors of 66° and 40° on average."""


@dataclass(frozen=True, eq=False)
class PriorTest:
    """One start of one crystal.

    Attributes
    ----------
    level
        One of `LEVELS`.
    data, truth, start
        The crystal, its true coefficients, ``(1, u, v, w//2 + 1)``, and one state.
    """

    level: str
    data: PriorData
    truth: torch.Tensor
    start: PriorStates


@dataclass(frozen=True)
class PriorFigures:
    """How far a prior gets from one start.

    Attributes
    ----------
    level
        One of `LEVELS`.
    loss, first
        Loss and mean cos Δφ of the first prediction.
    last
        Mean cos Δφ of the last.
    """

    level: str
    loss: float
    first: float
    last: float


def prior_tests(source: CrystalSource, count: int, ranks: Ranks) -> list[PriorTest]:
    """Draw this process's share of the crystals of a validation; the crystals are the same in every run.

    Raises
    ------
    UserError
        When a crystal cannot be drawn.
    """
    tests = []
    for number in range(ranks.rank, count, ranks.count):
        crystal, generator = source.crystal(number), torch.Generator().manual_seed(number)
        for level, cosine in LEVELS.items():
            phi = phases_with_errors(crystal, spread_of(cosine), generator)
            start = starting_states(crystal.data, phi[None])
            tests.append(PriorTest(level, crystal.data, crystal.truth[None], start))
    return tests


@torch.no_grad()
def judge_prior(
    network: DensityPrior, tests: Sequence[PriorTest], passes: int, machine: Machine, ranks: Ranks
) -> dict[str, float]:
    """Let a prior improve the phases of all tests, shared among the processes.

    Parameters
    ----------
    network
        In evaluation mode when this returns.
    tests
        Of this process.
    passes
        How often it is given its own phases.
    machine
        Precision.
    ranks
        The processes.

    Returns
    -------
    Means of all figures at each level, by names such as ``val/hard_last``, and ``val/score``, the mean cos Δφ
    over levels, first and last predictions; the same in every process.
    """
    network.eval()
    shares = ranks.gather([_figures(network, test, passes, machine) for test in tests])
    figures = [one for share in shares for one in share]
    means: dict[str, float] = {}
    for level in LEVELS:
        own = [one for one in figures if one.level == level]
        means[f"val/{level}_loss"] = fmean(one.loss for one in own)
        means[f"val/{level}_first"] = fmean(one.first for one in own)
        means[f"val/{level}_last"] = fmean(one.last for one in own)
    cosines = [value for name, value in means.items() if not name.endswith("_loss")]
    return means | {"val/score": fmean(cosines)}


def _figures(network: DensityPrior, test: PriorTest, passes: int, machine: Machine) -> PriorFigures:
    device = next(network.parameters()).device
    data, truth = test.data.to(device), test.truth.to(device)
    start = test.start
    states = PriorStates(*(one.to(device) for one in (start.current, start.predicted, start.given)))
    first = last = prediction(network, states, data, machine)
    for _ in range(passes - 1):
        states = advanced(states, last, data)
        last = prediction(network, states, data, machine)
    return PriorFigures(
        level=test.level,
        loss=float(loss_of(first, truth, data)),
        first=float(cosine_of(first, truth, data)),
        last=float(cosine_of(last, truth, data)),
    )
