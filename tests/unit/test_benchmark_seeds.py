"""Starting phases of the benchmarks have the errors that are asked for, and crystals what is said of them."""

import numpy as np
import pytest
from network_crystals import dipeptide

from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.evaluate.map_figures import mean_phase_error, phase_errors
from seeds import damaged_model, mean_error_of, random_errors, sigma_of
from simulated import loosened, simulated

MODEL = dipeptide()
HKL = unique_reflections(MODEL, 1.8)
PHI = np.angle(structure_factors(MODEL, HKL))


@pytest.mark.parametrize("sigma", [0.1, 0.8, 1.5, 2.5])
def test_the_mean_of_wrapped_normal_errors_is_that_of_many_draws(sigma: float) -> None:
    errors = np.random.default_rng(0).normal(size=200_000) * sigma
    assert mean_error_of(sigma) == pytest.approx(mean_phase_error(errors, np.zeros_like(errors)), abs=0.4)


@pytest.mark.parametrize("wanted", [20.0, 50.0, 70.0, 85.0])
def test_random_errors_have_the_stated_mean_and_figure_of_merit(wanted: float) -> None:
    assert mean_error_of(sigma_of(wanted)) == pytest.approx(wanted)
    seed = random_errors(PHI, wanted, np.random.default_rng(3))
    assert mean_phase_error(seed.phi, PHI) == pytest.approx(wanted, abs=0.2)
    assert seed.fom.mean() == pytest.approx(np.cos(seed.phi - PHI).mean(), abs=0.01)


def test_random_errors_know_nothing_of_the_amplitude() -> None:
    f = np.abs(structure_factors(MODEL, HKL))
    draws = [random_errors(PHI, 60.0, np.random.default_rng(number)) for number in range(40)]
    errors = np.mean([phase_errors(one.phi, PHI) for one in draws], axis=0)
    assert abs(np.corrcoef(errors, f)[0, 1]) < 0.1


def test_centric_phases_are_right_or_off_by_half_a_turn() -> None:
    phi, centric = np.zeros(3000), np.arange(3000) % 2 == 0
    seed = random_errors(phi, 70.0, np.random.default_rng(3), centric)
    errors = phase_errors(seed.phi, phi)
    assert set(errors[centric].round(6)) == {0.0, 180.0}
    assert errors[centric].mean() == pytest.approx(70.0, abs=4.0)
    assert errors[~centric].mean() == pytest.approx(70.0, abs=3.0)
    assert seed.fom[centric].mean() == pytest.approx(np.cos(np.radians(errors[centric])).mean(), abs=0.05)


@pytest.mark.parametrize("wanted", [60.0, 75.0])
def test_a_damaged_model_has_the_stated_mean_error(wanted: float) -> None:
    seed = damaged_model(MODEL, HKL, PHI, wanted, np.random.default_rng(1))
    assert mean_phase_error(seed.phi, PHI) == pytest.approx(wanted, abs=0.5)
    assert seed.fom.mean() == pytest.approx(np.cos(seed.phi - PHI).mean(), abs=0.03)


def test_a_damaged_model_cannot_be_better_than_its_missing_atoms_allow() -> None:
    with pytest.raises(ValueError, match="larger errors than 5°"):
        damaged_model(MODEL, HKL, PHI, 5.0, np.random.default_rng(1))


def test_a_loosened_cell_has_the_solvent_and_the_same_molecule() -> None:
    loose = loosened(MODEL, 0.9)
    assert solvent_fraction(loose) == pytest.approx(0.9)
    assert loose.cell.parameters[3:] == MODEL.cell.parameters[3:]
    moved = loose.xyz_cart - loose.xyz_cart[0] - (MODEL.xyz_cart - MODEL.xyz_cart[0])
    assert np.abs(moved).max() < 1e-9
    assert closest_contact(loose) > closest_contact(MODEL)


def test_a_cell_is_never_made_tighter() -> None:
    with pytest.raises(ValueError, match="more than 10% of solvent"):
        loosened(MODEL, 0.1)


def test_lower_completeness_leaves_fewer_of_the_same_reflections() -> None:
    crystals = [simulated("x", "AG", MODEL, 1.8, 5, completeness=part) for part in (1.0, 0.9, 0.6)]
    sets = [set(map(tuple, one.prepared.reflections.hkl.tolist())) for one in crystals]
    assert sets[2] < sets[1] < sets[0]
    assert [len(one) / len(sets[0]) for one in sets] == pytest.approx([1.0, 0.9, 0.6], abs=0.01)


def test_the_truth_beside_the_data_is_that_of_the_same_reflections() -> None:
    one = simulated("x", "AG", MODEL, 1.8, 5, completeness=0.8)
    expected = np.angle(structure_factors(MODEL, one.prepared.reflections.hkl))
    assert np.abs(np.angle(np.exp(1j * (one.true_phi - expected)))).max() < 1e-9
    assert one.prepared.reflections.d_min >= 1.8
