"""Atoms → structure factors by separable direct summation (docs/conventions.md: structure factor).

exp(2πi h·x) = exp(2πi hx)·exp(2πi(ky + lz)), so the sum over the atoms of one element is a matrix product:
its rows are cos 2πhx and sin 2πhx for h ≥ 0, its columns the real and the imaginary part of
exp(2πi(ky + lz)). Their sums and differences give both signs of h. The element's f(s) multiplies them,
exp(−B s²/4) the sum over the elements; individual B values are mixtures of a few common ones.
"""

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from rephase.physics.amplitudes import SmoothFormFactors, displacement_nodes, smooth_form_factors
from rephase.physics.atoms import AtomBatch
from rephase.physics.cells import Shape, beyond_resolution, inv_d2_of_indices, reciprocal_metric
from rephase.physics.form_factors import form_factor_table, form_factors

_COLUMN_BYTES = {"cpu": 4 << 20, "cuda": 1 << 30}
"""Largest block of columns held at once; on a CPU it should stay in the cache."""


class Indices(NamedTuple):
    """Miller indices along the axes: h ≥ 0, k of both signs in FFT order, l ≥ 0; each 1-D."""

    h: Tensor
    k: Tensor
    l: Tensor  # noqa: E741


def structure_factors(atoms: AtomBatch, cell: Tensor, d_min: Tensor | float, shape: Shape) -> Tensor:
    """Structure factors of a batch of P1 cells on a common half-complex grid.

    Parameters
    ----------
    atoms
        Batch of atoms; every atom may have its own B.
    cell
        Cells, shape ``(batch, 6)``, Å and degrees, in the dtype of the atoms.
    d_min
        High-resolution limit in Å, a number or shape ``(batch,)``.
    shape
        Grid of the map, ``(nu, nv, nw)``; must hold every reflection without aliasing.

    Returns
    -------
    F in electrons, complex, shape ``(batch, nu, nv, nw//2 + 1)``; zero at 000 and beyond d_min.
    Differentiable with respect to coordinates, B and occupancies (not the cell). The memory order is
    ``(batch, l, h, k)``, the fastest for the transforms that follow.

    Raises
    ------
    ValueError
        When the grid is too coarse for d_min.
    """
    d_min = torch.as_tensor(d_min, device=cell.device, dtype=cell.dtype).expand(len(cell))
    sharpest = float(d_min.amin())
    nu, nv, nw = shape
    grid = torch.zeros((len(cell), nw // 2 + 1, nu, nv), dtype=cell.dtype.to_complex(), device=cell.device)
    series = smooth_form_factors(atoms.elements, sharpest, cell)
    b_nodes, weights = displacement_nodes(atoms.b_iso, atoms.occupancy, sharpest)
    weights = weights * atoms.occupancy[:, None]
    metric = reciprocal_metric(cell.detach())
    for part in _parts(atoms, shape):
        at = _signed_indices(_index_limits(cell[part], d_min[part], shape), cell)
        f, decay = _amplitudes(series, b_nodes[part], metric[part], d_min[part], at)
        _place(_sum_over_atoms(atoms.cells(part), weights[part], f, decay, at), grid[part])
    grid[:, 0, 0, 0] = 0.0  # F000
    return grid.permute(0, 2, 3, 1)


def structure_factors_at_hkl(atoms: AtomBatch, cell: Tensor, hkl: Tensor) -> Tensor:
    """Structure factors at listed reflections, term by term: for few reflections and for checks.

    Parameters
    ----------
    atoms
        Batch of atoms.
    cell
        Cells, shape ``(batch, 6)``.
    hkl
        Miller indices, shape ``(n, 3)``, the same list for every cell.

    Returns
    -------
    F in electrons, complex, shape ``(batch, n)``.
    """
    h = hkl.to(cell.dtype)
    inv_d2 = torch.einsum("ni,bij,nj->bn", h, reciprocal_metric(cell), h)
    table = form_factor_table(atoms.elements, cell.device, cell.dtype)
    f = form_factors(table, inv_d2)
    kinds = torch.arange(len(atoms.elements), device=cell.device)
    element = kinds.repeat_interleave(torch.tensor(atoms.slots_of_element, device=cell.device))
    amplitude = f[element].transpose(0, 1) * atoms.occupancy[..., None]
    amplitude = amplitude * torch.exp(-atoms.b_iso[..., None] * inv_d2[:, None] / 4.0)
    phase = 2.0 * math.pi * (atoms.xyz_frac @ h.T)
    return torch.complex((amplitude * torch.cos(phase)).sum(1), (amplitude * torch.sin(phase)).sum(1))


def _index_limits(cell: Tensor, d_min: Tensor, shape: Shape) -> list[int]:
    """Largest h, k, l of some cells: |h| = |s·a| ≤ a/d_min in any cell."""
    edges = (cell[:, :3] / d_min[:, None]).detach().amax(0) * (1.0 + 1e-6)
    limits = [math.floor(edge) for edge in edges.tolist()]
    if any(2 * index >= n for index, n in zip(limits, shape, strict=True)):
        raise ValueError(f"grid {shape} is too coarse for indices up to {limits}")
    return limits


def _signed_indices(limits: list[int], like: Tensor) -> Indices:
    """Return h ≥ 0, k in FFT order and l ≥ 0 up to the limits."""
    h, k, l = (torch.arange(n + 1, device=like.device, dtype=like.dtype) for n in limits)  # noqa: E741
    return Indices(h, torch.cat([k, -k[1:].flip(0)]), l)


def _parts(atoms: AtomBatch, shape: Shape) -> Iterator[slice]:
    """Slices of the batch whose columns fit into `_COLUMN_BYTES`; at least one cell each."""
    slots = atoms.xyz_frac.shape[1]
    step = max(1, _slots_at_once(1, shape[1] * (shape[2] // 2 + 1), atoms.xyz_frac) // max(1, slots))
    for start in range(0, len(atoms), step):
        yield slice(start, start + step)


def _slots_at_once(batch: int, columns: int, like: Tensor) -> int:
    allowed = _COLUMN_BYTES["cpu" if like.device.type == "cpu" else "cuda"]
    return max(1, allowed // (2 * like.element_size() * batch * columns))


def _amplitudes(
    series: SmoothFormFactors, b_nodes: Tensor, metric: Tensor, d_min: Tensor, at: Indices
) -> tuple[Tensor, Tensor]:
    """Two factors of f(s) exp(−B s²/4), ``(batch, elements, 2, h, l, k)`` and ``(batch, nodes, 2, h, l, k)``.

    The second is zero beyond the resolution limit.
    """
    hlk = [0, 2, 1]
    inv_d2 = inv_d2_of_indices(metric[:, hlk][..., hlk], torch.cat([at.h, -at.h]), at.l, at.k)
    decay = torch.exp(inv_d2[:, None] * ((b_nodes[:, :, None, None, None] + series.beta) / -4.0))
    decay.masked_fill_(beyond_resolution(inv_d2, d_min)[:, None], 0.0)
    return _by_sign(series.on_grid(inv_d2)), _by_sign(decay)


def _by_sign(values: Tensor) -> Tensor:
    """Split the third axis, h of both signs, into sign and magnitude."""
    return values.view(*values.shape[:2], 2, -1, *values.shape[3:])


def _sum_over_atoms(atoms: AtomBatch, weights: Tensor, f: Tensor, decay: Tensor, at: Indices) -> Tensor:
    """F at h ≥ 0 and at −h, complex, shape ``(batch, 2, h, l, k)``.

    `weights`, shape ``(batch, nodes, slots)``, says how much of each displacement node an atom is.
    """
    (cos_h, sin_h), (cos_k, sin_k), (cos_l, sin_l) = (
        _cosine_and_sine(x, indices) for x, indices in zip(atoms.xyz_frac.unbind(-1), at, strict=True)
    )
    rows = torch.cat([cos_h, sin_h], dim=-1).mT
    along_k, along_l = (cos_k[:, :, None], sin_k[:, :, None]), (cos_l[..., None], sin_l[..., None])
    batch, _, _, *hlk = f.shape
    step = _slots_at_once(batch, hlk[1] * hlk[2], f)
    f, decay = f.flatten(-2), decay.flatten(-2)
    sums = [_SignedSums.zeros(like=f[:, 0, 0]) for _ in range(weights.shape[1])]
    for element, slots in _chunks(atoms.slots_of_element, step):
        real, imaginary = _columns(*(x[:, slots] for x in (*along_l, *along_k)))
        for node, total in enumerate(sums):
            weighted = rows[..., slots] * weights[:, None, node, slots]
            total.add(weighted @ real, weighted @ imaginary, f[:, element])
    products = (total.times(decay[:, node]) for node, total in enumerate(sums))
    return reduce(torch.add, products).view(batch, 2, *hlk)


def _columns(cos_l: Tensor, sin_l: Tensor, cos_k: Tensor, sin_k: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of exp(2πi(ky + lz)), each of shape ``(batch, slots, l·k)``."""
    real = torch.addcmul(cos_l * cos_k, sin_l, sin_k, value=-1.0)
    imaginary = torch.addcmul(cos_l * sin_k, sin_l, cos_k)
    return real.flatten(2), imaginary.flatten(2)


class _SignedSums(NamedTuple):
    """Running sums of f·exp(2πi h·x), real and imaginary, at h and at −h; each ``(batch, h, l·k)``.

    Kept apart, because one pass over contiguous real numbers multiplies and adds.
    """

    plus_real: Tensor
    plus_imaginary: Tensor
    minus_real: Tensor
    minus_imaginary: Tensor

    @classmethod
    def zeros(cls, like: Tensor) -> "_SignedSums":
        return cls(*(torch.zeros_like(like) for _ in cls._fields))

    def add(self, real: Tensor, imaginary: Tensor, f: Tensor) -> None:
        """Add products of the rows, cosines then sines, with real and imaginary columns, times f."""
        cos_real, sin_real = real.chunk(2, dim=1)
        cos_imaginary, sin_imaginary = imaginary.chunk(2, dim=1)
        plus, minus = f.unbind(1)
        self.plus_real.addcmul_(cos_real - sin_imaginary, plus)
        self.plus_imaginary.addcmul_(cos_imaginary + sin_real, plus)
        self.minus_real.addcmul_(cos_real + sin_imaginary, minus)
        self.minus_imaginary.addcmul_(cos_imaginary - sin_real, minus)

    def times(self, decay: Tensor) -> Tensor:
        """Multiply by ``(batch, 2, h, l·k)`` real numbers; complex, of the same shape."""
        plus, minus = decay.unbind(1)
        return torch.stack(
            [
                torch.complex(self.plus_real * plus, self.plus_imaginary * plus),
                torch.complex(self.minus_real * minus, self.minus_imaginary * minus),
            ],
            dim=1,
        )


def _chunks(slots_of_element: Sequence[int], step: int) -> Iterator[tuple[int, slice]]:
    """Yield runs of at most `step` slots of one element, with the element's number."""
    start = 0
    for element, size in enumerate(slots_of_element):
        for first in range(start, start + size, step):
            yield element, slice(first, min(first + step, start + size))
        start += size


def _cosine_and_sine(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of 2π·index·x, each of shape ``(batch, slots, indices)``.

    x is brought to [0, 1) first: the smaller angles keep float32 exact to 1e-5.
    """
    angle = (x - x.detach().floor())[..., None] * (2.0 * math.pi * index)
    return torch.cos(angle), torch.sin(angle)


def _place(values: Tensor, grid: Tensor) -> None:
    """Write compact ``(batch, 2, h, l, k)`` values into a zero grid ``(batch, l, h, k)``."""
    rows, layers, columns = values.shape[2:]
    high = columns // 2 + 1  # k = 0 … k_max, then the negative ones
    plus, minus = values.transpose(2, 3).unbind(1)
    nu, nv = grid.shape[2:]
    for part, h in ((plus, slice(0, rows)), (minus[:, :, 1:].flip(2), slice(nu - rows + 1, nu))):
        grid[:, :layers, h, :high] = part[..., :high]
        grid[:, :layers, h, nv - columns + high :] = part[..., high:]
