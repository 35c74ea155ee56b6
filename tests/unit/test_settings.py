"""One crystal in other settings: the same spacings, the same map, and predictions in the axes given."""

import pytest
import torch
from torch import Tensor, nn

from rephase.models.hand_judge import HandJudge
from rephase.models.mirror import mirrored
from rephase.models.network import DensityNetwork
from rephase.models.network_input import NetworkInput
from rephase.models.settings import (
    SETTINGS,
    InSetting,
    Setting,
    predictions_in_settings,
    proper_settings,
)
from rephase.physics.cells import cell_volume, grid_inv_d2

CELL = torch.tensor([[9.0, 12.0, 7.0, 80.0, 95.0, 107.0]], dtype=torch.float64)
SHAPE = (6, 8, 4)


def test_there_are_24_and_the_first_is_the_given_one() -> None:
    settings = proper_settings()
    assert len(set(settings)) == SETTINGS == 24
    assert settings[0] == Setting((0, 1, 2), (1, 1, 1))


@pytest.mark.parametrize("setting", proper_settings())
def test_the_lattice_stays_the_same(setting: Setting) -> None:
    cell = setting.turned_cell(CELL)
    torch.testing.assert_close(cell_volume(cell), cell_volume(CELL))
    shape = tuple(SHAPE[axis] for axis in setting.axes)
    of_hkl = torch.zeros(SHAPE, dtype=torch.float64)
    spacing = grid_inv_d2(CELL, SHAPE)[0]
    of_hkl[..., : SHAPE[2] // 2 + 1] = spacing
    whole = torch.fft.fftfreq(SHAPE[2], 1 / SHAPE[2])
    back = mirrored(of_hkl)
    of_hkl = torch.where(whole < 0, back, of_hkl)  # Friedel mates
    inside = torch.ones(shape, dtype=torch.bool)
    for axis, n in enumerate(shape):
        inside.index_fill_(axis, torch.tensor([n // 2]), False)  # the Nyquist planes have two indices
    turned = setting.turned(of_hkl[None])[0]
    found = grid_inv_d2(cell, (shape[0], shape[1], shape[2]))[0]
    half = shape[2] // 2 + 1
    torch.testing.assert_close(found[inside[..., :half]], turned[..., :half][inside[..., :half]])


@pytest.mark.parametrize("setting", proper_settings())
def test_turning_back_undoes_turning(setting: Setting) -> None:
    maps = torch.randn(2, 3, *SHAPE)
    assert torch.equal(setting.turned_back(setting.turned(maps)), maps)


def test_no_setting_is_the_mirror_image() -> None:
    density = torch.randn(1, 6, 6, 6)
    assert not any(torch.equal(setting.turned(density), mirrored(density)) for setting in proper_settings())


class FirstAxis(DensityNetwork):
    """Goes one point along the first axis it is shown."""

    def __init__(self) -> None:
        super().__init__(1)
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        return self.weight * maps[:, 0].roll(1, 1)


def test_predictions_come_in_the_given_axes() -> None:
    maps = torch.randn(1, *SHAPE)
    none = torch.zeros(1, *SHAPE[:2], SHAPE[2] // 2 + 1)
    data = NetworkInput(maps, none, none > 0.0, CELL.float(), torch.tensor([2.0]))
    found = predictions_in_settings(FirstAxis(), data)
    assert found.shape == (1, 24, *SHAPE)
    shown = {
        (axis, sign): maps.roll(sign, axis + 1)[0] for axis in range(3) for sign in (1, -1)
    }  # the steps that the network can have made
    for setting, density in zip(proper_settings(), found[0], strict=True):
        expected = shown[setting.axes[0], setting.signs[0]]
        torch.testing.assert_close(density, expected)
    assert InSetting(FirstAxis(), proper_settings()[3]).in_channels == 1


class SomeHand(DensityNetwork):
    """Predicts its map where the first axis shown is the first one, else the mirror image."""

    def __init__(self, judge: HandJudge | None) -> None:
        super().__init__(1, judge)

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        wrong = cell[:, 0] != 9.0
        return torch.where(wrong[:, None, None, None], mirrored(maps[:, 0]), maps[:, 0])


class Positive(HandJudge):
    """Says that the right hand has more in the first half of the first axis, on any grid."""

    def forward(self, density: Tensor, cell: Tensor) -> Tensor:
        u = density.shape[1]
        wave = torch.sin(2.0 * torch.pi * torch.arange(u) / u)
        return (density.mean((2, 3)) * wave).mean(1)


@pytest.mark.parametrize("right", [True, False])
def test_all_predictions_come_in_the_likelier_hand(right: bool) -> None:
    maps = torch.randn(1, *SHAPE)
    likelier = float(Positive()(maps, CELL)) > 0.0
    maps = maps if likelier == right else mirrored(maps)
    fobs = torch.fft.rfftn(maps, dim=(1, 2, 3)).abs()
    data = NetworkInput(maps, fobs, fobs > 0.0, CELL.float(), torch.tensor([0.1]))
    of_two_hands = predictions_in_settings(SomeHand(None), data)[0]
    assert len(torch.unique(of_two_hands, dim=0)) == 2
    found = predictions_in_settings(SomeHand(Positive()), data)[0]
    expected = maps if right else mirrored(maps)
    torch.testing.assert_close(found, expected.expand_as(found))


@pytest.mark.parametrize("settings", [0, 25])
def test_there_are_no_more(settings: int) -> None:
    none = torch.zeros(1, 2, 2, 2)
    data = NetworkInput(none, none, none > 0.0, CELL.float(), torch.tensor([2.0]))
    with pytest.raises(ValueError, match="1 to 24"):
        predictions_in_settings(FirstAxis(), data, settings=settings)
