"""From how far a solution is found: the basin of the classical search, of the density prior, and of both.

    python benchmarks/basin.py --json FILE [--resume] [--quick] [--axes error,solvent] [--crystals 20]
    python benchmarks/basin_figure.py FILE docs/images/basin.svg

Crystals of 15 residues in P1 at 1.6 to 2.25 Å (p15-var), one of each PDB entry, are phased from starting
phases with a mean error of 70°; then one thing at a time is changed: the error, its kind, the solvent,
the resolution, the size, the noise, the completeness. The ways: the classical search of
`rephase solve --prior none`, plain passes through the prior, and the search of `rephase solve`. "Solved" is a
map correlation of 0.80 with the truth in the right hand; intervals are 95 % score intervals (Wilson).

--resume goes on with FILE: what it holds of the same prior and time limit is not done again, for however many
crystals it was asked. Results are of the test split; --split dev is for choosing.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from basin_crystals import AXES, Axis, Molecule, Setting, crystal_at, molecules_for, seed_at
from forward import hardware
from phasing_ways import CLASSICAL, LABELS, WAYS, Limits, prior_sum, record_of
from rephase.data.crystals.recipes import CrystalRecipe
from rephase.data.lists.crystal_lists import read_list
from rephase.evaluate.reliability import wilson_interval
from rephase.io.atomic_files import write_whole
from rephase.logs import format_table
from rephase.models.trained import released_names
from rephase.models.trained_prior import released_priors

HERE = Path(__file__).resolve().parent
STRUCTURES = HERE.parents[1] / "shared" / "data" / "structures"
QUICK_CRYSTALS, QUICK_SECONDS = 3, 5.0
Record = dict[str, Any]


@dataclass(frozen=True)
class Means:
    """What all records of a file have in common: the split, the prior, and how long a search may take."""

    split: str
    prior: str | None
    limits: Limits

    def of_way(self, way: str) -> Record:
        """Return it for the record of one way; nothing of the prior where none is used."""
        known = None if way == CLASSICAL else prior_sum(self.prior)
        return {"split": self.split, "prior": known} | asdict(self.limits)


@dataclass(frozen=True, eq=False)
class Task:
    """One crystal, to be phased in one way."""

    setting: Setting
    way: str
    molecule: Molecule
    recipe: CrystalRecipe
    means: Means

    @property
    def key(self) -> str:
        """What tells its record from others of the same means."""
        return record_key(asdict(self.setting), self.way, self.molecule.id)

    def run(self) -> Record:
        """Phase the crystal."""
        crystal = crystal_at(self.setting, self.molecule, self.recipe)
        seed = seed_at(self.setting, crystal, self.molecule.seed)
        head = {"way": self.way, "setting": asdict(self.setting), "means": self.means.of_way(self.way)}
        return head | record_of(self.way, crystal, seed, self.means.prior, self.means.limits)


def record_key(setting: Record, way: str, name: str) -> str:
    return json.dumps([setting, way, name], sort_keys=True)


def tasks_of(
    settings: Iterable[Setting], ways: list[str], count: int, structures: Path, means: Means
) -> Iterator[Task]:
    """List all that is to be done: the first crystal in all settings, the second, and so on."""
    crystals = read_list(HERE / "sets" / f"{'dev-' if means.split == 'dev' else ''}p15-var.json")
    molecules = molecules_for(settings, crystals, sorted(structures.iterdir()), count)
    for number in range(count):
        for setting, chosen in molecules.items():
            for molecule in chosen[number : number + 1]:
                yield from (Task(setting, way, molecule, crystals.crystal, means) for way in ways)


def done_before(path: Path, means: Means) -> dict[str, Record]:
    """Read the records of an earlier run, if there was one, that was done with the same means."""
    found = json.loads(path.read_text())["records"] if path.exists() else []
    return {
        record_key(record["setting"], record["way"], record["id"]): record
        for record in found
        if record["means"] == means.of_way(record["way"])
    }


def work(task: Task) -> Record:
    torch.set_num_threads(1)
    return task.run()


def save(path: Path, records: Iterable[Record]) -> None:
    content = {"command": " ".join(sys.argv), "hardware": hardware(), "records": list(records)}
    write_whole(path, (json.dumps(content) + "\n").replace('{"way"', '\n{"way"').encode())


def tell(record: Record) -> None:
    changed = {name: value for name, value in record["setting"].items() if value != asdict(Setting())[name]}
    print(
        f"{record['id']:16s} {record['way']:9s} {changed or 'centre'}: correlation "
        f"{record['correlation']:.2f}, error {record['phase_error']:.0f}°, {record['seconds']:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def solve_rate(records: list[Record]) -> str:
    """Part that is solved, with its interval."""
    if not records:
        return "–"
    solved = sum(record["solved"] for record in records)
    low, high = wilson_interval(solved, len(records))
    return f"{100 * solved / len(records):.0f} ({100 * low:.0f}–{100 * high:.0f})"


def table(axis: Axis, records: list[Record]) -> str:
    """Lay out the solve rates along an axis, in percent."""
    rows = []
    for level, setting in zip(axis.levels, axis.settings(), strict=True):
        here = [record for record in records if record["setting"] == asdict(setting)]
        of_way = {way: [record for record in here if record["way"] == way] for way in WAYS}
        count = max(len(found) for found in of_way.values())
        name = "∞" if level is None else f"{level:g}"
        rows.append([name, str(count), *(solve_rate(of_way[way]) for way in WAYS)])
    return format_table([axis.label, "n", *(f"{LABELS[way]}, %" for way in WAYS)], rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="file of the records")
    parser.add_argument("--resume", action="store_true", help="go on with that file")
    parser.add_argument("--quick", action="store_true", help="3 crystals, 3 levels, 5 s")
    parser.add_argument("--axes", default=",".join(AXES), help="some of these, separated by commas")
    parser.add_argument("--split", choices=["test", "dev"], default="test")
    parser.add_argument("--crystals", type=int, default=20, help="of each setting, at most one of an entry")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of these, separated by commas")
    parser.add_argument("--prior", help="name or file; what rephase solve takes if not given")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds of a search")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--structures", type=Path, default=STRUCTURES)
    arguments = parser.parse_args()
    arguments.ways, arguments.axes = arguments.ways.split(","), arguments.axes.split(",")
    if arguments.json.exists() and not arguments.resume:
        parser.error(f"{arguments.json} exists: add --resume to go on with it, or remove it")
    if arguments.ways != [CLASSICAL] and arguments.prior is None and not released_names(released_priors()):
        parser.error("no density prior comes with this version: name a file by --prior, or --ways classical")
    if arguments.quick:
        arguments.crystals, arguments.time_limit = QUICK_CRYSTALS, QUICK_SECONDS
    return arguments


def measure(tasks: list[Task], done: dict[str, Record], path: Path, processes: int) -> list[Record]:
    """Do what is left, and write the records after every crystal."""
    left, records = [task for task in tasks if task.key not in done], list(done.values())
    print(f"{len(left)} of {len(tasks)} crystals are left", file=sys.stderr)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for record in pool.map(work, left):
            records.append(record)
            tell(record)
            save(path, records)
    return records


def main() -> None:
    arguments = parsed()
    axes = [AXES[name].three_levels() if arguments.quick else AXES[name] for name in arguments.axes]
    means = Means(arguments.split, arguments.prior, Limits(arguments.time_limit))
    settings = dict.fromkeys(setting for axis in axes for setting in axis.settings())
    tasks = list(tasks_of(settings, arguments.ways, arguments.crystals, arguments.structures, means))
    records = measure(tasks, done_before(arguments.json, means), arguments.json, arguments.processes)
    for axis in axes:
        print(table(axis, records), "\n")


if __name__ == "__main__":
    main()
