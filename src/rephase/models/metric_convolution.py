"""A periodic convolution whose kernel is a function of place in Å, read at the grid points of a crystal.

On the grid of a crystal the neighbours of a point lie where the cell puts them: a kernel of plain weights
means something else in every cell. Here the weights are the values of a smooth function at the points of a
cubic lattice, and each crystal gets the kernel that this function has at its own grid points.
"""

import math
from functools import cache
from itertools import product

import torch
from torch import Tensor, nn

from rephase.models.grid_features import periodic_border
from rephase.physics.cells import Shape, orthogonalisation_matrix

TAPS = 27
"""Neighbours of a point, itself among them: offsets −1, 0, 1 along each axis."""

STEP = 0.95
"""Spacing of the cubic lattice in units of the mean spacing of the half grid at the Nyquist rate, d_min:
grids that suit a Fourier transform are a little finer."""

_WIDTH = 0.8  # of the Gaussians between lattice points, in their spacings: smooth, still well conditioned
_RIDGE = 1e-3  # keeps what far-off points are given bounded


class MetricConvolution(nn.Module):
    """3 × 3 × 3 neighbours, in any cell.

    Parameters
    ----------
    channels
        In and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        scale = 1.0 / math.sqrt(TAPS * channels)
        self.weight = nn.Parameter((torch.rand(channels, channels, TAPS) * 2.0 - 1.0) * scale)
        self.bias = nn.Parameter((torch.rand(channels) * 2.0 - 1.0) * scale)

    def forward(self, features: Tensor, taps: Tensor) -> Tensor:
        """Convolve features of one crystal, ``(batch, u, v, w, channels)``, over the faces of the cell.

        Parameters
        ----------
        features
            Any number of them.
        taps
            From `kernel_taps`, shape ``(27, 27)``.

        Returns
        -------
        The same shape.
        """
        kernel = (self.weight @ taps.T).view(*self.weight.shape[:-1], 3, 3, 3)
        given = periodic_border(features, 1).permute(0, 4, 1, 2, 3)
        near: Tensor = nn.functional.conv3d(given, kernel, self.bias)
        return near.permute(0, 2, 3, 4, 1)


def kernel_taps(cell: Tensor, half_shape: Shape, d_min: float) -> Tensor:
    """How much of each lattice point's weight each neighbour of a grid point is given.

    Parameters
    ----------
    cell
        Å and degrees, shape ``(6,)``.
    half_shape
        Points of the grid of the features.
    d_min
        Å.

    Returns
    -------
    Shape ``(27 neighbours, 27 lattice points)``; the unit matrix where the grid is the cubic lattice.
    """
    sizes = torch.tensor(half_shape, device=cell.device, dtype=torch.float64)
    steps = orthogonalisation_matrix(cell.double()[None])[0] / sizes  # columns: one step along each axis
    places = _offsets().to(cell.device) @ steps.T / (STEP * d_min)
    between = _gaussians(places, _offsets().to(cell.device))
    volume: Tensor = torch.linalg.det(steps).abs() / (STEP * d_min) ** 3
    return (volume * between @ _inverse().to(cell.device)).float()


def _gaussians(places: Tensor, lattice: Tensor) -> Tensor:
    distances: Tensor = torch.cdist(places, lattice)
    return torch.exp(-distances.square() / (2.0 * _WIDTH**2))


@cache
def _offsets() -> Tensor:
    return torch.tensor(list(product((-1.0, 0.0, 1.0), repeat=3)), dtype=torch.float64)


@cache
def _inverse() -> Tensor:
    kernel = _gaussians(_offsets(), _offsets())
    inverse: Tensor = torch.linalg.inv(kernel + _RIDGE * torch.eye(TAPS, dtype=torch.float64))
    return inverse
