"""Batches of crystals on a common grid, as they travel from the processes that draw them to the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.grid import Shape
from rephase.data.crystals.crystal_model import CrystalModel, primitive_p1
from rephase.data.stream.buckets import own_fraction
from rephase.data.stream.examples import Example
from rephase.data.stream.stream_config import Measurement
from rephase.physics.atoms import AtomBatch, pack_atoms

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, eq=False)
class Measurements:
    """How the crystals of a batch are measured, one value each; None for what no crystal suffers.

    Attributes
    ----------
    i_over_sigma_edge, completeness, beam_stop, blind_cone, rotation_range
        Shape ``(batch,)``, Å and degrees; see `rephase.data.stream.stream_config.Measurement`.
    bulk_solvent
        Whether there is solvent, bool, shape ``(batch,)``.
    scan
        Rows: beam at the start, its normal, rotation axis; shape ``(batch, 3, 3)``.
    """

    i_over_sigma_edge: Tensor | None
    completeness: Tensor | None
    beam_stop: Tensor | None
    blind_cone: Tensor | None
    rotation_range: Tensor | None
    bulk_solvent: Tensor | None
    scan: Tensor


@dataclass(frozen=True, eq=False)
class CrystalBatch:
    """Crystals in P1, in their primitive cells, with a common grid; float32.

    Attributes
    ----------
    atoms
        All atoms of the cells.
    cell
        Å and degrees, shape ``(batch, 6)``.
    d_min
        Å, shape ``(batch,)``.
    shape
        The grid: the smallest that holds everyone's own.
    own_shapes
        Everyone's own smallest grid, shape ``(batch, 3)``.
    measurements
        Errors and gaps.
    rows, epochs
        Which fragment of the set, in which pass over it, shape ``(batch,)``; on the CPU.
    noise_seed
        Seed of the errors of measurement.
    """

    atoms: AtomBatch
    cell: Tensor
    d_min: Tensor
    shape: Shape
    own_shapes: NDArray[np.int64]
    measurements: Measurements
    rows: NDArray[np.int64]
    epochs: NDArray[np.int64]
    noise_seed: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def own_fraction(self) -> float:
        """Part of the voxels that the members' own grids would have."""
        return own_fraction(self.own_shapes)

    def to(self, device: torch.device | str) -> "CrystalBatch":
        """Return the batch on a device; from pinned memory without waiting for the copy."""
        return _with_tensors(self, lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "CrystalBatch":
        """Return the batch in pinned memory."""
        return _with_tensors(self, Tensor.pin_memory)


def crystal_batch(examples: Sequence[Example], measurement: Measurement, seed: int) -> CrystalBatch:
    """Put examples together.

    Parameters
    ----------
    examples
        At least one; the first decides the noise, together with `seed`.
    measurement
        Says which errors and gaps occur at all.
    seed
        Of the stream.
    """
    own_shapes = np.array([example.shape for example in examples], dtype=np.int64)
    nu, nv, nw = (int(n) for n in own_shapes.max(axis=0))
    first, cells = examples[0], [primitive_p1(example.crystal) for example in examples]
    noise = np.random.SeedSequence([seed, first.epoch, first.row, _OF_NOISE]).generate_state(1, np.uint64)
    return CrystalBatch(
        atoms=packed_cells(cells),
        cell=torch.tensor([cell.cell.parameters for cell in cells], dtype=torch.float32),
        d_min=_column([example.d_min for example in examples]),
        shape=(nu, nv, nw),
        own_shapes=own_shapes,
        measurements=_measurements(examples, measurement),
        rows=np.array([example.row for example in examples], dtype=np.int64),
        epochs=np.array([example.epoch for example in examples], dtype=np.int64),
        noise_seed=int(noise[0] >> np.uint64(1)),
    )


_OF_NOISE = 2  # seeds of crystals and experiments end in 0 and 1


def packed_cells(cells: Sequence[CrystalModel]) -> AtomBatch:
    """Lay the atoms of P1 cells out as a batch, float32."""
    symbols, element = np.unique(np.concatenate([cell.elements for cell in cells]), return_inverse=True)
    return pack_atoms(
        torch.from_numpy(np.concatenate([cell.xyz_frac for cell in cells]).astype(np.float32)),
        torch.from_numpy(element.astype(np.int64)),
        torch.from_numpy(np.cumsum([0, *map(len, cells)])),
        symbols.tolist(),
        torch.from_numpy(np.concatenate([cell.b_iso for cell in cells]).astype(np.float32)),
    )


def _measurements(examples: Sequence[Example], ranges: Measurement) -> Measurements:
    draws = [example.measurement for example in examples]
    has_cone, has_wedge = ranges.blind_cone[1] > 0.0, ranges.rotation_range[0] < 180.0
    return Measurements(
        i_over_sigma_edge=(
            None if ranges.i_over_sigma_edge is None else _column([one.i_over_sigma_edge for one in draws])
        ),
        completeness=_column([d.completeness for d in draws]) if ranges.completeness[0] < 1.0 else None,
        beam_stop=None if ranges.beam_stop is None else _column([one.beam_stop for one in draws]),
        blind_cone=_column([one.blind_cone for one in draws]) if has_cone else None,
        rotation_range=_column([one.rotation_range for one in draws]) if has_wedge else None,
        bulk_solvent=torch.tensor([d.bulk_solvent for d in draws]) if ranges.bulk_solvent > 0.0 else None,
        scan=torch.from_numpy(np.stack([one.scan for one in draws]).astype(np.float32)),
    )


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _with_tensors(record: T, change: Callable[[Tensor], Tensor]) -> T:
    """Return a frozen dataclass with its tensors changed, those of records inside it too."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    changed = {
        name: change(value) if isinstance(value, Tensor) else _with_tensors(value, change)
        for name, value in values.items()
        if isinstance(value, Tensor | AtomBatch | Measurements)
    }
    return replace(record, **changed)
