"""What each part of the density prior brings: variants trained alike and judged on the same starts.

    python benchmarks/prior_variants.py FRAGMENTS --json FILE [--resume] [--quick]
        [--variants prior,residual] [--seeds 1,2]

FRAGMENTS is a set as `rephase data import` writes it. Every variant is a small network that is trained by
the steps of `rephase train` on the same fragments in P1, in the same order. Then it is given crystals of
the split `val`, two states each, with Gaussian phase errors:

- of 45° and 70° on average, without figures of merit: the loss of the first prediction, and mean cos Δφ
  after 1, 3 and 9 passes;
- of 60° and 70°, with figures of merit: how many are solved after 12 passes, by a map correlation of 0.80
  at the best origin.

The denoiser alone is told at every start how good it is, which it cannot do without. Every variant is
trained once with each seed, which makes other weights at the start and other crystals. Figures are means
over trainings, and after ± stands the standard deviation of trainings.

--resume goes on with FILE: what it holds with the same settings and starts is not trained again.
"""

import argparse
import json
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
    WithoutSum,
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

STEPS, CRYSTALS = 1200, 24
QUICK_STEPS, QUICK_CRYSTALS = 4, 2
SEED_OF_STARTS = 99
SEED = ", seed "
HEADERS = [
    "variant",
    "what differs",
    "trainings",
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
    "no sum": Variant("nothing of the shown maps added to its density", WithoutSum),
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


def settings_of(variant: Variant, fragments: Path, steps: int, seed: int) -> PriorTrainConfig:
    """Return the settings of a training."""
    common: dict[str, object] = {
        "kind": "density-prior",
        "seed": seed,
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
    config = settings_of(VARIANTS[PRIOR], fragments, 1, seed)
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


def row(name: str, records: Sequence[Record]) -> Iterator[str]:
    """Lay out the figures of the trainings of a variant."""
    seconds = [record["seconds_per_step"] for record in records if record["seconds_per_step"] is not None]
    yield from (name, VARIANTS[name].note, f"{len(records)}", f"{records[0]['weights']}")
    yield f"{1000.0 * fmean(seconds):.0f}" if seconds else "–"
    for level in UNTOLD:
        yield f"{fmean(means_at(records, level, 'loss')):.3f}"
        columns = [means_at(records, level, f"cosine {passes}") for passes in level.passes]
        spread = f" ± {stdev(columns[-1]):.3f}" if len(records) > 1 else ""
        yield " / ".join(f"{fmean(means):.3f}" for means in columns) + spread
    for level in TOLD:
        states = [state for record in records for state in at_level(record, level)]
        solved = sum(state["correlation"] >= SOLVED_MAP_CORRELATION for state in states)
        yield f"{solved} of {len(states)}"


def means_at(records: Sequence[Record], level: Level, column: str) -> list[float]:
    """Return the mean of a figure over the states of a level, for each training."""
    return [fmean(state[column] for state in at_level(record, level)) for record in records]


def at_level(record: Record, level: Level) -> list[Record]:
    """Return the states of a training that began at a level."""
    return [state for state in record["states"] if state["level"] == level.name]


def done_before(path: Path, fragments: Path, steps: int, crystals: int) -> dict[str, Record]:
    """Read the trainings of an earlier run, if there was one, with the same settings and starts."""
    found: dict[str, Record] = json.loads(path.read_text())["trainings"] if path.exists() else {}

    def holds(key: str, record: Record) -> bool:
        name, _, seed = key.rpartition(SEED)
        config = settings_of(VARIANTS[name], fragments, steps, int(seed)) if name in VARIANTS else None
        judged = {state["crystal"] for state in record["states"]}
        return (
            config is not None
            and record["settings"] == settings_record(config)
            and judged == set(range(crystals))
        )

    return {key: record for key, record in found.items() if holds(key, record)}


def save(path: Path, records: Mapping[str, Record]) -> None:
    content = {"command": " ".join(sys.argv), "hardware": hardware(), "trainings": records}
    write_whole(path, (json.dumps(content) + "\n").replace('{"level"', '\n{"level"').encode())


def key_of(name: str, seed: int) -> str:
    """Name a training in the file."""
    return f"{name}{SEED}{seed}"


def table(names: Sequence[str], records: Mapping[str, Record]) -> str:
    """Lay out variants, with all their trainings that there are."""
    trainings = {
        name: [record for key, record in records.items() if key.rpartition(SEED)[0] == name] for name in names
    }
    return format_table(HEADERS, [list(row(name, its)) for name, its in trainings.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("fragments", type=Path, help="directory of a set of fragments")
    add("--variants", default=",".join(VARIANTS), help="which, separated by commas")
    add("--seeds", default="1,2", help="of the trainings, separated by commas")
    add("--steps", type=int, default=STEPS, help="of each training")
    add("--crystals", type=int, default=CRYSTALS, help="to judge by")
    add("--quick", action="store_true", help="few steps and crystals, to see that it runs")
    add("--resume", action="store_true", help="keep what the file has")
    add("--json", type=Path, required=True, help="write all figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names, seeds = arguments.variants.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    if unknown := set(names) - set(VARIANTS):
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    steps = QUICK_STEPS if arguments.quick else arguments.steps
    crystals = QUICK_CRYSTALS if arguments.quick else arguments.crystals
    fragments = arguments.fragments
    records = done_before(arguments.json, fragments, steps, crystals) if arguments.resume else {}
    drawn = settings_of(VARIANTS[PRIOR], fragments, steps, seeds[0]).crystals
    starts = starts_of(crystal_source(fragments, None, "val", drawn, SEED_OF_STARTS), crystals)
    for seed in seeds:
        for name in names:
            key = key_of(name, seed)
            if key not in records:
                config = settings_of(VARIANTS[name], fragments, steps, seed)
                records[key] = record_of(VARIANTS[name], config, starts)
                save(arguments.json, records)
            print("; ".join(row(name, [records[key]])), file=sys.stderr, flush=True)
    print(table(names, records))


if __name__ == "__main__":
    main()
