"""The precision in which networks compute."""

import torch

from rephase.train.run_config import Machine


def reduced_precision(device: torch.device, machine: Machine) -> torch.autocast:
    """Return a context in which networks compute in bfloat16 where that is wanted.

    Weights are cast anew in every pass: those cast in a pass without gradients would be taken again in the
    next one, and then get no gradient.
    """
    enabled = device.type == "cuda" if machine.bf16 is None else machine.bf16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)
