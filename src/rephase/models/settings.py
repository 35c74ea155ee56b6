"""One crystal in several settings: the lattice described by other axes, from which a network predicts anew.

Exchanging axes and turning them round changes nothing in a crystal, but it does change the numbers that a
network sees. Of the 48 ways those 24 are used that keep the hand; the others show the same Patterson map.
The predictions, turned back to the given axes, differ by what the network is not sure of.
"""

from dataclasses import dataclass
from itertools import permutations, product

import torch
from torch import Tensor

from rephase.models.losses import map_correlation
from rephase.models.mirror import mirrored, mirrored_where
from rephase.models.network import DensityNetwork
from rephase.models.network_input import NetworkInput
from rephase.models.recycling import density_of_passes, odds_of_hand

SETTINGS = 24
"""Proper signed permutations of three axes."""


@dataclass(frozen=True)
class Setting:
    """New axes in terms of the old ones.

    Attributes
    ----------
    axes
        Old axis that becomes the first, second and third new one.
    signs
        1, or −1 where it is turned round.
    """

    axes: tuple[int, int, int]
    signs: tuple[int, int, int]

    def turned(self, maps: Tensor) -> Tensor:
        """Show maps in the new setting, shape ``(..., u, v, w)`` → sides in the new order."""
        leading = tuple(range(maps.ndim - 3))
        moved = maps.permute(*leading, *(maps.ndim - 3 + axis for axis in self.axes))
        return _reversed(moved, self.signs)

    def turned_back(self, maps: Tensor) -> Tensor:
        """Undo `turned`."""
        leading = tuple(range(maps.ndim - 3))
        back = [maps.ndim - 3 + self.axes.index(axis) for axis in range(3)]
        return _reversed(maps, self.signs).permute(*leading, *back)

    def turned_cell(self, cell: Tensor) -> Tensor:
        """Return cells, Å and degrees, shape ``(batch, 6)``, in the new setting."""
        lengths = cell[:, list(self.axes)]
        angles = []
        for new in range(3):
            one, other = (axis for axis in range(3) if axis != new)
            angle = cell[:, 3 + self.axes[new]]
            angles.append(angle if self.signs[one] == self.signs[other] else 180.0 - angle)
        return torch.cat([lengths, torch.stack(angles, dim=1)], dim=1)


def _reversed(maps: Tensor, signs: tuple[int, int, int]) -> Tensor:
    """Take the points at −x for x along the axes that are turned round; the origin stays."""
    along = [axis - 3 for axis, sign in enumerate(signs) if sign < 0]
    return maps.flip(along).roll([1] * len(along), along) if along else maps


def proper_settings() -> list[Setting]:
    """Return the 24 settings of the same hand; the first is the given one."""
    found = []
    for axes in permutations(range(3)):
        even = axes in {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
        for signs in product((1, -1), repeat=3):
            if (signs[0] * signs[1] * signs[2] > 0) == even:
                found.append(Setting((axes[0], axes[1], axes[2]), (signs[0], signs[1], signs[2])))
    return found


class InSetting(DensityNetwork):
    """A network that is shown its crystals in another setting; its predictions come in the given one.

    Parameters
    ----------
    network
        Any.
    setting
        The other axes.
    """

    def __init__(self, network: DensityNetwork, setting: Setting) -> None:
        super().__init__(network.in_channels, network.judge)
        self.network = network
        self.setting = setting

    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        """Predict densities; see `DensityNetwork.forward`."""
        turned = self.setting.turned(maps), self.setting.turned_cell(cell), d_min
        density: Tensor = self.network(*turned)
        return self.setting.turned_back(density)


@torch.no_grad()
def predictions_in_settings(
    network: DensityNetwork, data: NetworkInput, settings: int = SETTINGS, passes: int = 0
) -> Tensor:
    """Predict densities once in each of several settings.

    Parameters
    ----------
    network
        In evaluation mode.
    data
        The measurements.
    settings
        How many, 1–24; the first is the given one.
    passes
        As in `predicted_density`.

    Returns
    -------
    All in the given setting, on the scale of the network, shape ``(batch, settings, nu, nv, nw)``. Where the
    network has a judge of the hand, all are brought to one hand, that which is likelier by all together.

    Raises
    ------
    ValueError
        When there are not so many settings.
    UserError
        As `predicted_density`.
    """
    if not 1 <= settings <= SETTINGS:
        raise ValueError(f"{settings} settings; there are 1 to {SETTINGS}")
    chosen = proper_settings()[:settings]
    found = [density_of_passes(InSetting(network, setting), data, passes) for setting in chosen]
    if network.judge is None:
        return torch.stack(found, dim=1)
    found = [_in_the_hand_of(found[0], density) for density in found]
    odds = torch.stack([odds_of_hand(network.judge, density, data) for density in found]).mean(0)
    return torch.stack([mirrored_where(odds < 0.0, density) for density in found], dim=1)


def _in_the_hand_of(reference: Tensor, density: Tensor) -> Tensor:
    other = mirrored(density)
    return mirrored_where(map_correlation(other, reference) > map_correlation(density, reference), density)
