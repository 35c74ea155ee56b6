"""Atoms → structure factors by separable direct summation (docs/conventions.md: structure factor).

exp(2πi h·x) = exp(2πi hx)·exp(2πi ky)·exp(2πi lz), so the sum over the atoms of one element is one matrix
product: rows cos 2πhx and sin 2πhx for h ≥ 0, columns exp(2πi(ky + lz)). Cosine ± i·sine gives both signs of
h, which halves the work of a complex product. The element's f(s) exp(−B s²/4) multiplies the result;
individual B values are mixtures of a few common ones.
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
        _place(*_sum_over_atoms(atoms.cells(part), weights[part], f, decay, at), grid[part])
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


def _sum_over_atoms(
    atoms: AtomBatch, weights: Tensor, f: Tensor, decay: Tensor, at: Indices
) -> tuple[Tensor, Tensor]:
    """F at h ≥ 0 and at −h, each of shape ``(batch, h, l, k)``.

    `weights`, shape ``(batch, nodes, slots)``, says how much of each displacement node an atom is.
    """
    along_h, along_k, along_l = (
        _phases(x, indices) for x, indices in zip(atoms.xyz_frac.unbind(-1), at, strict=True)
    )
    rows = torch.cat([along_h.real, along_h.imag], dim=-1).mT
    step = _slots_at_once(len(rows), len(at.k) * len(at.l), rows)

    def terms() -> Iterator[tuple[Tensor, Tensor]]:
        for element, slots in _chunks(atoms.slots_of_element, step):
            columns = torch.view_as_real(along_l[:, slots, :, None] * along_k[:, slots, None]).flatten(2)
            for node in range(weights.shape[1]):
                product = (rows[..., slots] * weights[:, None, node, slots]) @ columns
                sums = torch.view_as_complex(product.view(-1, 2, len(at.h), len(at.l), len(at.k), 2))
                cosine, sine = sums.unbind(1)
                amplitude = f[:, element] * decay[:, node]
                plus, minus = (torch.add(cosine, sine, alpha=sign) for sign in (1j, -1j))
                yield plus.mul_(amplitude[:, 0]), minus.mul_(amplitude[:, 1])

    return reduce(lambda total, term: (total[0].add_(term[0]), total[1].add_(term[1])), terms())


def _chunks(slots_of_element: Sequence[int], step: int) -> Iterator[tuple[int, slice]]:
    """Yield runs of at most `step` slots of one element, with the element's number."""
    start = 0
    for element, size in enumerate(slots_of_element):
        for first in range(start, start + size, step):
            yield element, slice(first, min(first + step, start + size))
        start += size


def _phases(x: Tensor, index: Tensor) -> Tensor:
    """exp(2πi·index·x), shape ``(batch, slots, indices)``.

    x is brought to [0, 1) first: the smaller angles keep float32 exact to 1e-5.
    """
    angle = (x - x.detach().floor())[..., None] * (2.0 * math.pi * index)
    return torch.complex(torch.cos(angle), torch.sin(angle))


def _place(plus: Tensor, minus: Tensor, grid: Tensor) -> None:
    """Write compact ``(batch, h, l, k)`` halves into a zero grid ``(batch, l, h, k)``."""
    rows, layers, columns = plus.shape[1:]
    high = columns // 2 + 1  # k = 0 … k_max, then the negative ones
    positive, negative = plus.transpose(1, 2), minus[:, 1:].flip(1).transpose(1, 2)
    nu, nv = grid.shape[2:]
    for values, h in ((positive, slice(0, rows)), (negative, slice(nu - rows + 1, nu))):
        grid[:, :layers, h, :high] = values[..., :high]
        grid[:, :layers, h, nv - columns + high :] = values[..., high:]
