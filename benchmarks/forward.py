"""Forward step, atoms → F → density + Patterson, against gemmi in the same process, on one thread.

    python benchmarks/forward.py [--quick] [--json FILE]

Real 15-residue fragments in P1 cells with random angles, d_min 1.5 Å, B = 20. Both sides start from atoms in
memory and end with F to d_min and two maps near the Nyquist rate. gemmi makes a density on a grid, its FFT,
the reflections and two maps, in three settings: its defaults; the fastest whose largest |ΔF| is ≤ 1e-4 of the
largest |F| ("tuned", the hardest to beat); the fastest whose largest |ΔF|/|F| is ≤ 1e-4, as ours is ("same
accuracy"). CPU time of one thread is compared, in interleaved repetitions; a ratio is their median.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.grid import Shape, grid_shape
from rephase.data.crystals.cell_shapes import ANGLE_ODDS, ANGLES, unit_cell_volume
from rephase.data.fragments import load_fragments
from rephase.data.stream.buckets import shape_buckets
from rephase.physics.atoms import pack_atoms
from rephase.physics.cells import cell_volume
from rephase.physics.density import density_from_structure_factors, patterson_from_structure_factors
from rephase.physics.reflection_grid import grid_index, grid_to_hkl
from rephase.physics.structure_factors import structure_factors

REPOSITORY = Path(__file__).resolve().parents[1]
FRAGMENTS = REPOSITORY.parent / "shared/data/fragments15.npz"
D_MIN, B_ISO = 1.5, 20.0
ELEMENTS = ("C", "N", "O", "S")
ERROR_LIMIT = 1e-4
FLOOR = 0.01  # of max |F|: below it |ΔF|/|F| says nothing about a map
BATCH_SIZES = (1, 4, 16, 64)
DEFAULT_SETTING = (1.5, 0.0, 1e-5)  # rate, blur, cutoff of gemmi.DensityCalculatorX


@dataclass(frozen=True)
class Example:
    """One fragment in its cell."""

    cell: gemmi.UnitCell
    xyz_frac: NDArray[np.float32]
    element: NDArray[np.int64]
    shape: Shape


def make_examples(count: int) -> list[Example]:
    """Draw test fragments and cells; cells flatter than half of the box of their edges are drawn again."""
    fragments, rng = load_fragments(FRAGMENTS, ["test"]), np.random.default_rng(2026)
    examples, elements = [], fragments.elements
    for i in rng.choice(len(fragments), count, replace=False):
        rows = fragments.atoms_of(i)
        xyz = fragments.xyz_cart[rows].astype(np.float64)
        xyz -= xyz.mean(0)
        edges = np.ptp(xyz, axis=0) + rng.uniform(5.0, 10.0, 3)
        cell = gemmi.UnitCell(*edges, *draw_angles(rng))
        xyz_frac = xyz @ np.array(cell.frac.mat.tolist()).T + 0.5
        element = np.array([ELEMENTS.index(symbol) for symbol in elements[rows]])
        examples.append(Example(cell, xyz_frac.astype(np.float32), element, grid_shape(cell, D_MIN)))
    return examples


def draw_angles(rng: np.random.Generator) -> NDArray[np.float64]:
    while True:
        angles = rng.choice(ANGLES, 3, p=ANGLE_ODDS)
        if unit_cell_volume(angles) > 0.5:
            return angles


# --- gemmi ---


def gemmi_structure(example: Example) -> gemmi.Structure:
    structure, residue, chain = gemmi.Structure(), gemmi.Residue(), gemmi.Chain("A")
    structure.cell, structure.spacegroup_hm = example.cell, "P 1"
    for xyz, element in zip(example.xyz_frac.tolist(), example.element, strict=True):
        atom = gemmi.Atom()
        atom.element, atom.b_iso = gemmi.Element(ELEMENTS[element]), B_ISO
        atom.pos = example.cell.orthogonalize(gemmi.Fractional(*xyz))
        residue.add_atom(atom)
    chain.add_residue(residue)
    structure.add_model(gemmi.Model(1))
    structure[0].add_chain(chain)
    return structure


def gemmi_structure_factors(
    structure: gemmi.Structure, setting: tuple[float, float, float]
) -> gemmi.ComplexAsuData:
    calculator = gemmi.DensityCalculatorX()
    calculator.d_min = D_MIN
    calculator.rate, calculator.blur, calculator.cutoff = setting
    calculator.grid.setup_from(structure)
    calculator.put_model_density_on_grid(structure[0])
    grid = gemmi.transform_map_to_f_phi(calculator.grid, half_l=True)
    return grid.prepare_asu_data(dmin=D_MIN, unblur=calculator.blur, mott_bethe=False)


def gemmi_forward(structure: gemmi.Structure, shape: Shape, setting: tuple[float, float, float]) -> None:
    data = gemmi_structure_factors(structure, setting)
    gemmi.transform_f_phi_grid_to_map(data.get_f_phi_on_grid(shape, half_l=True))
    values = data.value_array
    values[...] = values.real**2 + values.imag**2
    gemmi.transform_f_phi_grid_to_map(data.get_f_phi_on_grid(shape, half_l=True))


def tuned_settings(
    examples: list[Example], structures: list[gemmi.Structure]
) -> dict[str, tuple[float, float, float]]:
    """Scan gemmi's rate, blur and cutoff on a few examples; the fastest by either measure of error."""
    timed: dict[str, list[tuple[float, tuple[float, float, float]]]] = {"tuned": [], "same accuracy": []}
    for setting in product((1.25, 1.35, 1.5, 1.75, 2.0), (0.0, 5.0, 10.0), (1e-7, 1e-6, 1e-5, 3e-5)):
        found = worst([gemmi_errors(e, s, setting) for e, s in zip(examples, structures, strict=True)])
        work = [(s, e.shape, setting) for e, s in zip(examples, structures, strict=True)]
        entry = (min(cpu_seconds(gemmi_forward, work) for _ in range(3)), setting)
        if found["of_largest_f"] <= ERROR_LIMIT:
            timed["tuned"].append(entry)
        if found["relative_above_floor"] <= ERROR_LIMIT:
            timed["same accuracy"].append(entry)
    return {"default": DEFAULT_SETTING} | {
        name: min(entries)[1] for name, entries in timed.items() if entries
    }


