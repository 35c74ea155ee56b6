"""The density prior as an estimate of structure factors."""

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.symmetry import centric_phase
from rephase.models.prior_states import PriorStates
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.modification.unique_grid import UniqueGrid
from rephase.phasing.prior_projection import PriorProjection, prior_projection

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class PriorDensity:
    """Passes of the density prior from the starting phases, one series for each set of reflections left out.

    Every pass goes on from the prediction before; what is shown as given are the starting phases, as in the
    training.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    prior
        On the device of the grid.
    phi, fom
        Starting phases in radians and figures of merit, shape ``(n,)``; fom 0 where there is no phase: random
        ones then stand in, since equal ones would put a peak at the origin.
    """

    def __init__(self, crystal: UniqueGrid, prior: TrainedPrior, phi: FloatArray, fom: FloatArray) -> None:
        self._crystal = crystal
        e = crystal.e * np.sqrt(crystal.epsilon)
        self._projection = prior_projection(prior, crystal.grid, e, symmetric=True)
        self._start = np.where(fom > 0.0, phi, _random_phases(crystal)), fom
        self._series: dict[bytes, tuple[PriorProjection, PriorStates]] = {}

    def next_pass(self, omitted: NDArray[np.bool_]) -> ComplexArray:
        """Make the next pass of the series without the reflections `omitted`, ``(n,)``.

        Returns
        -------
        Predicted structure factors of all reflections, shape ``(n,)``.
        """
        key = omitted.tobytes()
        projection, states = self._series[key] if key in self._series else self._begin(omitted)
        states = projection.step(states)
        self._series[key] = projection, states
        predicted = projection.predicted(states)[0]
        expansion = self._crystal.grid.expansion
        own = expansion.phases_to_asu(np.angle(predicted))
        return self._crystal.average(np.abs(predicted) * np.exp(1j * own))

    def figure_of_merit(self, F: ComplexArray) -> FloatArray:
        """|F| over the amplitude that the prior was shown, at most 1, shape ``(n,)``."""
        amplitude = np.zeros(len(self._crystal))
        amplitude[self._crystal.grid.expansion.asu_index] = self._projection.amplitude  # mates have the same
        ratio = np.divide(np.abs(F), amplitude, out=np.zeros(len(amplitude)), where=amplitude > 0.0)
        return np.minimum(ratio, 1.0)

    def _begin(self, omitted: NDArray[np.bool_]) -> tuple[PriorProjection, PriorStates]:
        expansion = self._crystal.grid.expansion
        projection = self._projection.without(omitted[expansion.asu_index])
        phi, fom = self._start
        given = np.where(omitted, 0.0, fom)[expansion.asu_index]
        return projection, projection.start(expansion.phases(phi)[None], given[None])


def _random_phases(crystal: UniqueGrid) -> FloatArray:
    """Draw phases in radians that the symmetry allows, shape ``(n,)``."""
    rng = np.random.default_rng(0)
    restricted = centric_phase(crystal.hkl, crystal.spacegroup)
    either = restricted + np.pi * rng.integers(2, size=len(crystal))
    return np.asarray(np.where(np.isfinite(restricted), either, rng.uniform(-np.pi, np.pi, len(crystal))))
