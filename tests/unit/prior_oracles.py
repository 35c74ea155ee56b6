"""Density priors for tests: one that knows the answer, and one that has learnt nothing."""

import numpy as np
import torch
from phasing_crystals import Truth
from torch import Tensor, nn

from rephase.crystal.wilson import mean_intensity_curve
from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import PriorData
from rephase.models.trained_prior import PriorRange, PriorRecord, TrainedPrior
from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.prior_projection import PriorProjection, prior_projection

SMALL = DensityPriorConfig(width=8, blocks=1, maps=1)
RECORD = PriorRecord(network=SMALL, trained=PriorRange(d_min=(1.2, 2.6), solvent=(0.3, 0.9)), examples=0)


class Oracle(nn.Module):
    """Predicts one density, whatever it is shown; without `amplitude` it guesses those it is not told."""

    def __init__(self, phases: Tensor, share: float, amplitude: Tensor | None) -> None:
        super().__init__()
        self.phases, self.share, self.amplitude = phases, share, amplitude
        torch.manual_seed(0)
        self.other = DensityPrior(SMALL)

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        """Return densities of shape ``(batch, u, v, w)``."""
        guessed = data.expected * data.within if self.amplitude is None else self.amplitude
        amplitude = torch.where(data.known, data.amplitude, guessed)
        return self.share * data.maps(torch.polar(amplitude, self.phases)).expand(len(maps), *data.shape)

    def odds_of_hand(self, density: Tensor, data: PriorData) -> Tensor:
        """Ask a judge that has learnt nothing, but tells a map from its inverse."""
        return self.other.odds_of_hand(density, data)


def projection_of(
    crystal: Truth, grid: AmplitudeGrid, prior: TrainedPrior, symmetric: bool = False
) -> PriorProjection:
    """Set a prior to work on a crystal."""
    inv_d2 = np.asarray(crystal.setting.cell.calculate_1_d2_array(crystal.hkl))
    e = np.abs(crystal.F) / np.sqrt(mean_intensity_curve(np.abs(crystal.F) ** 2, inv_d2))
    return prior_projection(prior, grid, e, symmetric=symmetric)


def oracle(
    grid: AmplitudeGrid, phi: np.ndarray, share: float = 0.9, amplitude: Tensor | None = None
) -> TrainedPrior:
    """Make a prior that knows the phases at the rows of the expansion, radians, shape ``(m,)``."""
    phases = grid.from_reflections(np.exp(1j * phi)).angle()
    return TrainedPrior(Oracle(phases, share, amplitude), RECORD)


def knowing(crystal: Truth, grid: AmplitudeGrid, phi: np.ndarray, share: float = 0.9) -> PriorProjection:
    """Set a prior to work that knows the phases, radians, shape ``(m,)``, and all amplitudes."""
    amplitude = projection_of(crystal, grid, untrained()).data.amplitude
    return projection_of(crystal, grid, oracle(grid, phi, share, amplitude))


def untrained() -> TrainedPrior:
    """Make a prior with random weights."""
    torch.manual_seed(1)
    network = DensityPrior(SMALL)
    nn.init.normal_(network.decoding.weight, std=0.3)
    return TrainedPrior(network.eval(), RECORD)
