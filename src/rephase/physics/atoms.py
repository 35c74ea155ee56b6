"""Batches of atoms: concatenated fragments laid out so that one element is one block."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class AtomBatch:
    """Atoms of several P1 cells, padded to a rectangle and grouped by element.

    Attributes
    ----------
    xyz_frac
        Fractional coordinates, shape ``(batch, slots, 3)``.
    b_iso
        Isotropic displacement parameters in Å², shape ``(batch, slots)``.
    occupancy
        Shape ``(batch, slots)``; zero in the slots that hold no atom.
    elements
        Symbols of the blocks.
    slots_of_element
        Number of consecutive slots of each block; their sum is ``slots``.
    """

    xyz_frac: Tensor
    b_iso: Tensor
    occupancy: Tensor
    elements: tuple[str, ...]
    slots_of_element: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.xyz_frac)

    def cells(self, part: slice) -> "AtomBatch":
        """Return a part of the batch, as views."""
        return replace(
            self, xyz_frac=self.xyz_frac[part], b_iso=self.b_iso[part], occupancy=self.occupancy[part]
        )


def pack_atoms(
    xyz_frac: Tensor,
    element: Tensor,
    offset: Tensor,
    elements: Sequence[str],
    b_iso: Tensor | float,
    occupancy: Tensor | None = None,
) -> AtomBatch:
    """Lay concatenated atoms out as a batch; gradients flow through.

    Parameters
    ----------
    xyz_frac
        Fractional coordinates of all atoms, one cell after the other, shape ``(atoms, 3)``.
    element
        Index of each atom into `elements`, shape ``(atoms,)``, int64.
    offset
        First atom of each cell and the total, shape ``(batch + 1,)``, int64.
    elements
        Element symbols. Those that do not occur take no slots.
    b_iso
        Å²; one number, or shape ``(atoms,)``.
    occupancy
        Shape ``(atoms,)``; 1 when absent.

    Returns
    -------
    Batch of ``len(offset) - 1`` cells.
    """
    batch, kinds = len(offset) - 1, len(elements)
    of_cell = torch.repeat_interleave(torch.arange(batch, device=element.device), offset.diff())
    block = of_cell * kinds + element
    counts = torch.bincount(block, minlength=batch * kinds)
    order = torch.argsort(block, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank - (counts.cumsum(0) - counts)[block]
    slots = counts.view(batch, kinds).amax(0)
    slot = (slots.cumsum(0) - slots)[element] + rank

    def place(values: Tensor) -> Tensor:
        empty = values.new_zeros((batch, width, *values.shape[1:]))
        return empty.index_put((of_cell, slot), values)

    sizes: list[int] = slots.tolist()
    width = sum(sizes)
    one_per_atom = torch.ones_like(xyz_frac[:, 0])
    used = [i for i, size in enumerate(sizes) if size > 0]
    return AtomBatch(
        xyz_frac=place(xyz_frac),
        b_iso=place(b_iso * one_per_atom),
        occupancy=place(one_per_atom if occupancy is None else occupancy),
        elements=tuple(elements[i] for i in used),
        slots_of_element=tuple(sizes[i] for i in used),
    )
