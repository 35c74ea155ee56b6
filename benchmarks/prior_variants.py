"""What each part of the density prior brings: variants trained alike and judged on the same starts.

    python benchmarks/prior_variants.py FRAGMENTS --json FILE [--resume] [--quick] [--variants prior,residual]

FRAGMENTS is a set as `rephase data import` writes it. Every variant is a small network that is trained by
the steps of `rephase train` on the same fragments in P1, in the same order. Then it is given crystals of
the split `val`, two states each, with Gaussian phase errors:

- of 45° and 70° on average, without figures of merit: the loss of the first prediction, and mean cos Δφ
  after 1, 3 and 9 passes;
- of 60° and 70°, with figures of merit: how many are solved after 12 passes, by a map correlation of 0.80
  at the best origin.

How far two equal trainings differ tells "other seed", whose weights and crystals are others. After ±
stands the standard error of the last mean's difference to that of the prior, over crystals.

--resume goes on with FILE: a variant that it holds with the same settings and starts is not trained again.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean, median, stdev

import torch

from annealed_denoiser import denoising_lesson
from forward import hardware
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.io.atomic_files import write_whole
from rephase.logs import format_table
from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.trained_prior import PriorRange
from rephase.train.prior.crystal_source import CrystalSource, crystal_source
from rephase.train.prior.crystals import TrueCrystal
from rephase.train.prior.pool import Pool, TrajectorySource
from rephase.train.prior.prior_config import PriorTrainConfig
from rephase.train.prior.prior_trainer import Lesson, PriorTrainer, density_lesson
from rephase.train.ranks import Ranks
from variant_networks import (
    Confidence,
    Dilated,
    Likelihood,
    PlainKernels,
    Residual,
    WithoutAmplitudes,
    WithoutGiven,
    WithoutPrevious,
    WithPatterson,
    likelihood_lesson,
)
from variant_starts import (
    TOLD,
    UNTOLD,
    Level,
    Record,
    Start,
    Way,
    passed,
    passed_with_noise,
    reached,
    starts_of,
)

STEPS, CRYSTALS = 1500, 32
QUICK_STEPS, QUICK_CRYSTALS = 4, 2
SEED_OF_STARTS = 99
HEADERS = [
    "variant",
    "what differs",
    "weights",
    "ms a step",
    "loss 45°",
    "⟨cos⟩ from 45°",
    "loss 70°",
    "⟨cos⟩ from 70°",
    "solved from 60°",
    "from 70°",
]


@dataclass(frozen=True)
class Variant:
    """What differs from the prior: in words, the network, what it learns, how it is used, and settings."""

    note: str
    network: Callable[[DensityPriorConfig], DensityPrior] = DensityPrior
    lesson: Lesson = density_lesson
    way: Way = passed
    settings: Mapping[str, object] = field(default_factory=dict)


PRIOR = "prior"
STARTS: dict[str, object] = {"random": (0.1, 0.1), "points": 9_000}
VARIANTS = {
    PRIOR: Variant("as in the package, but small"),
    "other seed": Variant("the prior with other weights at the start, other crystals", settings={"seed": 2}),
    "residual": Variant("adds to a part of the current map", Residual),
    "likelihood": Variant("learns distributions of the phases", Likelihood, likelihood_lesson),
    "confidence": Variant("the same, how sure from a second map", Confidence, likelihood_lesson),
    "denoiser": Variant("knows the noise, which falls", DensityPrior, denoising_lesson, passed_with_noise),
    "dilated": Variant("every second block looks twice as far", Dilated),
    "Patterson": Variant("shown the map convolved with the Patterson map", WithPatterson),
    "no amplitudes": Variant("none put back within a pass", WithoutAmplitudes),
    "no previous": Variant("not shown what it predicted last", WithoutPrevious),
    "no given": Variant("not shown the start again", WithoutGiven),
    "plain kernels": Variant("the same weights in every cell", PlainKernels),
    "starts alone": Variant(
        "trained on starts, not on its own predictions",
        settings={"starts": STARTS | {"passes": (1, 1), "passes_from_random": (1, 1)}},
    ),
}


def settings_of(variant: Variant, fragments: Path, steps: int) -> PriorTrainConfig:
    """Return the settings of a training."""
    common: dict[str, object] = {
        "kind": "density-prior",
        "seed": 1,
        "set": fragments,
        "model": {"width": 64, "blocks": 4, "maps": 4},
        "crystals": {"proteins": 0.0, "pieces": 0.0, "symmetric": 0.0, "most_points": 10_000},
        "starts": STARTS,
        "judge": 0.0,
        "steps": steps,
        "optimiser": {"kind": "adamw", "rate": 2.5e-3, "weight_decay": 0.02},
        "schedule": {"kind": "one-cycle", "rise": 0.1, "end": 0.05},
        "average": 0.99,
        "machine": {"device": "cpu", "bf16": True},
    }
    return PriorTrainConfig.model_validate(common | dict(variant.settings))


@dataclass(frozen=True, eq=False)
class KeptCrystals(CrystalSource):
    """Draws every crystal once, for all variants."""

    drawn: dict[int, TrueCrystal] = field(default_factory=dict)

    def crystal(self, number: int) -> TrueCrystal:
        """Return a crystal, drawn now or before."""
        if number not in self.drawn:
            self.drawn[number] = super().crystal(number)
        return self.drawn[number]


@cache
def kept_crystals(fragments: Path, seed: int) -> KeptCrystals:
    """Open what variants with the same seed are trained on; they differ in nothing that it depends on."""
    config = settings_of(VARIANTS[PRIOR], fragments, steps=1)
    return KeptCrystals(**vars(crystal_source(fragments, None, "train", config.crystals, seed)))


def trained(variant: Variant, config: PriorTrainConfig) -> tuple[DensityPrior, float | None]:
    """Train a variant.

    Returns
    -------
    The average of its weights, and the median CPU time in seconds of the steps that drew no crystal, None
    without any.
    """
    torch.manual_seed(config.seed)
    source = kept_crystals(config.set, config.seed)
    limits = PriorRange(d_min=config.crystals.d_min, solvent=config.crystals.solvent)
    trainer = PriorTrainer(config, variant.network(config.model), limits, lesson=variant.lesson)
    seconds = []
    with Pool(TrajectorySource(source, config), Ranks(), torch.device("cpu")) as pool:
        while trainer.step < trainer.steps:
            drawn, begin = len(source.drawn), time.process_time()
            trainer.take_step(pool)
            if len(source.drawn) == drawn:
                seconds.append(time.process_time() - begin)
    return trainer.best_network.eval(), median(seconds) if seconds else None


def record_of(variant: Variant, config: PriorTrainConfig, starts: Sequence[Start]) -> Record:
    """Train a variant and judge it."""
    network, seconds = trained(variant, config)
    states = [state for start in starts for state in reached(network, variant.way, start, config.machine)]
    return {
        "settings": settings_record(config),
        "weights": sum(weight.numel() for name, weight in network.named_parameters() if "judge" not in name),
        "seconds_per_step": seconds,
        "states": states,
    }


def settings_record(config: PriorTrainConfig) -> Record:
    """Return what settings say of the result; not the place of the set."""
    return config.model_dump(mode="json", exclude={"set"})


def row(name: str, record: Record, reference: Record | None) -> Iterator[str]:
    """Lay out the figures of a variant beside those of the prior."""
    seconds = record["seconds_per_step"]
    yield from (name, VARIANTS[name].note, f"{record['weights']}")
    yield "–" if seconds is None else f"{1000.0 * seconds:.0f}"
    for level in UNTOLD:
        states, columns = at_level(record, level), [f"cosine {passes}" for passes in level.passes]
        yield f"{fmean(state['loss'] for state in states):.3f}"
        means = " / ".join(f"{fmean(state[column] for state in states):.3f}" for column in columns)
        if reference is None or record is reference:
            yield means
        else:
            yield f"{means} ± {error_of_difference(states, at_level(reference, level), columns[-1]):.3f}"
    for level in TOLD:
        solved = [state["correlation"] >= SOLVED_MAP_CORRELATION for state in at_level(record, level)]
        yield f"{sum(solved)} of {len(solved)}"


def at_level(record: Record, level: Level) -> list[Record]:
    """Return the states of a variant that began at a level."""
    return [state for state in record["states"] if state["level"] == level.name]


def error_of_difference(states: Sequence[Record], others: Sequence[Record], column: str) -> float:
    """Return the standard error of a mean difference, the states of a crystal counting as one."""
    differences: dict[int, list[float]] = {}
    for state, other in zip(states, others, strict=True):
        differences.setdefault(state["crystal"], []).append(state[column] - other[column])
    means = [fmean(values) for values in differences.values()]
    return stdev(means) / math.sqrt(len(means))


def done_before(path: Path, configs: Mapping[str, PriorTrainConfig], crystals: int) -> dict[str, Record]:
    """Read the variants of an earlier run, if there was one, with the same settings and starts."""
    found: dict[str, Record] = json.loads(path.read_text())["variants"] if path.exists() else {}
    return {
        name: found[name]
        for name, config in configs.items()
        if name in found
        and found[name]["settings"] == settings_record(config)
        and {state["crystal"] for state in found[name]["states"]} == set(range(crystals))
    }


def save(path: Path, records: Mapping[str, Record]) -> None:
    content = {"command": " ".join(sys.argv), "hardware": hardware(), "variants": records}
    write_whole(path, (json.dumps(content) + "\n").replace('{"level"', '\n{"level"').encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("fragments", type=Path, help="directory of a set of fragments")
    add("--variants", default=",".join(VARIANTS), help="which, separated by commas")
    add("--steps", type=int, default=STEPS, help="of each training")
    add("--crystals", type=int, default=CRYSTALS, help="to judge by, at least 2")
    add("--quick", action="store_true", help="few steps and crystals, to see that it runs")
    add("--resume", action="store_true", help="keep what the file has")
    add("--json", type=Path, required=True, help="write all figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.variants.split(",")
    if unknown := set(names) - set(VARIANTS):
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    steps = QUICK_STEPS if arguments.quick else arguments.steps
    crystals = QUICK_CRYSTALS if arguments.quick else arguments.crystals
    if crystals < QUICK_CRYSTALS:
        parser.error(f"at least {QUICK_CRYSTALS} crystals, or there is no standard error")
    configs = {name: settings_of(one, arguments.fragments, steps) for name, one in VARIANTS.items()}
    records = done_before(arguments.json, configs, crystals) if arguments.resume else {}
    drawn = configs[PRIOR].crystals
    starts = starts_of(crystal_source(arguments.fragments, None, "val", drawn, SEED_OF_STARTS), crystals)
    for name in names:
        if name not in records:
            records[name] = record_of(VARIANTS[name], configs[name], starts)
            save(arguments.json, records)
        print("; ".join(row(name, records[name], records.get(PRIOR))), file=sys.stderr, flush=True)
    print(format_table(HEADERS, [list(row(name, records[name], records.get(PRIOR))) for name in names]))


if __name__ == "__main__":
    main()
