"""Given phases through the prior: what is kept, what the free series see, and how sure the result may be."""

import numpy as np
import pytest
import torch
from modification_crystals import KnownCrystal, known_crystal, perturbed
from prior_oracles import RECORD
from torch import Tensor, nn

from rephase.io.phased import hendrickson_lattman
from rephase.models.prior_data import PriorData
from rephase.models.trained_prior import TrainedPrior
from rephase.phasing.modification.cycles import ModifiedPhases
from rephase.phasing.modification.prior_density import PriorDensity
from rephase.phasing.modification.prior_passes import FREE_SERIES, PARTS, pass_through_prior

PASSES = 6


@pytest.fixture(scope="module")
def crystal() -> KnownCrystal:
    return known_crystal(atoms=16, scale=2.5, d_min=1.5)


def passed(
    known: KnownCrystal, prior: TrainedPrior, phi: np.ndarray, fom: np.ndarray, passes: int = PASSES
) -> ModifiedPhases:
    hl = hendrickson_lattman(phi, fom, known.grid.centric)
    return pass_through_prior(known.grid, hl, PriorDensity(known.grid, prior, phi, fom), passes)


class _Knowing(nn.Module):
    """Predicts phases with the amplitudes of the crystal, also those that it is not told."""

    def __init__(self, e: Tensor, phases: Tensor, share: float) -> None:
        super().__init__()
        self.e, self.phases, self.share = e, phases, share
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, maps: Tensor, data: PriorData) -> Tensor:
        self.seen.append((data.known, data.coefficients(maps[:, 2])[0].abs()))
        F = torch.polar(self.share * self.e * data.expected * data.within, self.phases)
        return data.maps(F).expand(len(maps), *data.shape)


def knowing(known: KnownCrystal, F: np.ndarray, share: float = 0.9) -> TrainedPrior:
    """Return a prior that predicts these structure factors, ``(n,)``, normalised, times a share."""
    grid, expansion = known.grid.grid, known.grid.grid.expansion
    to_standard = known.grid.e * np.sqrt(known.grid.epsilon) / np.abs(known.F)
    e = (np.abs(F) * to_standard)[expansion.asu_index]
    amplitude = grid.from_reflections(e.astype(complex)).abs()
    phases = grid.from_reflections(np.exp(1j * expansion.phases(np.angle(F)))).angle()
    return TrainedPrior(_Knowing(amplitude, phases, share), RECORD)


def error(phi: np.ndarray, known: KnownCrystal) -> float:
    return float(np.degrees(np.abs(np.angle(np.exp(1j * (phi - known.phi))))).mean())


def test_a_prior_that_knows_the_density_is_believed(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.0)
    found = passed(crystal, knowing(crystal, crystal.F), phi, fom)
    assert found.kept is not None
    assert error(found.phi, crystal) < 1.0
    assert found.fom.mean() > 0.8


def test_passes_end_when_phases_stand_still(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.0)
    found = passed(crystal, knowing(crystal, crystal.F), phi, fom, passes=50)
    assert len(found.cycles) < 10
    assert [cycle.number for cycle in found.cycles] == list(range(1, len(found.cycles) + 1))


def test_a_prior_that_sees_things_is_not_believed(crystal: KnownCrystal) -> None:
    """It predicts amplitudes of reflections that it has not seen no better than chance."""
    phi, fom = perturbed(crystal, 1.0)
    rng = np.random.default_rng(4)
    nonsense = knowing(crystal, np.exp(1j * rng.uniform(-np.pi, np.pi, len(phi))) * np.abs(crystal.F))
    e = nonsense.network.e
    order = torch.randperm(e.numel(), generator=torch.Generator().manual_seed(1))
    nonsense.network.e = e.flatten()[order].view(e.shape)
    found = passed(crystal, nonsense, phi, fom)
    assert found.kept is None
    np.testing.assert_allclose(found.fom, fom, atol=1e-3)


def test_a_free_series_is_told_neither_amplitude_nor_phase_of_its_part(crystal: KnownCrystal) -> None:
    phi, fom = perturbed(crystal, 1.0)
    prior = knowing(crystal, crystal.F)
    passed(crystal, prior, phi, fom, passes=2)
    measured, hidden = prior.network.seen[0][0], set()
    assert len(prior.network.seen) == 2 * (1 + FREE_SERIES)
    for known, given in prior.network.seen:
        out = measured & ~known
        assert float(given[out].sum()) < 1e-3 * float(given.sum())
        hidden.add(int(out.sum()))
    part = int(measured.sum()) / PARTS
    assert 0 in hidden
    assert all(size == 0 or 0.6 * part < size < 1.4 * part for size in hidden)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_figures_of_merit_are_what_the_free_sets_say_whatever_the_prior_claims(
    crystal: KnownCrystal, share: float
) -> None:
    """The density has errors of its own, in amplitudes as well as phases."""
    phi, fom = perturbed(crystal, 2.0)
    rng = np.random.default_rng(5)
    size = np.abs(crystal.F) / crystal.grid.e
    errors = rng.normal(size=len(phi)) + 1j * rng.normal(size=len(phi))
    believed = (
        crystal.F
        + np.where(crystal.grid.centric, np.exp(1j * crystal.phi) * errors.real, errors) * size * 0.5
    )
    found = passed(crystal, knowing(crystal, believed, share), phi, fom)
    assert found.kept is not None
    cosine = float(np.cos(found.phi - crystal.phi).mean())
    assert cosine - 0.35 < found.fom.mean() < cosine + 0.06
