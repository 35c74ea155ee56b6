"""The U-Nets on their test sets, against the numbers to reach: alone, with amplitudes, after phasing.

    python benchmarks/unet.py [--quick | --examples N] [--classical N] --json FILE
    python benchmarks/unet.py --split dev --sets dialanine-10 --weights-dir runs --no-speed --json FILE

Builds the sets from their lists in benchmarks/sets/ and evaluates on each the network of its kind, as
`rephase evaluate` does: tables, figures and reports of the evaluations go to --work, where a benchmark that
was stopped goes on. --examples takes the first so many crystals of each list, --quick 100. With --split dev
the lists are those of the validation split, for choosing; results are of the test split alone. The training
speed (training_speed.py) is measured on the dipeptides.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

import training_speed
from forward import hardware
from rephase.data.build.sources import find_files
from rephase.data.lists.crystal_lists import QUICK, CrystalList, read_list
from rephase.data.lists.listed_sets import build_listed_set
from rephase.errors import UserError
from rephase.logs import Log, format_table
from rephase.models.trained import TrainedNetwork, load_network
from rephase.study.evaluation import RESULTS, Evaluation, evaluate, make_room
from rephase.study.parts import digest_of
from rephase.study.predicted_maps import passes_of
from rephase.study.results import EvaluationResults, read_evaluation
from rephase.study.study_config import (
    AMPLITUDES,
    ENSEMBLE,
    ENSEMBLE_AMPLITUDES,
    NETWORK,
    RANDOM,
    SEEDED,
    StudyConfig,
    column_label,
)
from rephase.study.study_set import StudySet, open_study_set
from rephase.study.summary import ColumnSummary

HERE = Path(__file__).resolve().parent
STRUCTURES = HERE.parents[1] / "shared" / "data" / "structures"
WORK = HERE.parent / "scratch" / "unet"
Split = Literal["test", "dev"]


@dataclass(frozen=True)
class Case:
    """A set, the network for it, and what is to be reached: parts of one."""

    weights: str
    network: float
    box: bool = False  # the published figure is that of the central box
    phased: float = 0.98
    solved: float = 0.99


CASES = {
    "dialanine-20": Case("dialanine", 0.90, box=True),
    "dialanine-10": Case("dialanine", 0.93),
    "dipeptide-12": Case("dipeptide", 0.88),
}
SPEED_SET = "dipeptide-12"
IN_BOX = {RANDOM, NETWORK, AMPLITUDES, ENSEMBLE, ENSEMBLE_AMPLITUDES}
"""Ways that are judged where they put the molecule; those of phasing have an origin of their own."""
HEADERS = [
    "set",
    "way",
    "n",
    "median Pearson [95 %]",
    "target",
    "",
    "solved [95 %]",
    "target",
    "",
    "error",
    "s",
]


def listed(name: str, split: Split) -> CrystalList:
    """Read the list of a set, or that of its twin in the validation split."""
    return read_list(HERE / "sets" / f"{'dev-' if split == 'dev' else ''}{name}.json")


def built_set(crystals: CrystalList, structures: Path, folder: Path) -> Path:
    """Build the set of a list in a folder, unless it is there already."""
    path = folder / crystals.name
    build_listed_set(crystals, sorted(find_files([structures])), path)
    return path


def study_set(crystals: CrystalList, path: Path, examples: int | None) -> StudySet:
    """Open the crystals of a list in its order, or the first of them."""
    ids = [entry.id for entry in crystals.entries[:examples]]
    return open_study_set(path, crystals.split, ids=ids)


def network_of(weights: str, folder: Path | None) -> tuple[str, TrainedNetwork]:
    """Load a network that comes with the program, or one of a folder of weights or of runs; say which."""
    if folder is None:
        return weights, load_network(weights)
    of_run, path = folder / weights / "weights.safetensors", folder / f"{weights}.safetensors"
    found = str(of_run if of_run.is_file() else path)
    return found, load_network(found)


def evaluated(name: str, arguments: argparse.Namespace, log: Log) -> EvaluationResults:
    """Evaluate the network of a set on it; what an evaluation that was stopped has done is taken over."""
    crystals = listed(name, arguments.split)
    path = built_set(crystals, arguments.structures, arguments.work / "sets")
    weights, trained = network_of(CASES[name].weights, arguments.weights_dir)
    config = StudyConfig(
        settings=arguments.settings,
        phasing=arguments.phasing,
        classical=arguments.classical,
        time_limit=arguments.time_limit,
    )
    chosen = study_set(crystals, path, arguments.examples)
    evaluation = Evaluation(trained, weights, chosen, crystals.split, config, " ".join(sys.argv))
    output = arguments.work / f"{crystals.name}-{len(chosen)}"
    make_room(output, force=arguments.force)
    return finished(evaluation, output) or evaluate(evaluation, output, log)


def finished(evaluation: Evaluation, output: Path) -> EvaluationResults | None:
    """Read the results of the same evaluation, if they are in a folder."""
    if not (output / RESULTS).exists():
        return None
    found, trained = read_evaluation(output / RESULTS), evaluation.trained
    study = evaluation.config.model_copy(update={"passes": passes_of(trained, evaluation.config)})
    same_crystals = found.set.digest == evaluation.study_set.fragments.digest
    same_network = found.network.sha256 == digest_of(trained)
    same = same_crystals and same_network and found.set.examples == len(evaluation.study_set)
    return found if same and found.study == study else None


def main_pearson(case: Case, column: str, found: ColumnSummary) -> tuple[float, float, float]:
    """Return the median Pearson correlation and its interval; in the box where that is the published one."""
    estimate = found.box if case.box and column in IN_BOX else found.pearson
    return estimate.median, estimate.median_low, estimate.median_high


def rows_of(name: str, results: EvaluationResults) -> list[list[str]]:
    """Lay out the figures of a set, one line for each way to find a map."""
    case, rows = CASES[name], []
    for column, found in results.columns.items():
        way, wanted = column_label(column, results.study.settings), targets(case, column)
        (median, low, high), solved = main_pearson(case, column, found), found.solved
        rows.append(
            [
                name,
                f"{way}, box" if case.box and column in IN_BOX else way,
                str(found.examples),
                f"{median:.3f} [{low:.3f}, {high:.3f}]",
                *_against(wanted.get("pearson"), median),
                f"{100 * solved.value:.1f} % [{100 * solved.low:.1f}, {100 * solved.high:.1f}]",
                *_against(wanted.get("solved"), solved.value, "≥ {:.0%}"),
                f"{found.phase_error.mean:.1f}°",
                f"{found.seconds:.2f}",
            ]
        )
    return rows


def targets(case: Case, column: str) -> dict[str, float]:
    """Return what a way to find maps is to reach: a median Pearson correlation, and a part solved."""
    of_columns = {NETWORK: {"pearson": case.network}, SEEDED: {"pearson": case.phased, "solved": case.solved}}
    return of_columns.get(column, {})


def _against(target: float | None, reached: float, shown: str = "≥ {:.2f}") -> list[str]:
    return ["", ""] if target is None else [shown.format(target), "met" if reached >= target else "MISSED"]


def record_of(name: str, results: EvaluationResults) -> dict[str, object]:
    """Return what is kept of a set: everything found, and how it stands to the targets."""
    case = CASES[name]
    against = []
    for column, found in results.columns.items():
        reached = {"pearson": main_pearson(case, column, found)[0], "solved": found.solved.value}
        for figure, target in targets(case, column).items():
            values = {"target": target, "reached": reached[figure], "met": reached[figure] >= target}
            against.append({"column": column, "figure": figure, **values})
    return {"targets": against, "evaluation": results.model_dump(mode="json")}


def arguments_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, here = parser.add_argument, "NAME.safetensors or NAME/weights.safetensors are here"
    add("--quick", action="store_true", help="the first 100 crystals of each list, a short speed test")
    add("--examples", type=int, help="only the first so many crystals of each list")
    add("--classical", type=int, help="how many of them to phase without the network too [100; quick: 20]")
    add("--json", type=Path, required=True, help="write all figures here")
    add("--sets", default=",".join(CASES), help="some of these, separated by commas")
    add("--split", choices=["test", "dev"], default="test", help="dev: the lists for choosing")
    add("--weights-dir", type=Path, help=here)
    add("--settings", type=int, default=4, help="settings of the axes for the mean prediction")
    add("--no-phasing", dest="phasing", action="store_false", help="the networks alone")
    add("--no-speed", dest="speed", action="store_false", help="without the training speed")
    add("--time-limit", type=float, default=10.0, help="seconds of search for a crystal")
    add("--structures", type=Path, default=STRUCTURES, help="structures of the entries of the lists")
    add("--work", type=Path, default=WORK, help="for sets and evaluations")
    add("--force", action="store_true", help="begin evaluations in --work anew")
    arguments = parser.parse_args()
    arguments.names = [name for name in arguments.sets.split(",") if name]
    if arguments.examples is None and arguments.quick:
        arguments.examples = QUICK
    if arguments.classical is None:
        arguments.classical = 20 if arguments.quick else 100
    for name in arguments.names:
        if name not in CASES:
            parser.error(f"--sets: {name} is none of {', '.join(CASES)}")
    return arguments


def main() -> None:
    arguments = arguments_of()
    torch.set_num_threads(1)
    everything: dict[str, object] = {
        "command": " ".join(sys.argv),
        "split": arguments.split,
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
    }
    rows, sets = [], {}
    with Log() as log:
        for name in arguments.names:
            results = evaluated(name, arguments, log)
            rows += rows_of(name, results)
            sets[name] = record_of(name, results)
        everything["sets"] = sets
        if rows:
            log.say("\n" + format_table(HEADERS, rows))
        if arguments.speed:
            crystals = listed(SPEED_SET, arguments.split)
            path = built_set(crystals, arguments.structures, arguments.work / "sets")
            everything["training_speed"] = speed = training_speed.measure(path, quick=arguments.quick)
            log.say("\n" + training_speed.table(speed))
    arguments.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
