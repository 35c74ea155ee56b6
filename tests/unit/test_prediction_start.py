"""Searches that start from predictions: their phases, what they must not see, the volume of the molecule."""

from pathlib import Path

import numpy as np
import pytest
import torch
from network_crystals import dipeptide, measured, record, simulated

from rephase.crystal.primitive import primitive_setting
from rephase.data.stream.map_batches import MapOptions, maps_of
from rephase.data.stream.stream_config import RateGrid
from rephase.io.sequence import Sequence
from rephase.models.build import build_model
from rephase.models.mirror import mirrored
from rephase.models.network_input import NetworkInput, network_input
from rephase.models.trained import TrainedNetwork
from rephase.phasing.phase import pose
from rephase.phasing.prediction_start import (
    LARGEST_FRACTION,
    PHASE_NOISE,
    STARTS,
    from_predictions,
    predicted_fraction,
    prediction_starts,
)
from rephase.phasing.predictions import ASKED_IN, Predictions, predict
from rephase.phasing.search import Problem, run_round
from rephase.physics.cells import grid_inv_d2

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def truth() -> Predictions:
    """A network that knows the answer."""
    maps = maps_of(simulated(dipeptide(), RateGrid()), MapOptions())
    network = build_model(record().network).eval()
    return Predictions(TrainedNetwork(network, record()), network_input(maps), maps.density.values, ())


@pytest.fixture(scope="module")
def problem(truth: Predictions, tmp_path_factory: pytest.TempPathFactory) -> Problem:
    prepared = measured(dipeptide(), tmp_path_factory.mktemp("crystal"))
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    return pose(prepared, from_predictions(truth), setting, prepared.reflections.hkl, 0, CPU)


def phase_differences(problem: Problem, maps: torch.Tensor, predictions: Predictions) -> np.ndarray:
    rows = ~problem.omitted
    found = problem.grid.at_reflections(problem.grid.structure_factors(maps))[:, rows]
    wanted = predictions.structure_factors(problem.grid.expansion.hkl)[:, rows]
    return np.angle(found * wanted.conj())


def starts_of(problem: Problem, predictions: Predictions, count: int = 4, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    grid = problem.grid.without(problem.omitted)
    return prediction_starts(problem, grid, count, generator, predictions=predictions)


def test_starts_have_predicted_phases_with_noise_and_measured_amplitudes(truth, problem) -> None:
    maps = starts_of(problem, truth)
    assert maps.shape == (4, *problem.grid.shape)
    assert phase_differences(problem, maps, truth).std() == pytest.approx(PHASE_NOISE, rel=0.05)
    F = np.abs(problem.grid.at_reflections(problem.grid.structure_factors(maps)))
    np.testing.assert_allclose(F[0, ~problem.omitted], problem.full[~problem.omitted], rtol=1e-3, atol=1e-5)


def test_omitted_reflections_are_not_looked_at(truth, problem) -> None:
    maps = starts_of(problem, truth)
    F = np.abs(problem.grid.at_reflections(problem.grid.structure_factors(maps)))
    assert F[:, problem.omitted].max() < 1e-5


def test_starts_of_one_seed_are_the_same_and_no_two_starts_are(truth, problem) -> None:
    first, again = (starts_of(problem, truth) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.allclose(first[0], first[1])


def test_a_prediction_of_both_hands_at_once_does_not_stay_its_own_mirror_image(truth, problem) -> None:
    both = Predictions(truth.trained, truth.data, truth.maps + mirrored(truth.maps), ())
    start = starts_of(problem, both)[:1]
    assert float(torch.corrcoef(torch.stack([start.flatten(), mirrored(start).flatten()]))[0, 1]) < 0.9


def test_the_search_from_a_right_prediction_is_convincing_within_its_first_judgements(truth, problem) -> None:
    found = run_round(problem, 0, 500, float("inf"), lambda steps: None)
    assert found.maps.shape[0] == STARTS
    assert found.figure > 0.75
    assert found.iterations == 150


def ball(radius: float, edge: float = 20.0, centre: float = 0.5, n: int = 30) -> Predictions:
    """A network's prediction of a ball of even density in a cubic cell, band-limited to 1.5 Å."""
    axis = (torch.arange(n) / n - centre + 0.5) % 1.0 - 0.5
    u, v, w = torch.meshgrid(axis, axis, axis, indexing="ij")
    rho = ((u**2 + v**2 + w**2).sqrt() * edge < radius).float()
    cell = torch.tensor([[edge, edge, edge, 90.0, 90.0, 90.0]])
    half = torch.fft.rfftn(rho) * (grid_inv_d2(cell, (n, n, n))[0] < 1.5**-2)
    nothing = torch.zeros(1, n, n, n // 2 + 1)
    data = NetworkInput(rho[None], nothing, nothing > 0, cell, torch.tensor([1.5]))
    network = build_model(record().network).eval()
    return Predictions(TrainedNetwork(network, record()), data, torch.fft.irfftn(half, s=(n, n, n))[None], ())


@pytest.mark.parametrize("radius", [4.0, 5.0, 6.0])
def test_the_volume_of_a_molecule_is_found_within_a_factor_of_two(radius: float) -> None:
    true = 4.0 / 3.0 * np.pi * radius**3 / 20.0**3
    assert 0.5 < predicted_fraction(ball(radius)) / true < 2.0


def test_the_volume_does_not_depend_on_place_scale_and_mean() -> None:
    here, there = ball(4.0), ball(4.0, centre=0.1)
    assert predicted_fraction(here) == pytest.approx(predicted_fraction(there), rel=0.03)
    scaled = Predictions(here.trained, here.data, 3.0 * here.maps + 5.0, ())
    assert predicted_fraction(here) == pytest.approx(predicted_fraction(scaled), rel=1e-3)


def test_a_flat_prediction_gives_the_largest_envelope() -> None:
    flat = ball(4.0)
    nothing = Predictions(flat.trained, flat.data, torch.ones_like(flat.maps), ())
    assert predicted_fraction(nothing) == LARGEST_FRACTION


def test_predictions_are_the_networks_own_in_several_settings(tmp_path: Path) -> None:
    prepared = measured(dipeptide(), tmp_path)
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    trained = TrainedNetwork(build_model(record().network).eval(), record())
    found = predict(prepared, setting, trained, CPU)
    assert found.maps.shape[0] == ASKED_IN
    assert found.outside == ()
    data = found.data
    with torch.no_grad():
        own = trained.network(data.patterson[:, None], data.cell, data.d_min)
    torch.testing.assert_close(found.maps[:1], own, rtol=1e-4, atol=1e-5)
    outside = TrainedNetwork(trained.network, record(edges=(3.0, 4.0)))
    assert "cell edge" in predict(prepared, setting, outside, CPU).outside[0]


def test_another_molecule_than_those_of_the_training_is_outside_although_its_cell_is_not(
    tmp_path: Path,
) -> None:
    prepared = measured(dipeptide(), tmp_path)
    setting = primitive_setting(prepared.reflections.cell, prepared.reflections.spacegroup)
    trained = TrainedNetwork(build_model(record().network).eval(), record())
    long = Sequence(("FAAAKL",), ("",))
    (found,) = predict(prepared, setting, trained, CPU, sequence=long).outside
    assert "6 residues" in found
