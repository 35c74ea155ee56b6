"""The processes of one run, as torchrun starts them: who they are, and what they add up."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from rephase.errors import UserError

T = TypeVar("T")

_PATIENCE = timedelta(minutes=30)
"""How long the others wait for a process, which may be drawing its first crystals."""


@dataclass(frozen=True)
class Ranks:
    """One of the processes of a run.

    Attributes
    ----------
    rank, count
        Number of this process, and of all.
    local
        Number of this process on its machine, which is that of its GPU.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one dtype by their sums over all processes, in one message."""
        if self.count == 1:
            return
        joined = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(joined)
        parts = torch.split(joined, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order, to every one."""
        if self.count == 1:
            return [value]
        values: list[T] = [value] * self.count
        distributed.all_gather_object(values, value)
        return values


@contextlib.contextmanager
def joined_ranks(kind: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started; without torchrun there is one.

    Parameters
    ----------
    kind
        ``cuda``, where tensors travel by NCCL, or ``cpu``, by gloo.

    Raises
    ------
    UserError
        When a variable of the environment that torchrun sets is no number.
    """
    ranks = Ranks(_number("RANK", 0), _number("WORLD_SIZE", 1), _number("LOCAL_RANK", 0))
    if ranks.count == 1:
        yield ranks
        return
    if kind == "cuda":
        torch.cuda.set_device(ranks.local)  # where NCCL and gathered objects go
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield ranks
    finally:
        distributed.destroy_process_group()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UserError(f"a number in the variable {name}", repr(text), "start the run with torchrun")
    return int(text)
