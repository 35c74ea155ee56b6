"""Which program, on which machine, by which command."""

import platform
import shlex
from importlib.metadata import version
from pathlib import Path

import torch

from rephase.report.results import Versions


def versions(device: torch.device) -> Versions:
    """Return the versions of this process and the device in words."""
    names = ("rephase", "torch", "gemmi", "numpy")
    return Versions(
        python=platform.python_version(),
        device=describe_device(device),
        **{name: version(name) for name in names},
    )


def describe_device(device: torch.device) -> str:
    """Name a device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def command_line(
    data: Path | str,
    output: Path,
    *,
    in_p1: bool = False,
    command: str = "solve",
    **options: Path | str | float | None,
) -> str:
    """Return the command that repeats a run; options that are None are left out."""
    words = ["rephase", command, str(data)]
    for name, value in options.items():
        if value is not None:
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            words += [f"--{name.replace('_', '-')}", shown]
    words += ["--in-p1"] if in_p1 else []
    return shlex.join([*words, "-o", str(output)])
