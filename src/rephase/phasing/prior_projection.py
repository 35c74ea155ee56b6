"""The density prior at work on one crystal: phases in, phases and figures of merit out."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.models.precision import fast_in_bf16
from rephase.models.prior_data import PriorData, prior_data
from rephase.models.prior_states import PriorStates, advanced, figure_of_merit, starting_states
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.mate_average import MateAverage, mate_average

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class PriorProjection:
    """A prior and the crystal it works on.

    Attributes
    ----------
    prior
        On the device of the grid, in evaluation mode.
    grid
        Tells which reflections are where; its amplitudes are not used.
    data
        Standard amplitudes.
    symmetric
        Whether phases obey the symmetry of the crystal at its origin: mates are averaged after every pass.
    bf16
        Compute inside the network in bfloat16.
    """

    prior: TrainedPrior
    grid: AmplitudeGrid
    data: PriorData
    symmetric: bool
    bf16: bool

    @property
    def amplitude(self) -> FloatArray:
        """Standard amplitudes at the rows of the expansion, shape ``(m,)``; 0 where left out."""
        return np.abs(self.grid.at_reflections(self.data.amplitude.to(torch.complex64)))

    @property
    def expected(self) -> FloatArray:
        """Standard amplitudes for |E| = 1 at the rows of the expansion, shape ``(m,)``."""
        return np.abs(self.grid.at_reflections(self.data.expected.to(torch.complex64)))

    def without(self, omitted: NDArray[np.bool_]) -> "PriorProjection":
        """Treat some rows of the expansion, shape ``(m,)``, as not measured."""
        left_out = self.grid.from_reflections(omitted.astype(np.complex128)).real > 0.5
        data = self.data
        amplitude = torch.where(left_out, 0.0, data.amplitude)
        hidden = PriorData(
            data.cell, data.d_min, data.shape, amplitude, data.expected, data.known & ~left_out, data.within
        )
        return replace(self, data=hidden)

    def start(self, phi: FloatArray, fom: FloatArray | None = None) -> PriorStates:
        """Begin from phases at the rows of the expansion.

        Parameters
        ----------
        phi
            Radians, shape ``(states, m)``.
        fom
            What ⟨cos Δφ⟩ they are thought to have, the same shape; None for phases that are no evidence.
        """
        values = self.grid.from_reflections(np.exp(1j * phi))
        weights = None if fom is None else self.grid.from_reflections(fom.astype(np.complex128)).real
        return starting_states(self.data, values.angle(), weights)

    @torch.inference_mode()
    def step(
        self,
        states: PriorStates,
        *,
        noise: Tensor | float = 0.0,
        beyond: Tensor | float = 0.0,
        generator: torch.Generator | None = None,
    ) -> PriorStates:
        """Let the states go on by one pass; see `rephase.models.prior_states.advanced`."""
        predicted = self.predict(states)
        return advanced(states, predicted, self.data, noise=noise, beyond=beyond, generator=generator)

    @torch.inference_mode()
    def predict(self, states: PriorStates) -> Tensor:
        """Coefficients of the predicted densities, complex, shape ``(states, u, v, w//2 + 1)``."""
        device = self.data.amplitude.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
            density = self.prior.network(states.maps(self.data), self.data)
        predicted = self.data.coefficients(density.float())
        return self.averaged(predicted) if self.symmetric else predicted

    def odds_of_hand(self, states: PriorStates) -> float:
        """Log-odds that the densities predicted last, on average, show L residues."""
        density = self.data.maps(states.predicted)
        return float(self.prior.network.odds_of_hand(density, self.data).mean())

    @cached_property
    def averaged(self) -> MateAverage:
        """Averages coefficients over symmetry mates."""
        return mate_average(self.grid)

    def phases(self, states: PriorStates) -> FloatArray:
        """Phases at the rows of the expansion, radians, shape ``(states, m)``."""
        return np.angle(self.grid.at_reflections(states.current))

    def fom(self, states: PriorStates) -> FloatArray:
        """Figures of merit of the last prediction, shape ``(states, m)``; 0 where left out."""
        merit = figure_of_merit(states.predicted, self.data)
        return self.grid.at_reflections(merit.to(torch.complex64)).real

    def predicted(self, states: PriorStates) -> ComplexArray:
        """Coefficients of the last prediction at the rows of the expansion, shape ``(states, m)``."""
        return self.grid.at_reflections(states.predicted)


def prior_projection(
    prior: TrainedPrior, grid: AmplitudeGrid, e: FloatArray, *, symmetric: bool = False
) -> PriorProjection:
    """Set a prior to work on a crystal.

    Parameters
    ----------
    prior
        On the device of the grid.
    grid
        The crystal in P1.
    e
        |E| √ε of the unique reflections, shape ``(n,)``: a mean square of 1 at every resolution in P1.
    symmetric
        Whether phases obey the symmetry of the crystal, at its origin; mates are then averaged.
    """
    rows = e[grid.expansion.asu_index].astype(np.complex128)
    normalised = grid.from_reflections(rows).real.contiguous()
    measured = grid.from_reflections(np.ones_like(rows)).real > 0.5
    d_min = float(1.0 / np.sqrt(np.asarray(grid.cell.calculate_1_d2_array(grid.expansion.hkl)).max()))
    cell = torch.tensor(grid.cell.parameters, dtype=torch.float32, device=normalised.device)
    data = prior_data(normalised, measured, cell, d_min * (1.0 - 1e-6), grid.shape)
    return PriorProjection(prior, grid, data, symmetric, fast_in_bf16(cell.device))
