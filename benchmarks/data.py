"""The data engine: agreement with gemmi, speed against two other ways, crystals, streaming and memory.

    python benchmarks/data.py [--quick] [--json FILE]

Everything runs on one thread. Speed is measured on test fragments, where nothing is fitted to them. Ratios
are of CPU time in one run. `cpu_ratio_vs_gemmi` compares F, density and Patterson map on the same grid, with
gemmi as accurate relative to F as ours; beside it stand other settings, and its maps at the papers' 0.5 Å,
which hold the same information. `cpu_ratio_vs_published_route` compares with programs and files (routes.py).
What needs a CUDA device is "not measured" without one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import torch
from torch import Tensor

import forward
from rephase.crystal.grid import Shape
from rephase.data.crystals.recipes import CrystalRecipe, CubicCell, GrowingCell, draw_crystal
from rephase.data.fragments import Fragments, load_fragments
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.batch_stream import BatchStream
from rephase.data.stream.map_batches import maps_of
from rephase.data.stream.stream_config import StreamConfig
from rephase.data.stream.stream_figures import measure_stream
from rephase.physics.atoms import pack_atoms
from rephase.physics.cells import cell_volume
from rephase.physics.density import density_from_structure_factors, patterson_from_structure_factors
from rephase.physics.reflection_grid import grid_index, grid_to_hkl
from rephase.physics.structure_factors import structure_factors
from routes import file_route_seconds
from small_unet import SmallUNet, training_step

RECIPES = {
    "15-mers, P1": CrystalRecipe(),
    "15-mers, P1, 80-90 % solvent": CrystalRecipe(cell=GrowingCell(solvent=(0.8, 0.9))),
    "15-mers, P21": CrystalRecipe(cell=GrowingCell(spacegroups=("P 21",))),
    "15-mers, P212121": CrystalRecipe(cell=GrowingCell(spacegroups=("P 21 21 21",))),
    "15-mers, cubic 60 Å": CrystalRecipe(cell=CubicCell(edge=60.0)),
}
STREAMS = {
    "1.5 Å": StreamConfig(),
    "1.6-2.25 Å, rate 2.305-2.745": StreamConfig.model_validate(
        {"d_min": [1.6, 2.25], "grid": {"kind": "rate", "rate": [2.305, 2.745]}}
    ),
    "1.5 Å on 0.5 Å grids": StreamConfig.model_validate({"grid": {"kind": "spacing", "spacing": 0.5}}),
}
STRUCTURES = forward.FRAGMENTS.with_name("structures")
NOT_MEASURED = "not measured"


# --- agreement ---


def agreement(examples: list[forward.Example]) -> dict[str, float]:
    """Largest |ΔF|/|F| against direct summation in float64, and |Δρ|/max |ρ| of maps on the 0.5 Å grid."""
    return {
        "max_relative_error": max(relative_error(example, torch.float32) for example in examples),
        "max_relative_error_float64": max(relative_error(example, torch.float64) for example in examples),
        "max_error_of_half_angstrom_maps": max(map_difference(example) for example in examples[:4]),
    }


def factors(example: forward.Example, shape: Shape, dtype: torch.dtype) -> Tensor:
    xyz = torch.from_numpy(example.xyz_frac).to(dtype)
    element, offset = torch.from_numpy(example.element), torch.tensor([0, len(example.element)])
    atoms = pack_atoms(xyz, element, offset, forward.ELEMENTS, forward.B_ISO)
    return structure_factors(atoms, cell_of(example, dtype), forward.D_MIN, shape)


def cell_of(example: forward.Example, dtype: torch.dtype) -> Tensor:
    return torch.tensor([example.cell.parameters], dtype=dtype)


def relative_error(example: forward.Example, dtype: torch.dtype) -> float:
    hkl, expected = forward.direct_sample(example)
    grid = factors(example, example.shape, dtype)
    found = grid_to_hkl(grid, grid_index(torch.from_numpy(hkl), example.shape))[0]
    return forward.errors(found.numpy(), expected)[1]


def map_difference(example: forward.Example) -> float:
    """Compare maps at 0.5 Å with gemmi's syntheses of its own direct sums; the worse of both maps."""
    shape = half_angstrom_grid(example)
    F, volume = factors(example, shape, torch.float32), cell_volume(cell_of(example, torch.float32))
    ours = [
        density_from_structure_factors(F, volume, shape),
        patterson_from_structure_factors(F, volume, shape),
    ]
    calculator = gemmi.StructureFactorCalculatorX(example.cell)
    model, group = forward.gemmi_structure(example)[0], gemmi.SpaceGroup("P 1")
    hkl = gemmi.make_miller_array(example.cell, group, forward.D_MIN, 0.0, unique=True)
    values = np.array([calculator.calculate_sf_from_model(model, h) for h in hkl.tolist()])
    worst = 0.0
    for mine, coefficients in zip(ours, (values, np.abs(values) ** 2), strict=True):
        data = gemmi.ComplexAsuData(example.cell, group, hkl, coefficients.astype(np.complex64))
        grid = gemmi.transform_f_phi_grid_to_map(data.get_f_phi_on_grid(shape, half_l=True)).array
        worst = max(worst, float(np.abs(mine[0].numpy() - grid).max() / np.abs(grid).max()))
    return worst


