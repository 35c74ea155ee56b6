"""What every network here is: maps, cell and resolution in, one density out."""

from abc import abstractmethod

from torch import Tensor, nn

from rephase.errors import UserError
from rephase.models.hand_judge import HandJudge


class DensityNetwork(nn.Module):
    """A network from the maps of crystals to their densities.

    Parameters
    ----------
    in_channels
        1 for the Patterson map alone, 2 with a density that was known before (`rephase.models.recycling`).
    judge
        Tells the hand of densities; the network may then predict either one. None: it is to predict the
        right one.
    """

    def __init__(self, in_channels: int, judge: HandJudge | None = None) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.judge = judge
        self.smallest_side = 2

    @abstractmethod
    def forward(self, maps: Tensor, cell: Tensor, d_min: Tensor) -> Tensor:
        """Predict densities.

        Parameters
        ----------
        maps
            Shape ``(batch, in_channels, u, v, w)``, sides even.
        cell
            Å and degrees, shape ``(batch, 6)``.
        d_min
            Å, shape ``(batch,)``.

        Returns
        -------
        On the scale of the densities it was trained with, shape ``(batch, u, v, w)``.

        Raises
        ------
        UserError
            When the maps have another number of channels, or a side is odd or too small.
        """

    def check(self, maps: Tensor) -> None:
        """Raise a UserError for maps that do not fit."""
        if maps.ndim != 5 or maps.shape[1] != self.in_channels:
            wanted = f"maps of shape (batch, {self.in_channels}, u, v, w)"
            raise UserError(wanted, f"{tuple(maps.shape)}", "choose a network made for these maps")
        if any(n % 2 or n < self.smallest_side for n in maps.shape[2:]):
            wanted = f"a grid with even numbers of points, at least {self.smallest_side}"
            found = " × ".join(str(n) for n in maps.shape[2:])
            raise UserError(wanted, found, "sample the maps on another grid")
