"""Which density prior is used: the one that is named, the one that comes with the program, or none."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rephase.models.trained import released_names, weights_path
from rephase.models.trained_prior import TrainedPrior, load_prior, outside_prior_range, released_priors

NO_PRIOR = "none"
"""Word that forbids priors."""

DEFAULT_PRIOR = "prior"
"""Name of the released prior that is used where none is named."""


@dataclass(frozen=True, eq=False)
class ChosenPrior:
    """A density prior for a crystal.

    Attributes
    ----------
    path
        Its file.
    trained
        The prior.
    outside
        In what the data differ from those of the training, as sentences; empty if they do not.
    """

    path: Path
    trained: TrainedPrior
    outside: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of a released prior, or of its file."""
        return self.trained.record.name or self.path.name


def choose_prior(prior: str | None, d_min: float, device: torch.device) -> ChosenPrior | None:
    """Choose the density prior.

    Parameters
    ----------
    prior
        Name of a released prior or path of a file; `NO_PRIOR`; None for the released `DEFAULT_PRIOR`, if it
        comes with this version.
    d_min
        High-resolution limit of the data, Å.
    device
        Where it goes.

    Raises
    ------
    UserError
        When there is no such prior, or its file is of no use.
    """
    if prior == NO_PRIOR or (prior is None and DEFAULT_PRIOR not in released_names(released_priors())):
        return None
    wanted = DEFAULT_PRIOR if prior is None else prior
    trained = load_prior(wanted, device)
    outside = tuple(outside_prior_range(trained.record, d_min))
    return ChosenPrior(weights_path(wanted, released_priors()), trained, outside)