def half_angstrom_grid(example: forward.Example) -> Shape:
    nu, nv, nw = (2 * int(np.ceil(edge)) for edge in example.cell.parameters[:3])
    return nu, nv, nw


# --- speed ---


def speed(examples: list[forward.Example], repeats: int, files: int) -> dict[str, Any]:
    structures = [forward.gemmi_structure(example) for example in examples]
    few = list(zip(examples, structures, strict=True))[:6]
    settings = forward.tuned_settings(*(list(column) for column in zip(*few, strict=True)))
    tasks: dict[str, tuple[Callable[..., object], list[Any]]] = {
        "ours": (forward.our_forward, forward.make_batches(examples, 16))
    }
    for name, setting in settings.items():
        work = [(s, e.shape, setting) for e, s in zip(examples, structures, strict=True)]
        tasks[name] = (forward.gemmi_forward, work)
    fine = [
        (s, half_angstrom_grid(e), settings["default"]) for e, s in zip(examples, structures, strict=True)
    ]
    tasks["default, 0.5 Å maps"] = (forward.gemmi_forward, fine)
    times = forward.time_all(tasks, repeats)
    ours = statistics.median(times["ours"]) / len(examples)
    ratios = {name: forward.median_ratio(times[name], times["ours"]) for name in tasks if name != "ours"}
    by_files = {
        "as published": file_route_seconds(examples[:files], python_per_file=False) / ours,
        "every step a process of its own": file_route_seconds(examples[:3], python_per_file=True) / ours,
    }
    return {
        "ours_ms": 1e3 * ours,
        "cpu_ratio_vs_gemmi": ratios.pop("same accuracy"),
        "cpu_ratio_vs_gemmi_otherwise": ratios,
        "cpu_ratio_vs_published_route": by_files["as published"],
        "cpu_ratio_vs_published_route_otherwise": by_files,
    }


def crystal_rates(fragments: Fragments, seconds: float) -> dict[str, Any]:
    rates = {name: crystal_rate(fragments, recipe, seconds) for name, recipe in RECIPES.items()}
    return {"crystals_per_second": rates.pop("15-mers, P1"), "crystals_per_second_otherwise": rates}


def crystal_rate(fragments: Fragments, recipe: CrystalRecipe, seconds: float) -> float:
    rng, xyz, elements = np.random.default_rng(0), fragments.xyz_cart.astype(np.float64), fragments.elements
    made, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        rows = fragments.atoms_of(made % len(fragments))
        draw_crystal(xyz[rows], elements[rows], recipe, rng)
        made += 1
    return made / (time.process_time() - start)


# --- sets and streams ---


def made_set(*words: str | Path) -> dict[str, float]:
    """Run a command of `rephase data`; seconds, and MiB of the largest of its processes."""
    program = (
        "import resource, sys\nfrom rephase.cli.main import run\n"
        "if __name__ == '__main__':\n"
        "    status = run(sys.argv[1:])\n"
        "    own, children = (resource.getrusage(who).ru_maxrss for who in "
        "(resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))\n"
        "    print(max(own, children) / 1024)\n"
        "    sys.exit(status)\n"
    )
    start = time.perf_counter()
    printed = run_script(program, "data", *(str(word) for word in words))
    return {"seconds": time.perf_counter() - start, "peak_mib": float(printed.splitlines()[-1])}


