"""Training speed of unet-fast against the published unet-se: examples a second, in one run on one thread.

    python benchmarks/training_speed.py SET [--quick] [--json FILE]

SET is a set with stored crystals, such as dipeptide-12. Both networks are trained on them by the steps of
`rephase train`, which include drawing the crystals and making their maps: unet-se as published, on the grid
of 0.5 Å in float32; unet-fast as in configs/train/dipeptide.yaml, with its passes, and variants of it. Each
takes the batch size that suits it best. Nothing of what is learnt is kept. Ratios are of CPU time, so that
other work on the machine matters less, and the repetitions of all variants alternate.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from forward import hardware
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.stream.crystal_batches import CrystalBatch
from rephase.io.config import read_config
from rephase.logs import format_table
from rephase.train.ranks import Ranks
from rephase.train.run import set_up
from rephase.train.train_config import TrainConfig
from rephase.train.trainer import Trainer

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "train"
TARGET = 10.0
PUBLISHED, FAST = "unet-se", "unet-fast"
ON_THE_SET = ("stream.crystal=null", "stream.subwindow=null", "stream.d_min=null", "validation.examples=0")
WARM_UP = 1  # the first step fills the reservoir of crystals and the caches of the transforms


@dataclass(frozen=True)
class Variant:
    """A way to train: settings to start from, what is changed in them, and batch sizes to choose from."""

    config: str
    changes: tuple[str, ...]
    batch_sizes: tuple[int, ...]


VARIANTS = {
    PUBLISHED: Variant("published-unet-se", ("batches_per_step=1",), (2, 4, 8)),
    FAST: Variant("dipeptide", (), (8, 16, 32)),
    f"{FAST} in float32": Variant("dipeptide", ("machine.bf16=false",), (8, 16, 32)),
    f"{FAST} in one pass": Variant("dipeptide", ("passes=[0,0]",), (8, 16, 32)),
}


@dataclass(eq=False)
class Training:
    """A network in training, and the seconds of CPU time that every repetition took for an example."""

    trainer: Trainer
    batches: Iterator[CrystalBatch]
    seconds: list[float] = field(default_factory=list)


def begin(variant: Variant, path: Path, batch_size: int) -> Training:
    """Set up a training on stored crystals of a set, and take its first step."""
    split = next(name for name, count in FragmentSet.open(path).record.splits.items() if count)
    on_set = (f"set={path}", f"stream.batch_size={batch_size}", *ON_THE_SET)
    config = read_config(TrainConfig, CONFIGS / f"{variant.config}.yaml", (*on_set, *variant.changes))
    # which split it is does not matter to the speed, and nothing is kept
    stream = config.stream.model_copy(update={"split": split})
    run = set_up(config.model_copy(update={"stream": stream}), Ranks())
    training = Training(run.trainer, iter(run.stream))
    train(training, WARM_UP)
    return training


def train(training: Training, steps: int) -> float:
    """Take steps; return their CPU time in seconds for an example."""
    trainer, before = training.trainer, training.trainer.examples
    start = time.process_time()
    for _ in range(steps):
        trainer.take_step(training.batches, trainer.rate())
    return (time.process_time() - start) / (trainer.examples - before)


def steps_for(training: Training, seconds: float) -> int:
    """Return how many steps take so many seconds, at least two."""
    per_step = train(training, 1) * training.trainer.config.stream.batch_size
    return max(2, math.ceil(seconds / per_step))


def best_batch_size(variant: Variant, path: Path, seconds: float) -> int:
    """Return the batch size with which most examples a second are trained on."""
    times = {}
    for size in variant.batch_sizes:
        training = begin(variant, path, size)
        times[size] = train(training, steps_for(training, seconds))
    return min(times, key=times.__getitem__)


def measure(path: Path, *, quick: bool) -> dict[str, object]:
    """Measure all variants in turn; quickly: at one batch size, in two short repetitions."""
    repetitions, seconds = (2, 2.0) if quick else (5, 8.0)
    trainings, steps = {}, {}
    for name, variant in VARIANTS.items():
        size = variant.batch_sizes[1] if quick else best_batch_size(variant, path, seconds / 2.0)
        trainings[name] = begin(variant, path, size)
        steps[name] = steps_for(trainings[name], seconds)
        print(f"  {name}: batches of {size}, {steps[name]} steps", file=sys.stderr, flush=True)
    begun, cpu = time.perf_counter(), time.process_time()
    for _ in range(repetitions):
        for name, training in trainings.items():
            training.seconds.append(train(training, steps[name]))
    busy = (time.process_time() - cpu) / (time.perf_counter() - begun)
    published = trainings[PUBLISHED].seconds
    return {
        "set": path.name,
        "repetitions": repetitions,
        "target_ratio": TARGET,
        "variants": {name: figures(training, published) for name, training in trainings.items()},
        "part_of_a_core": busy,
        "load_average": os.getloadavg()[0],
        "hardware": hardware() | {"amx": torch.cpu._is_amx_tile_supported()},
    }


def figures(training: Training, published: Sequence[float]) -> dict[str, object]:
    """Return the speed of a variant, and its ratio to the published network with a 95 % interval."""
    ratio, low, high = ratio_interval(published, training.seconds)
    config = training.trainer.config
    return {
        "parameters": sum(weight.numel() for weight in training.trainer.network.parameters()),
        "batch_size": config.stream.batch_size,
        "passes": config.passes,
        "bf16": bool(config.machine.bf16),
        "examples_per_second": 1.0 / float(np.median(training.seconds)),
        "ratio": ratio,
        "ratio_interval": [low, high],
        "seconds_per_example": training.seconds,
    }


def ratio_interval(slow: Sequence[float], fast: Sequence[float]) -> tuple[float, float, float]:
    """Geometric mean of the ratios of repetitions, with the interval of Student's t of their logarithms."""
    logs = np.log(np.array(slow) / np.array(fast))
    if np.ptp(logs) == 0.0 or len(logs) < 2:
        return (float(np.exp(logs.mean())),) * 3
    low, high = stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs))
    return float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high))


def table(found: dict) -> str:
    """Lay out the figures."""
    rows = []
    for name, one in found["variants"].items():
        low, high = one["ratio_interval"]
        verdict = ("met" if one["ratio"] >= TARGET else "MISSED") if name == FAST else ""
        rows.append(
            [
                name,
                str(one["batch_size"]),
                f"{one['examples_per_second']:.2f}",
                "" if name == PUBLISHED else f"{one['ratio']:.1f} [{low:.1f}, {high:.1f}]",
                f"≥ {TARGET:g}" if name == FAST else "",
                verdict,
            ]
        )
    return format_table(["training", "batch", "examples/s", "ratio [95 %]", "target", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path, help="a set with stored crystals")
    parser.add_argument("--quick", action="store_true", help="one batch size, two short repetitions")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(arguments.set, quick=arguments.quick)
    print(table(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