# --- ours ---

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Shape]


def make_batches(examples: list[Example], size: int, device: str = "cpu") -> list[Batch]:
    """Concatenate examples of like grids: coordinates, elements, offsets, cells, common grid."""
    batches = []
    for members in shape_buckets(np.array([example.shape for example in examples]), size):
        group = [examples[i] for i in members]
        nu, nv, nw = (max(sizes) for sizes in zip(*(e.shape for e in group), strict=True))
        tensors = (
            torch.from_numpy(np.concatenate([e.xyz_frac for e in group])),
            torch.from_numpy(np.concatenate([e.element for e in group])),
            torch.tensor([0, *np.cumsum([len(e.element) for e in group]).tolist()]),
            torch.tensor([e.cell.parameters for e in group], dtype=torch.float32),
        )
        xyz, element, offset, cell = (tensor.to(device) for tensor in tensors)
        batches.append((xyz, element, offset, cell, (nu, nv, nw)))
    return batches


def our_structure_factors(xyz: Tensor, element: Tensor, offset: Tensor, cell: Tensor, shape: Shape) -> Tensor:
    return structure_factors(pack_atoms(xyz, element, offset, ELEMENTS, B_ISO), cell, D_MIN, shape)


def our_forward(*batch: Any) -> None:
    F, volume, shape = our_structure_factors(*batch), cell_volume(batch[3]), batch[4]
    density_from_structure_factors(F, volume, shape)
    patterson_from_structure_factors(F, volume, shape)


# --- errors against direct summation in float64 ---


def direct_sample(example: Example, count: int = 400) -> tuple[NDArray[np.int32], NDArray[np.complex128]]:
    hkl = gemmi.make_miller_array(example.cell, gemmi.SpaceGroup("P 1"), D_MIN, 0.0, unique=True)
    hkl = np.random.default_rng(1).permutation(hkl)[:count]
    calculator, model = gemmi.StructureFactorCalculatorX(example.cell), gemmi_structure(example)[0]
    return hkl, np.array([calculator.calculate_sf_from_model(model, h) for h in hkl.tolist()])


def errors(found: NDArray[Any], expected: NDArray[Any]) -> tuple[float, float]:
    """Return max |ΔF| / max |F|, and max |ΔF|/|F| where |F| > FLOOR · max |F|."""
    delta, size = np.abs(found - expected), np.abs(expected)
    strong = size > FLOOR * size.max()
    return float(delta.max() / size.max()), float((delta[strong] / size[strong]).max())


def gemmi_errors(
    example: Example, structure: gemmi.Structure, setting: tuple[float, float, float]
) -> tuple[float, float]:
    hkl, expected = direct_sample(example)
    data = gemmi_structure_factors(structure, setting)
    table = {tuple(h): value for h, value in zip(data.miller_array.tolist(), data.value_array, strict=True)}
    return errors(np.array([table[tuple(h)] for h in hkl.tolist()]), expected)


def our_errors(example: Example) -> tuple[float, float]:
    hkl, expected = direct_sample(example)
    grid = our_structure_factors(*make_batches([example], 1)[0])
    found = grid_to_hkl(grid, grid_index(torch.from_numpy(hkl), example.shape))[0]
    return errors(found.numpy(), expected)


