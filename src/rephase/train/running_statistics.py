"""Running means of batch normalisation that do not depend on how the batches of a step are shared out."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from rephase.train.ranks import Ranks


class RunningStatistics:
    """The running means and variances of a network during one step, which moves them once.

    They move by the mean over all batches of the step. Batches that moved them one after the other would
    leave something else when they are shared among processes.

    Parameters
    ----------
    network
        Its batch normalisations are changed in place.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
        running = [(layer.running_mean, layer.running_var) for layer in layers]
        self._values = [value for pair in running for value in pair if value is not None]
        self._sums = [torch.zeros_like(value) for value in self._values]
        counters = [layer.num_batches_tracked for layer in layers]
        self._counters = [counter for counter in counters if counter is not None]
        self._before = [value.clone() for value in (*self._values, *self._counters)]

    @contextlib.contextmanager
    def of_a_batch(self) -> Iterator[None]:
        """Let a batch move them from where they were before the step."""
        self.undo()
        yield
        for total, value in zip(self._sums, self._values, strict=True):
            total += value

    def keep(self, batches: int, ranks: Ranks) -> None:
        """Move them by the mean over the `batches` of all processes."""
        self.undo()
        if self._values:
            ranks.add_up(self._sums)
            _copy([total / batches for total in self._sums], self._values)
        for counter in self._counters:
            counter += 1

    def undo(self) -> None:
        """Put them back where they were before the step."""
        _copy(self._before, [*self._values, *self._counters])


def _copy(sources: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.copy_(source)
