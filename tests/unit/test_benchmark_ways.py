"""The ways of the basin study give phases in the order of the data, and starting phases are as stated."""

from pathlib import Path

import numpy as np
import pytest
from network_crystals import dipeptide
from prior_oracles import oracle, untrained

import phasing_ways
import solve_real
from phasing_ways import BOTH, CLASSICAL, PRIOR, Limits, prior_alone, projection_of, record_of, solve_record
from rephase.data.crystals.structure_factors import structure_factors
from rephase.evaluate.map_figures import mean_phase_error, phase_errors
from rephase.io.observations import read_observations
from rephase.io.start_phases import read_start_phases
from rephase.models.trained_prior import save_prior
from rephase.phasing.hand import nothing_decides
from rephase.phasing.kept_hand import KeptHand
from rephase.phasing.phase import Solution
from seeds import random_errors
from simulated import Simulated, simulated
from truth import model_phases


@pytest.fixture(scope="module")
def crystal() -> Simulated:
    return simulated("1AAA_1.pd_1", "FA", dipeptide(), 1.6, 3, completeness=0.95)


def test_the_prior_alone_ends_where_the_prior_points(
    crystal: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = projection_of(crystal, untrained()).grid
    true_phi = np.angle(structure_factors(crystal.model, grid.expansion.hkl))
    monkeypatch.setattr(phasing_ways, "prior_for", lambda name, prepared: oracle(grid, true_phi))
    seed = random_errors(crystal.true_phi, 60.0, np.random.default_rng(0))
    found = prior_alone(crystal, seed, None)
    assert mean_phase_error(found, crystal.true_phi) < 0.1


def test_the_prior_alone_needs_a_prior(crystal: Simulated) -> None:
    seed = random_errors(crystal.true_phi, 60.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="name one"):
        prior_alone(crystal, seed, "none")


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the search for the hand, which takes seconds, and most passes of the prior."""

    def as_found(prepared: object, solution: Solution, seed: int) -> KeptHand:
        return KeptHand(solution.phi, None, nothing_decides("not asked"))

    monkeypatch.setattr(phasing_ways, "keep_hand", as_found)
    monkeypatch.setattr(phasing_ways, "PASSES", 3)


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("way", [CLASSICAL, PRIOR, BOTH])
def test_every_way_leaves_the_same_record(crystal: Simulated, way: str, tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    save_prior(path, untrained().network, untrained().record)
    seed = random_errors(crystal.true_phi, 50.0, np.random.default_rng(0))
    record = record_of(way, crystal, seed, str(path), Limits(0.1))
    assert record["seed_error"] == pytest.approx(50.0, abs=0.5)
    assert -1.0 <= record["correlation"] <= 1.0
    assert record["solved"] == (record["correlation"] >= 0.8 and record["hand"] == "same")


@pytest.mark.usefixtures("_short")
def test_what_the_program_says_stands_beside_what_is_true(crystal: Simulated) -> None:
    record = solve_record(CLASSICAL, crystal, None, None, Limits(0.1))
    assert record["verdict"] in ("solved", "doubtful", "not solved")
    assert 0.0 <= record["probability"] <= 1.0
    assert np.sum(record["calibration"][0]) == len(crystal.prepared)


def test_starting_phases_of_measured_crystals_have_the_stated_error(shared: Path, tmp_path: Path) -> None:
    real = solve_real.REAL["5e5z"]
    solve_real.write_start(tmp_path / "start.mtz", real, 70.0)
    data = read_observations(solve_real.OBSERVED / real.data)
    start = read_start_phases(f"{tmp_path / 'start.mtz'}:PHI,FOM", data)
    true_phi = model_phases(solve_real.OBSERVED / str(real.model), data.hkl, data.cell)
    assert start.known.all()
    errors = phase_errors(start.phi, true_phi)
    assert errors.mean() == pytest.approx(70.0, abs=2.0)
    centric = data.spacegroup.operations().centric_flag_array(data.hkl)
    assert np.minimum(errors, 180.0 - errors)[centric].max() < 2.0