def worst(pairs: list[tuple[float, float]]) -> dict[str, float]:
    of_largest, relative = zip(*pairs, strict=True)
    return {"of_largest_f": max(of_largest), "relative_above_floor": max(relative)}


# --- timing ---


def cpu_seconds(function: Callable[..., object], work: list[Any]) -> float:
    start = time.process_time()
    for arguments in work:
        function(*arguments)
    return time.process_time() - start


def time_all(
    tasks: dict[str, tuple[Callable[..., object], list[Any]]], repeats: int
) -> dict[str, list[float]]:
    """CPU seconds of every task, interleaved, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for repeat in range(repeats + 1):
        for name, (function, work) in tasks.items():
            seconds = cpu_seconds(function, work)
            if repeat:
                times[name].append(seconds)
    return times


def cuda_crystals_per_second(examples: list[Example], size: int = 2048) -> float | None:
    """Rate on a CUDA device with large batches, wall time; None without one."""
    if not torch.cuda.is_available():
        return None
    repeated = (examples * (size // len(examples) + 1))[:size]
    batches = make_batches(repeated, size, "cuda")
    our_forward(*batches[0])
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(5):
        our_forward(*batches[0])
    torch.cuda.synchronize()
    return 5 * size / (time.perf_counter() - start)


def hardware() -> dict[str, str]:
    model = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), "unknown")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return {
        "cpu": model.split(":")[-1].strip(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gemmi": gemmi.__version__,
        "commit": commit.stdout.strip(),
    }


def measure(count: int, repeats: int) -> dict[str, Any]:
    examples = make_examples(count)
    structures = [gemmi_structure(example) for example in examples]
    few = list(zip(examples, structures, strict=True))[:6]
    settings = tuned_settings(*(list(column) for column in zip(*few, strict=True)))
    tasks: dict[str, tuple[Callable[..., object], list[Any]]] = {}
    for name, setting in settings.items():
        work = [(s, e.shape, setting) for e, s in zip(examples, structures, strict=True)]
        tasks[f"gemmi {name}"] = (gemmi_forward, work)
    for size in BATCH_SIZES:
        tasks[f"ours, batch {size}"] = (our_forward, make_batches(examples, size))
    tasks["F alone, batch 16"] = (our_structure_factors, make_batches(examples, 16))
    times = time_all(tasks, repeats)
    best = min((name for name in times if name.startswith("ours")), key=lambda name: sum(times[name]))
    accuracy = {f"gemmi {n}": worst([gemmi_errors(*pair, x) for pair in few]) for n, x in settings.items()}
    return {
        "examples": count,
        "mean_atoms": float(np.mean([len(e.element) for e in examples])),
        "mean_grid_points": float(np.mean([np.prod(e.shape) for e in examples])),
        "gemmi_rate_blur_cutoff": settings,
        "ms_per_example": {name: 1e3 * statistics.median(t) / count for name, t in times.items()},
        "best": best,
        "cpu_ratio_vs_gemmi": {name: median_ratio(times[f"gemmi {name}"], times[best]) for name in settings},
        "ratio_vs_gemmi_tuned": {name: median_ratio(times["gemmi tuned"], t) for name, t in times.items()},
        "max_relative_error": {"ours": worst([our_errors(e) for e, _ in few])} | accuracy,
        "cuda_crystals_per_second": cuda_crystals_per_second(examples),
        "load_average": os.getloadavg()[0],
        "hardware": hardware(),
    }


def median_ratio(reference: list[float], seconds: list[float]) -> float:
    return statistics.median(g / t for g, t in zip(reference, seconds, strict=True))


def show(result: dict[str, Any]) -> None:
    print(
        f"{result['examples']} fragments, {result['mean_atoms']:.0f} atoms and "
        f"{result['mean_grid_points']:.0f} grid points on average; load {result['load_average']:.1f}"
    )
    print(f"{'':26}{'ms/example':>12}{'× gemmi tuned':>16}")
    for name, ms in result["ms_per_example"].items():
        print(f"{name:26}{ms:12.3f}{result['ratio_vs_gemmi_tuned'][name]:16.2f}")
    for name, ratio in result["cpu_ratio_vs_gemmi"].items():
        setting = result["gemmi_rate_blur_cutoff"][name]
        print(f"{result['best']}: {ratio:.2f} × gemmi {name} (rate, blur, cutoff {setting})")
    print(f"{'error against float64 sums':26}{'of max |F|':>12}{'of |F|':>16}  (|F| > {FLOOR} max |F|)")
    for name, error in result["max_relative_error"].items():
        print(f"{name:26}{error['of_largest_f']:12.1e}{error['relative_above_floor']:16.1e}")
    rate = result["cuda_crystals_per_second"]
    print("CUDA: not measured" if rate is None else f"CUDA: {rate:.0f} crystals/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="64 fragments, 3 repetitions")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        result = measure(64, 3) if arguments.quick else measure(512, 5)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
