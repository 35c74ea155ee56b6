"""What a prediction owes to the density drawn by the network, and what to the maps that it was shown."""

import torch
from torch import Tensor, nn

from rephase.models.prior_data import PriorData, relative_s2

_TERMS = 4


class PriorSum(nn.Module):
    """Adds the coefficients of the network's own density and of its inputs, every reflection by itself.

    A phase that was given is evidence of its own reflection alone. Kernels spread what they see over their
    neighbourhood, so it would be lost in them; here it is added, as in a combination of phase probabilities.
    The gains are linear in the resolution, in |E|, and in the figure of merit of the given phase, with
    coefficients that follow from crystal and state. They begin at 1 for the own density and 0 for the rest.

    Parameters
    ----------
    context
        Numbers that describe crystal and state.
    maps
        Inputs; the last one holds the given phases.
    """

    def __init__(self, context: int, maps: int) -> None:
        super().__init__()
        self.gains = nn.Linear(context, (maps + 1) * _TERMS)
        nn.init.zeros_(self.gains.weight)
        nn.init.zeros_(self.gains.bias)

    def forward(self, own: Tensor, shown: Tensor, context: Tensor, data: PriorData) -> Tensor:
        """Add up coefficients.

        Parameters
        ----------
        own
            Of the density of the network, complex, shape ``(batch, u, v, w//2 + 1)``.
        shown
            Of its inputs, shape ``(batch, maps, u, v, w//2 + 1)``.
        context
            Shape ``(batch, context)``.
        data
            The crystal.

        Returns
        -------
        Shape ``(batch, u, v, w//2 + 1)``.
        """
        gains = self.gains(context).unflatten(1, (-1, _TERMS))
        terms = _terms(shown[:, -1], data)
        each = torch.einsum("bmt,btuvw->bmuvw", gains, terms)
        added: Tensor = own + each[:, 0] * own + (each[:, 1:] * shown).sum(1)
        return added


def _terms(given: Tensor, data: PriorData) -> Tensor:
    """Return what gains are linear in, shape ``(batch, 4, u, v, w//2 + 1)``."""
    relative = relative_s2(data)
    e = torch.where(data.known, data.amplitude / data.expected - 1.0, 0.0)
    fom = torch.where(data.known, given.abs() / data.amplitude.clamp(min=_SMALLEST), 0.0).clamp(max=1.0)
    same = torch.stack([torch.ones_like(relative), relative, e])
    return torch.cat([same.expand(len(given), -1, -1, -1, -1), fom[:, None]], dim=1)


_SMALLEST = 1e-6