def run_script(program: str, *words: str) -> str:
    """Run a program in a Python of its own, from a file, so that it can start processes."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(program)
        script.flush()
        command = [sys.executable, script.name, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def stream_figures(data: FragmentSet, batches: int) -> dict[str, dict[str, float]]:
    return {
        name: asdict(measure_stream(BatchStream(data, config), batches)) for name, config in STREAMS.items()
    }


def streaming_overhead(data: FragmentSet, steps: int) -> dict[str, float]:
    """Measure what crystals and maps of 15-mers at 1.5 Å, made in the same process, add to a training step.

    The network sees a 16³ corner of each map.
    """
    torch.manual_seed(0)
    stream = iter(BatchStream(data, StreamConfig(batch_size=16, lanes=1, reservoir=8)))
    net = SmallUNet()
    optimiser = torch.optim.AdamW(net.parameters())
    trained, streamed = [], []
    for step in range(steps + 1):
        start = time.process_time()
        maps = maps_of(next(stream))
        patterson, density = (m.values[:, :16, :16, :16].contiguous() for m in (maps.patterson, maps.density))
        between = time.process_time()
        training_step(net, optimiser, patterson, density)
        if step:  # the first fills the reservoir and plans the transforms
            streamed.append(between - start)
            trained.append(time.process_time() - between)
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "training_step_s": statistics.mean(trained),
        "added": statistics.mean(streamed) / statistics.mean(trained),
    }


def worker_memory(path: Path) -> float:
    """MiB of the larger of two loader processes, each with half of the stream."""
    program = (
        "import resource, sys\nfrom itertools import islice\n"
        "from rephase.data.sets.fragment_set import FragmentSet\n"
        "from rephase.data.stream.batch_stream import BatchStream\n"
        "from rephase.data.stream.stream_config import StreamConfig\n"
        "if __name__ == '__main__':\n"
        "    stream = BatchStream(FragmentSet.open(sys.argv[1]), StreamConfig(), workers=2)\n"
        "    batches = iter(stream)\n"
        "    for _ in islice(batches, 40): pass\n"
        "    del batches\n"
        "    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)\n"
    )
    return float(run_script(program, str(path)).splitlines()[-1])


def cuda_rate(data: FragmentSet, size: int = 1024) -> float | str:
    """15-mers per second, atoms to F, density and Patterson map, on a CUDA device with crystals at hand."""
    if not torch.cuda.is_available():
        return NOT_MEASURED
    stream = BatchStream(data, StreamConfig(batch_size=size, lanes=1, reservoir=8))
    batches = [batch.to("cuda") for batch in islice(stream, 4)]
    for batch in batches:
        maps_of(batch)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(5):
        for batch in batches:
            maps_of(batch)
    torch.cuda.synchronize()
    return 5 * size * len(batches) / (time.perf_counter() - start)


# --- all of it ---


def measure(quick: bool) -> dict[str, Any]:
    examples = forward.make_examples(96 if quick else 512)
    result: dict[str, Any] = agreement(examples[: 4 if quick else 12])
    result |= speed(examples, repeats=2 if quick else 5, files=5 if quick else 40)
    test = load_fragments(forward.FRAGMENTS, ["test"])
    result |= crystal_rates(test, seconds=1.0 if quick else 5.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p15"
        result["import_of_fragments15"] = made_set("import", forward.FRAGMENTS, "-o", path)
        if not quick:
            table = ["--split", STRUCTURES / "manifest.tsv", "--jobs", "1"]
            result["build_of_1361_structures"] = made_set(
                "build", STRUCTURES, "-o", path.with_name("b"), *table
            )
        data = FragmentSet.open(path)
        result["bytes_per_fragment"] = sum(shard.bytes for shard in data.record.shards) / len(data)
        result["streams"] = stream_figures(data, 32 if quick else 512)
        result["streaming"] = streaming_overhead(data, 4 if quick else 24)
        result["loader_worker_mib"] = worker_memory(path)
        result["cuda_15mers_per_second"] = cuda_rate(data)
    return result | {"load_average": os.getloadavg()[0], "hardware": forward.hardware()}


def show(value: Any, indent: int = 0) -> None:
    for name, entry in value.items():
        if isinstance(entry, dict):
            print(f"{'':{indent}}{name}")
            show(entry, indent + 4)
        else:
            print(
                f"{'':{indent}}{name:{40 - indent}} {entry:.4g}"
                if isinstance(entry, float)
                else f"{'':{indent}}{name:{40 - indent}} {entry}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer fragments and repetitions: a minute")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(arguments.quick)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
