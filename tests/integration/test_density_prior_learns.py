"""The density prior can learn maps by heart."""

import torch

from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.prior_data import prior_data
from rephase.models.prior_states import starting_states
from rephase.physics.cells import Shape

SHAPE: Shape = (8, 8, 8)
CELL, D_MIN = torch.tensor([7.0, 7.5, 6.5, 85.0, 100.0, 90.0]), 2.0


def test_eight_states_of_a_crystal_are_learnt_by_heart() -> None:
    white = torch.fft.rfftn(torch.randn(8, *SHAPE), dim=(-3, -2, -1))
    e = white[0].abs() / white[0].abs().square().mean().sqrt()
    data = prior_data(e, torch.ones_like(e, dtype=torch.bool), CELL, D_MIN, SHAPE)
    maps = starting_states(data, white.angle()).maps(data)
    target = data.maps(torch.polar(data.amplitude.expand_as(e), white[:2].flip(0).angle())).repeat(4, 1, 1, 1)
    prior = DensityPrior(DensityPriorConfig(width=32, blocks=1, maps=2))
    optimiser = torch.optim.Adam(prior.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (prior(maps, data) - target).square().mean() / target.square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.9
    assert losses[-1] < 0.05, losses[::10]
