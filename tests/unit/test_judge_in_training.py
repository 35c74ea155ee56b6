"""The judge of the hand learns from the crystals of a prior, and neither disturbs the other."""

import dataclasses

import pytest
import torch
from fragment_examples import fragments_named, many_ids
from prior_crystals import SMALL, crystal
from torch import Tensor

from rephase.data.stream.fragment_source import FragmentsInMemory
from rephase.models.hand_judge import HandJudge
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import relative_s2
from rephase.models.prior_states import starting_states
from rephase.models.trained_prior import PriorRange
from rephase.train.prior.crystal_source import CrystalSource
from rephase.train.prior.judge_examples import DRAWS, LARGEST_ERROR, loss_of_judge, maps_with_phase_errors
from rephase.train.prior.pool import Pool, TrajectorySource
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.prior_trainer import PriorTrainer
from rephase.train.prior.trajectory import Trajectory
from rephase.train.ranks import Ranks


def trajectory(number: int = 3, passes_left: int = 2) -> Trajectory:
    data, truth = crystal()
    states = starting_states(data, truth.conj()[None].angle())
    none = torch.zeros(1, 1, 1, 1)
    return Trajectory(number, 0, passes_left, True, True, data, truth, states, none, none)


def trainer(judge: float) -> PriorTrainer:
    """At the start of a run whose weight decay would show in a judge that is not to learn."""
    settings = {
        "kind": "density-prior",
        "set": "set",
        "model": SMALL.model_dump(),
        "crystals": {"proteins": 0.0, "pieces": 0.0},
        "pool": 1,
        "judge": judge,
        "clip": 0.01,
        "average": 0.9,
        "optimiser": {"weight_decay": 0.5},
    }
    config = PriorTrainConfig.model_validate(settings)
    torch.manual_seed(0)
    return PriorTrainer(config, DensityPrior(config.model), PriorRange(d_min=(2.5, 2.6), solvent=(0.5, 0.8)))


def weights_after_two_steps(made: PriorTrainer) -> dict[str, Tensor]:
    fragments = FragmentsInMemory(fragments_named(many_ids(1), split=0))
    crystals = CrystalSource(fragments, "train", [], made.config.crystals, made.config.seed)
    with Pool(TrajectorySource(crystals, made.config), Ranks(), torch.device("cpu")) as pool:
        pool.keep(0, trajectory())
        assert all(made.take_step(pool).done for _ in range(2))
    return made.network.state_dict()


def test_the_judge_learns_and_the_density_learns_as_if_it_did_not() -> None:
    """Clipped together, a large gradient of the judge would slow the density."""
    before = trainer(1.0).network.state_dict()
    learning, left = (weights_after_two_steps(trainer(weight)) for weight in (1.0, 0.0))
    for name, weight in learning.items():
        if name.startswith("judge."):
            assert not torch.equal(weight, before[name]), name
        else:
            assert torch.equal(weight, left[name]), name


def test_a_judge_that_does_not_learn_stays_as_it_is() -> None:
    made = trainer(0.0)
    before = {name: weight.clone() for name, weight in made.network.judge.state_dict().items()}
    weights_after_two_steps(made)
    for judge in (made.network.judge, made.best_network.judge):
        assert all(torch.equal(weight, before[name]) for name, weight in judge.state_dict().items())


def test_what_the_judge_is_shown_follows_from_seed_crystal_and_pass() -> None:
    shown = maps_with_phase_errors(trajectory(), seed=1)
    assert shown.shape == (DRAWS, *trajectory().data.shape)
    assert torch.equal(shown, maps_with_phase_errors(trajectory(), seed=1))
    others = [(trajectory(), 2), (trajectory(number=4), 1), (trajectory(passes_left=1), 1)]
    for other, seed in others:
        assert not torch.equal(shown, maps_with_phase_errors(other, seed=seed))


def test_coefficients_are_weighted_by_the_errors_that_their_phases_have() -> None:
    """Errors over the standard deviation that the weight exp(−σ²/2) tells are of unit variance."""
    data, truth = crystal()
    counted = data.known & (data.amplitude > 0.2 * data.expected)
    counted[..., 0] = False  # where h and −h are both on the half-complex grid
    scaled = []
    for number in range(12):
        F = data.coefficients(maps_with_phase_errors(trajectory(number=number), seed=0))
        sigma = (-2.0 * torch.log((F.abs() / data.amplitude)[:, counted])).clamp(min=0.0).sqrt()
        assert float(sigma.max()) <= LARGEST_ERROR * 1.23
        edge = relative_s2(data)[counted] > 0.9
        assert float(sigma[:, edge].mean()) > 1.1 * float(sigma[:, ~edge].mean())
        error = (F * truth.conj()).angle()[:, counted]
        clear = sigma > 0.1  # smaller ones drown in the rounding of the weight
        scaled.append((error / sigma)[clear & (sigma < 0.7)])
    assert float(torch.cat(scaled).square().mean()) == pytest.approx(1.0, abs=0.05)


def test_the_judge_learns_the_hand_of_the_truth_by_heart() -> None:
    """The states of the crystal have the phases of its mirror image."""
    torch.manual_seed(0)
    judge, begun = HandJudge(), trajectory()
    optimiser = torch.optim.Adam(judge.parameters(), lr=1e-2)
    for number in range(20):
        optimiser.zero_grad()
        loss_of_judge(judge, dataclasses.replace(begun, number=number), seed=0).backward()
        optimiser.step()
    maps = begun.data.maps(torch.stack([begun.truth, begun.truth.conj()]))
    own, image = judge(maps, begun.data.cell.expand(2, -1)).tolist()
    assert own > 2.0
    assert image == pytest.approx(-own, abs=0.05)
