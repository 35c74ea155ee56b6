"""The density prior in density modification: what it is shown of the crystal and of the starting phases."""

import numpy as np
import torch
from modification_crystals import KnownCrystal, known_crystal, perturbed
from prior_oracles import RECORD
from torch import Tensor, nn

from rephase.models.prior_data import PriorData
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.modification.estimates import assess, free_estimate
from rephase.phasing.modification.prior_density import PriorDensity
from rephase.phasing.modification.sigma_a import resolution_shells

EVERY_OTHER = 2


class _Listener(nn.Module):
    """Remembers what it is shown, and predicts that."""

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        self.maps, self.data = maps, data
        return maps[:, 0]


def shown(known: KnownCrystal, fom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes in terms of those expected for |E| = 1, and phases, that a first pass is shown, ``(m,)``."""
    listener = _Listener()
    phi = np.where(fom > 0.0, known.phi, 0.0)  # as files are read: zero where there is none
    density = PriorDensity(known.grid, TrainedPrior(listener, RECORD), phi, fom)
    density.next_pass(np.zeros(len(fom), bool))
    grid, data = known.grid.grid, listener.data
    F = grid.at_reflections(data.coefficients(listener.maps[:, 0]))[0]
    return np.abs(F) / np.abs(grid.at_reflections(data.expected.to(torch.complex64))), np.angle(F)


def test_axial_reflections_keep_the_intensity_that_symmetry_gives_them() -> None:
    """In P1 the mean intensity of a reflection with ε = 2 is twice that of others."""
    known = known_crystal(atoms=8, scale=2.0, d_min=1.8)
    row = known.grid.grid.expansion.asu_index
    assert set(known.grid.epsilon) == {1.0, 2.0}
    amplitude, _ = shown(known, np.ones(len(known.grid)))
    np.testing.assert_allclose(
        amplitude, (known.grid.e * np.sqrt(known.grid.epsilon))[row], rtol=2e-3, atol=2e-3
    )


def test_reflections_without_a_starting_phase_make_no_peak_at_the_origin() -> None:
    known = known_crystal(atoms=8, scale=2.0, d_min=1.8)
    fom = np.where(np.arange(len(known.grid)) % EVERY_OTHER == 0, 1.0, 0.0)
    row = known.grid.grid.expansion.asu_index
    _, phases = shown(known, fom)
    given = fom[row] > 0.0
    expected = known.grid.grid.expansion.phases(known.phi)
    np.testing.assert_allclose(np.exp(1j * phases[given]), np.exp(1j * expected[given]), atol=2e-3)
    assert abs(np.exp(1j * phases[~given]).mean()) < 0.15


def test_a_free_estimate_is_that_of_its_density_for_axial_reflections_too() -> None:
    known = known_crystal(atoms=8, scale=2.0, d_min=1.8)
    F = np.abs(known.F) * np.exp(1j * perturbed(known, 2.0)[0])
    shells = resolution_shells(known.grid.inv_d2)
    fold = np.arange(len(F)) % EVERY_OTHER
    free = free_estimate(known.grid, [F] * EVERY_OTHER, fold, shells)
    np.testing.assert_allclose(free.e, assess(known.grid, F, shells).e, rtol=1e-6)
