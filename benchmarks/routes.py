"""The way from atoms to maps through files, as the papers had it, to compare with.

A program computes the structure factors of each PDB file, a program writes each map, and Python reads the
maps back, saves them as tensors, and scales these in a second pass. CCP4's fft, which was used for the maps,
is replaced by gemmi's own program, and the Patterson map by a second density: the work is the same.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from forward import D_MIN, Example, gemmi_structure

SAMPLE = 3.0  # points per d_min: 0.5 Å at 1.5 Å
GEMMI = Path(sys.executable).with_name("gemmi")
TO_TENSORS = """
import sys, gemmi, torch
for name in sys.argv[1:]:
    grid = gemmi.read_ccp4_map(name, setup=True).grid
    torch.save(torch.tensor(grid.array), name + ".pt")
"""
SCALE = """
import sys, torch
for name in sys.argv[1:]:
    tensor = torch.load(name + ".pt", weights_only=True)
    torch.save(2.0 * (tensor - tensor.min()) / (tensor.max() - tensor.min()) - 1.0, name + ".pt")
"""


def file_route_seconds(examples: Sequence[Example], python_per_file: bool) -> float:
    """CPU seconds per fragment, those of all processes; the start of Python counts only if it is per file."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.pdb" for number in range(len(examples))]
        for path, example in zip(paths, examples, strict=True):
            gemmi_structure(example).write_pdb(str(path))
        seconds = child_seconds(lambda: [run_programs(path) for path in paths])
        maps = [str(path) for path in sorted(Path(folder).glob("*.ccp4"))]
        for script in (TO_TENSORS, SCALE):
            if python_per_file:
                seconds += child_seconds(lambda script=script: [run_python(script, name) for name in maps])
            else:
                start = child_seconds(lambda script=script: run_python(script))
                seconds += child_seconds(lambda script=script: run_python(script, *maps)) - start
    return seconds / len(examples)


def run_programs(path: Path) -> None:
    mtz = path.with_suffix(".mtz")
    run(GEMMI, "sfcalc", f"--dmin={D_MIN}", f"--to-mtz={mtz}", path)
    for name in ("density", "patterson"):
        ccp4 = path.with_name(f"{path.stem}-{name}.ccp4")
        run(GEMMI, "sf2map", "-f", "FC", "-p", "PHIC", f"--sample={SAMPLE}", mtz, ccp4)


def run_python(script: str, *names: str) -> None:
    run(sys.executable, "-c", script, *names)


def run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def child_seconds(work: Callable[[], object]) -> float:
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
