"""Six-dimensional search for a rigid group of atoms in a phased P1 map: rotations × FFT, then refinement."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import gemmi
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from rephase.physics.density import density_from_structure_factors

Shape = tuple[int, int, int]

ROTATIONS_AT = 1000, 150, 10_000.0
"""Most and fewest rotations, and the cell volume in Å³ up to which all are tried: larger cells hold more
copies of a conformation, so fewer rotations find enough of them. 1000 are about 20° apart."""

SATURATION = 2.0
"""Density above this counts as this, in units of the density-weighted mean: sulphur is no better than O."""

STEPS = 25
FIRST_STEP, LAST_STEP = 0.1, 0.03
"""Steps of refinement and their sizes in Å, the smaller one in the last third."""

MEMORY, SQUARE_MEMORY = 0.9, 0.999
"""Decay of the running means of the gradient and its square (Kingma & Ba 2015, arXiv 1412.6980)."""

_GOLDEN, _PSI = math.sqrt(2.0), 1.533751168755204288118041
"""Constants of the super-Fibonacci spirals: ψ is the positive root of ψ⁴ = ψ + 4."""

_BATCH = 128


@dataclass(frozen=True, eq=False)
class RigidGroup:
    """Atoms that move together.

    Attributes
    ----------
    name
        What it is.
    xyz
        Coordinates in Å about their centre, shape ``(n, 3)``, float32.
    electrons
        Shape ``(n,)``, float32.
    """

    name: str
    xyz: Tensor
    electrons: Tensor

    @property
    def radius(self) -> float:
        """Root mean square distance from the centre, Å."""
        return float(self.xyz.square().sum(1).mean().sqrt())


def even_rotations(volume: float, seed: int) -> Tensor:
    """Rotation matrices evenly over all orientations, for a cell of `volume` Å³, shape ``(n, 3, 3)``.

    Super-Fibonacci spirals on the quaternion sphere (Alexa 2022, Proc. CVPR, 8291), turned as a whole by a
    random rotation.
    """
    most, fewest, full = ROTATIONS_AT
    n = round(min(most, max(fewest, most * full / volume)))
    s = torch.arange(n, dtype=torch.float64) + 0.5
    inner, outer = torch.sqrt(s / n), torch.sqrt(1.0 - s / n)
    alpha, beta = 2.0 * math.pi * s / _GOLDEN, 2.0 * math.pi * s / _PSI
    spiral = torch.stack(
        [inner * alpha.sin(), inner * alpha.cos(), outer * beta.sin(), outer * beta.cos()], 1
    )
    start = torch.randn(4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    turned = Rotation.from_quat(start.numpy()) * Rotation.from_quat(spiral.numpy())
    return torch.from_numpy(turned.as_matrix()).float()


def search(
    group: RigidGroup, F: Tensor, cell: gemmi.UnitCell, shape: Shape, turns: Tensor, keep: int
) -> list[tuple[Tensor, Tensor]]:
    """Find the best translation for every rotation by FFT, in the map of F and in its inverse.

    C(t) = Σ_h F(h) T*(h) exp(−2πi h·t) is the overlap of the map with the group moved by t.

    Parameters
    ----------
    group
        What to look for.
    F
        Structure factors, shape ``(nu, nv, nw//2 + 1)``.
    cell, shape
        Unit cell, and the numbers of points ``(nu, nv, nw)`` of the map.
    turns
        Rotation matrices to try, shape ``(n, 3, 3)``.
    keep
        How many starts to return.

    Returns
    -------
    list
        For the map and for its inverse: the `keep` best rotations, ``(keep, 3, 3)``, and their fractional
        translations, ``(keep, 3)``.
    """
    to_frac = torch.tensor(cell.frac.mat.tolist(), dtype=torch.float32)
    values, places = [], []
    for part in torch.split(turns, _BATCH):
        transform = _transforms((group.xyz @ part.mT) @ to_frac.T, group.electrons, shape).conj()
        overlap = density_from_structure_factors(
            torch.stack([F * transform, F.conj() * transform]), 1.0, shape
        )
        value, place = overlap.flatten(2).max(dim=2)
        values.append(value)
        places.append(place)
    chosen = torch.cat(values, 1).topk(min(keep, len(turns)), dim=1).indices
    points = torch.stack(torch.unravel_index(torch.cat(places, 1).gather(1, chosen), shape), -1)
    starts = points / torch.tensor(shape)
    return [(turns[chosen[hand]], starts[hand]) for hand in (0, 1)]


def _transforms(xyz_frac: Tensor, electrons: Tensor, shape: Shape) -> Tensor:
    """Σ Z exp(2πi h·x) of groups, ``(batch, atoms, 3)`` → ``(batch, nu, nv, nw//2 + 1)``."""
    nu, nv, nw = shape
    indices = [torch.fft.fftfreq(nu, 1.0 / nu), torch.fft.fftfreq(nv, 1.0 / nv), torch.arange(nw // 2 + 1)]
    h, k, l = (  # noqa: E741
        torch.exp(2j * math.pi * xyz_frac[..., axis, None] * index) for axis, index in enumerate(indices)
    )
    columns = (k[..., :, None] * l[..., None, :]).flatten(2)
    return ((h * electrons[:, None]).mT @ columns).reshape(-1, nu, nv, nw // 2 + 1)


def refine(
    group: RigidGroup, density: Tensor, cell: gemmi.UnitCell, turns: Tensor, shifts: Tensor
) -> tuple[Tensor, Tensor]:
    """Move rigid groups uphill in the mean density at their atoms.

    Parameters
    ----------
    group
        What to fit.
    density
        Shape ``(nu, nv, nw)``, sampled so finely that it is nearly linear between points.
    cell
        Unit cell.
    turns, shifts
        Where to start: rotations ``(n, 3, 3)`` and fractional translations ``(n, 3)``.

    Returns
    -------
    tuple
        Mean saturated density at the atoms, ``(n,)``, and fractional centres, ``(n, 3)``.
    """
    to_frac = torch.tensor(cell.frac.mat.tolist(), dtype=torch.float32)

    def fit(move: Tensor) -> Tensor:
        small = torch.linalg.matrix_exp(_skew(move[:, :3] / group.radius))
        xyz_cart = group.xyz @ (small @ turns).mT + move[:, None, 3:]
        at_atoms = interpolate(density, xyz_cart @ to_frac.T + shifts[:, None])
        return at_atoms.clamp(max=SATURATION).mean(1)

    move = torch.zeros(len(turns), 6)
    mean, square = torch.zeros_like(move), torch.zeros_like(move)
    for step in range(1, STEPS + 1):
        slope = _slope(fit, move)
        mean = MEMORY * mean + (1.0 - MEMORY) * slope
        square = SQUARE_MEMORY * square + (1.0 - SQUARE_MEMORY) * slope.square()
        size = FIRST_STEP if step <= 2 * STEPS // 3 else LAST_STEP
        rms = torch.sqrt(square / (1.0 - SQUARE_MEMORY**step)) + 1e-8
        move = move + size * mean / (1.0 - MEMORY**step) / rms
    with torch.no_grad():
        return fit(move), shifts + move[:, 3:] @ to_frac.T


def _slope(fit: Callable[[Tensor], Tensor], move: Tensor) -> Tensor:
    """Gradient of each fit with respect to its own move, shape ``(n, 6)``."""
    with torch.enable_grad():
        at = move.clone().requires_grad_()
        (slope,) = torch.autograd.grad(fit(at).sum(), [at])
    return slope


def _skew(vectors: Tensor) -> Tensor:
    """Matrices of the cross product with vectors, ``(n, 3)`` → ``(n, 3, 3)``."""
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)


def interpolate(density: Tensor, xyz_frac: Tensor) -> Tensor:
    """Read a periodic map, ``(nu, nv, nw)``, between its points, ``(..., 3)`` → ``(...)``, linearly."""
    size = torch.tensor(density.shape)
    scaled = (xyz_frac - xyz_frac.detach().floor()) * size
    below = scaled.detach().floor()
    ahead = scaled - below
    first, second = below.long() % size, (below.long() + 1) % size
    total = torch.zeros(())
    for corner in ((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)):
        pick = torch.tensor(corner, dtype=torch.bool)
        weight = torch.where(pick, ahead, 1.0 - ahead).prod(-1)
        u, v, w = torch.where(pick, second, first).unbind(-1)
        total = total + weight * density[u, v, w]
    return total
