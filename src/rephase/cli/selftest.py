"""The self-test of `rephase doctor`: real work with a number and a limit for each piece."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One result of the self-test.

    Attributes
    ----------
    name
        What was tested.
    value, limit
        The figure found (None when the check broke), and the largest that is good.
    seconds
        Time it took.
    trouble
        Why there is no figure; empty where there is one.
    """

    name: str
    value: float | None
    limit: float
    seconds: float
    trouble: str = ""

    @property
    def passed(self) -> bool:
        """True when a figure was found and lies within the limit."""
        return self.value is not None and self.value <= self.limit


def run_checks() -> list[Check]:
    """Run every check; one that breaks is reported with its error, and the others still run."""
    return [check(name, measure, limit) for name, measure, limit in CHECKS]


def check(name: str, measure: Callable[[], float], limit: float) -> Check:
    """Time `measure` and hold its figure against `limit`."""
    start = time.perf_counter()
    value, trouble = None, ""
    try:
        value = measure()
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"
    return Check(name, value, limit, time.perf_counter() - start, trouble)


def fft_round_trip_error() -> float:
    """Return the largest error of a float32 map after a Fourier transform there and back."""
    import torch

    density = torch.randn((4, 48, 48, 48), generator=torch.Generator().manual_seed(1))
    back = torch.fft.irfftn(torch.fft.rfftn(density, dim=(-3, -2, -1)), s=density.shape[-3:])
    return float((back - density).abs().max())


CHECKS: tuple[tuple[str, Callable[[], float], float], ...] = (
    ("FFT of a map there and back, largest error", fft_round_trip_error, 1e-5),
)
