"""What is installed on this machine and what it can do."""

import importlib.metadata
import os
import platform
import re
import shutil
from pathlib import Path

EXTERNAL_PROGRAMS = {
    "SHELXE": ("shelxe",),
    "SHELXD": ("shelxd",),
    "Coot": ("coot", "coot-1"),
    "ChimeraX": ("chimerax", "ChimeraX"),
    "PyMOL": ("pymol",),
    "Phenix": ("phenix.refine",),
    "Parrot": ("cparrot",),
    "Buccaneer": ("cbuccaneer",),
    "ModelCraft": ("modelcraft",),
    "Servalcat": ("servalcat",),
    "Refmac": ("refmacat", "refmac5"),
    "Chromium": ("chromium", "chromium-browser", "google-chrome"),
}


def versions() -> dict[str, str | None]:
    """Return the versions of Python, rephase and each package it needs; None for one that is missing."""
    needed = importlib.metadata.requires("rephase") or []
    names = [_distribution(line) for line in needed if "extra ==" not in line]
    return {"python": platform.python_version()} | {name: version_of(name) for name in ("rephase", *names)}


def _distribution(requirement: str) -> str:
    """Return the name at the head of a requirement such as ``torch>=2.6``."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def programs() -> dict[str, str | None]:
    """Return where each external program lies on the search path; None for one that is not there."""
    return {name: _first_found(executables) for name, executables in EXTERNAL_PROGRAMS.items()}


def _first_found(executables: tuple[str, ...]) -> str | None:
    return next((path for name in executables if (path := shutil.which(name))), None)


def hardware() -> dict[str, str]:
    """Describe the processor, its cores and threads, the memory and the CUDA devices, in words."""
    import torch

    found = {
        "system": platform.platform(),
        "cores": f"{cores()} for this process, {os.cpu_count()} in the machine",
        "threads": f"{torch.get_num_threads()} used by torch",
        "memory": memory(),
    }
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        found[f"cuda:{index}"] = f"{device.name}, {device.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.is_available():
        found["cuda"] = "none: the CPU is used"
    return found


def cores() -> int:
    """Return the number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> str:
    """Describe the memory in words: total, and what is available where the system says so."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    meminfo = Path("/proc/meminfo")
    available = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text()) if meminfo.exists() else None
    return f"{total:.1f} GiB" + (f", {int(available[1]) / 2**20:.1f} GiB available" if available else "")
