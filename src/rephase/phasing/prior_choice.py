"""Which density prior is used: the one that is named, the one that comes with the program, or none."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rephase.crystal.primitive import primitive_setting
from rephase.models.trained import released_names, weights_path
from rephase.models.trained_prior import TrainedPrior, load_prior, outside_prior_range, released_priors
from rephase.phasing.prepare import PreparedData

NO_PRIOR = "none"
"""Word that forbids priors."""

PEPTIDE, PROTEIN = "peptide", "protein"
"""Names of the released priors: one has seen peptides in P1 from random phases, one whole proteins."""

MOST_OF_PEPTIDES = 60.0
"""Residues in the primitive cell up to which `PEPTIDE` searches in crystals with symmetry."""

MOST_IN_P1 = 200.0
"""The same in P1."""

_RESIDUE_VOLUME = 135.0  # Å³ of an average residue, 110 Da × 1.23 Å³/Da


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


def prior_of_search(prepared: PreparedData) -> str:
    """Return the name of the released prior that suits a search from random phases.

    `PEPTIDE` where the primitive cell holds few residues, in P1 also where it may hold some more (without a
    sequence a loose cell seems to hold more than it does); else `PROTEIN`.
    """
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    residues = setting.cell.volume * (1.0 - prepared.solvent_fraction) / _RESIDUE_VOLUME
    in_p1 = len(setting.operations.sym_ops) == 1
    return PEPTIDE if residues <= (MOST_IN_P1 if in_p1 else MOST_OF_PEPTIDES) else PROTEIN


def choose_prior(
    prior: str | None, d_min: float, device: torch.device, default: str = PROTEIN
) -> ChosenPrior | None:
    """Choose the density prior.

    Parameters
    ----------
    prior
        Name of a released prior or path of a file; `NO_PRIOR`; None for the `default`, if it comes with this
        version.
    d_min
        High-resolution limit of the data, Å.
    device
        Where it goes.
    default
        Name of a released prior.

    Raises
    ------
    UserError
        When there is no such prior, or its file is of no use.
    """
    if prior == NO_PRIOR or (prior is None and default not in released_names(released_priors())):
        return None
    wanted = default if prior is None else prior
    trained = load_prior(wanted, device)
    outside = tuple(outside_prior_range(trained.record, d_min))
    return ChosenPrior(weights_path(wanted, released_priors()), trained, outside)
