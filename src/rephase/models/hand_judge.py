"""Tells the hand of a density: whether it shows the molecule or its mirror image.

A Patterson map does not tell, but L-amino acids do. A kernel that is to learn it must learn it for every
orientation; here that is built in. Round every point the density is averaged over spherical shells. The
gradients of such averages are vectors that turn with the molecule, and the triple product of three of them
keeps its value when the molecule is turned and changes its sign in a mirror. What is learnt is which triple
products count, depending on averages and scalar products, which change neither way.
"""

import math

import torch
from torch import Tensor, nn

from rephase.physics.cells import Shape, grid_indices, orthogonalisation_matrix

RADII = (0.0, 1.0, 1.5, 2.0, 2.5, 3.1, 3.8, 4.6)
"""Å; of the shells: 1.5 is a bond, 2.5 two bonds, 3.8 the way from Cα to Cα."""

THICKNESS = 0.35
"""Å; standard deviation of the Gaussian across a shell."""

PART = 0.125
"""Part of the grid points that are looked at, those of highest density."""

_DIMS = (-3, -2, -1)
_EVIDENCE = 20.0  # log-odds for a mean of 1: the scale on which learning starts
_BEND = 0.2  # how soon large scalar products count less


class HandJudge(nn.Module):
    """From densities to the log-odds that they show the right hand.

    The log-odds change their sign, and only that, when the density is replaced by its mirror image; they do
    not depend on the origin, and on orientation, cell and grid only as far as the grid is coarse.

    Parameters
    ----------
    shells
        Mixtures of shells whose averages and gradients are used.
    products
        Triple products.
    hidden
        Width of the network that weighs them.
    """

    def __init__(self, shells: int = 6, products: int = 16, hidden: int = 48) -> None:
        super().__init__()
        evenly = torch.linspace(0, len(RADII) - 1, shells).round().long()
        self.shells = nn.Parameter(torch.eye(len(RADII))[evenly] + 0.05 * torch.randn(shells, len(RADII)))
        self.vectors = nn.Linear(shells, 3 * products, bias=False)
        self.pairs = nn.Linear(shells, 2 * products, bias=False)
        self.weigh = nn.Sequential(
            nn.Linear(shells + products, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, products),
        )

    def forward(self, density: Tensor, cell: Tensor) -> Tensor:
        """Judge densities; in float32 also under autocast.

        Parameters
        ----------
        density
            On any scale and with any mean, shape ``(batch, u, v, w)``.
        cell
            Å and degrees, shape ``(batch, 6)``.

        Returns
        -------
        Natural logarithm of the odds, shape ``(batch,)``; 0 for a density that is its own mirror image.
        """
        with torch.autocast(density.device.type, enabled=False):
            points = max(1, round(PART * density[0].numel()))
            highest = density.flatten(1).topk(points, dim=1).indices
            averages, gradients = self._surroundings(density.float(), cell)
            even, odd = _at(averages, highest).squeeze(-2), _at(gradients, highest)
            one, other = self.pairs(odd).chunk(2, dim=-1)
            scalars = (one * other).sum(-2)
            known = torch.cat([even, scalars / (1.0 + _BEND * scalars.abs())], dim=-1)
            triples = _triple_product(*self.vectors(odd).chunk(3, dim=-1))
            bounded = triples / (1.0 + triples.abs())
            evidence: Tensor = (self.weigh(known) * bounded).mean(1).sum(-1) * _EVIDENCE
            return evidence

    def _surroundings(self, density: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Average over shells round every point, and differentiate the averages.

        Returns
        -------
        Averages ``(batch, shells, 1, u, v, w)`` and gradients along x, y, z ``(batch, shells, 3, u, v, w)``,
        each with a root mean square of 1.
        """
        shape = density.shape[1:]
        s = _reciprocal_vectors(cell, (shape[0], shape[1], shape[2]))
        q = 2.0 * math.pi * s.norm(dim=-1)
        damping = torch.exp(-0.5 * (q * THICKNESS) ** 2)
        waves = torch.stack([torch.sinc(q * (radius / math.pi)) * damping for radius in RADII], dim=1)
        F = torch.fft.rfftn(density - density.mean(_DIMS, keepdim=True), dim=_DIMS)
        averaged = F[:, None] * torch.einsum("kr,bruvw->bkuvw", self.shells, waves)
        slopes = averaged[:, :, None] * (2j * math.pi * s.permute(0, 4, 1, 2, 3)[:, None])
        back = [torch.fft.irfftn(one, s=shape, dim=_DIMS) for one in (averaged[:, :, None], slopes)]
        return _with_norm_one(back[0]), _with_norm_one(back[1])


def _reciprocal_vectors(cell: Tensor, shape: Shape) -> Tensor:
    """Cartesian reciprocal-lattice vectors in Å⁻¹, half-complex grid, ``(batch, u, v, w//2 + 1, 3)``."""
    h, k, l = grid_indices(shape, cell.device, cell.dtype)  # noqa: E741
    hkl = torch.stack(torch.meshgrid(h, k, l, indexing="ij"), dim=-1)
    return torch.einsum("uvwi,bij->buvwj", hkl, torch.linalg.inv(orthogonalisation_matrix(cell)))


def _with_norm_one(fields: Tensor) -> Tensor:
    """Divide fields ``(batch, shells, components, u, v, w)`` by their root mean square length."""
    square = fields.square().sum(2, keepdim=True).mean(_DIMS, keepdim=True)
    return fields * torch.where(square > 0.0, square, 1.0).rsqrt()


def _at(fields: Tensor, points: Tensor) -> Tensor:
    """Pick points, flat indices ``(batch, n)``, out of fields → ``(batch, n, components, shells)``."""
    flat = fields.flatten(3)
    places = points[:, None, None, :].expand(-1, flat.shape[1], flat.shape[2], -1)
    return flat.gather(3, places).permute(0, 3, 2, 1)


def _triple_product(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return a · (b × c) of vectors, ``(batch, n, 3, products)`` → ``(batch, n, products)``."""
    x, y, z = (b[:, :, i] * c[:, :, j] - b[:, :, j] * c[:, :, i] for i, j in ((1, 2), (2, 0), (0, 1)))
    return a[:, :, 0] * x + a[:, :, 1] * y + a[:, :, 2] * z
