"""How often, how well and how fast `rephase solve` phases fragments and measured crystals.

    python benchmarks/solve.py --json FILE [--resume] [--quick] [--sets p15-var] [--seed-error 70]
    python benchmarks/solve.py --json FILE --sets none --real 5e5z,1yjp

Fragments: crystals of the lists in benchmarks/sets/, of the test split unless their names begin with dev-, at
their own resolution limits or (--d-min) others, without noise as the published systems are measured or
(--errors noisy) with ⟨I/σ⟩ = 2.5 at the edge. Each is read from an MTZ and a FASTA file, and phased from
random phases or (--seed-error) from true ones with errors of that mean; by `rephase solve` as it is, and by
the classical search without any network. "Solved" is a map correlation with the truth of 0.80 in the right
hand; verdict and probability are what the program says without the truth. Intervals are 95 % bootstrap
intervals over PDB entries. --resume goes on with FILE if it was begun by the same command and prior.

Real crystals: the command line itself in a process of its own; the deposited model's phases are the truth.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import solve_fragments
import solve_real
from forward import hardware
from phasing_ways import BOTH, CLASSICAL, Limits, prior_sum
from rephase.io.atomic_files import write_whole
from rephase.logs import format_table
from rephase.phasing.prior_choice import NO_PRIOR
from solve_fragments import Case, FragmentTask, calibration_rows, fragment_tasks, summary
from solve_real import REAL, phase_real

OWN, RANDOM = "own", "random"
QUICK_COUNT, QUICK_SCALE = 4, 0.1
Record = dict[str, Any]


def cases(arguments: argparse.Namespace) -> Iterator[Case]:
    """List what is to be measured."""
    choices = (listed(arguments.sets), listed(arguments.d_min), listed(arguments.errors))
    for name, d_min, noise, error in product(*choices, listed(arguments.seed_error)):
        for way in listed(arguments.ways):
            yield Case(
                name,
                way,
                d_min=None if d_min == OWN else float(d_min),
                noisy=noise == "noisy",
                error=None if error == RANDOM else float(error),
            )


def listed(text: str) -> list[str]:
    return [word for word in text.split(",") if word and word != "none"]


def work(task: FragmentTask) -> Record:
    record = task.run()
    print(f"  {line(record)}", file=sys.stderr, flush=True)
    return record


def line(record: Record) -> str:
    """One line of a record."""
    return (
        f"{record['id']:16s} correlation {record['correlation']:.3f}, {record['hand']} hand, error "
        f"{record['phase_error']:.1f}°; {record['verdict']} ({record['probability']:.2f}), "
        f"{record['seconds']:.1f} s"
    )


def measure_fragments(arguments: argparse.Namespace, found: Record) -> None:
    """Phase all crystals of all cases that are not in the record yet."""
    limits = Limits(arguments.time_limit)
    settings = (torch.set_num_threads, (arguments.threads,))
    with ProcessPoolExecutor(arguments.processes, get_context("spawn"), *settings) as pool:
        for case in cases(arguments):
            print(case.title, file=sys.stderr)
            records = found["sets"].setdefault(case.title, {"records": []})["records"]
            done = {record["id"] for record in records}
            tasks = fragment_tasks(case, arguments.count, arguments.prior, limits)
            for record in pool.map(work, [task for task in tasks if task.crystal.id not in done]):
                records.append(record)
                found["sets"][case.title] = {"summary": summary(records), "records": records}
                save(arguments.json, found)


def measure_real(arguments: argparse.Namespace, found: Record) -> None:
    """Phase the measured crystals, those with a model also from starting phases."""
    scale = QUICK_SCALE if arguments.quick else 1.0
    options = [] if arguments.prior is None else ["--prior", arguments.prior]
    done = {(record["id"], record["seed_error"]) for record in found["real"]}
    for name, start in product(listed(arguments.real), listed(arguments.seed_error)):
        error = None if start == RANDOM else float(start)
        if (name, error) in done or (error is not None and REAL[name].model is None):
            continue
        found["real"].append(phase_real(name, scale, error, options))
        print(f"  {found['real'][-1]}", file=sys.stderr, flush=True)
        save(arguments.json, found)


def begun(arguments: argparse.Namespace) -> Record:
    """Start a record, or go on with one of the same command and prior."""
    head = {
        "command": " ".join(word for word in sys.argv if word != "--resume"),
        "prior": None if arguments.prior == NO_PRIOR else prior_sum(arguments.prior),
    }
    if arguments.json is None or not arguments.json.exists():
        return head | {"threads": arguments.threads, "hardware": hardware(), "sets": {}, "real": []}
    found: Record = json.loads(arguments.json.read_text())
    if not arguments.resume or any(found[name] != value for name, value in head.items()):
        raise SystemExit(
            f"{arguments.json} is there, of {found['command']} with the prior {found['prior']}: "
            "remove it, or repeat that with --resume"
        )
    return found


def save(path: Path | None, found: Record) -> None:
    if path is not None:
        write_whole(path, (json.dumps(found, indent=1) + "\n").encode())


def tell(found: Record) -> None:
    """Print the tables."""
    if found["sets"]:
        rows = [solve_fragments.row(title, case["summary"]) for title, case in found["sets"].items()]
        print(format_table(solve_fragments.HEADERS, rows))
        records = [record for case in found["sets"].values() for record in case["records"]]
        print(format_table(["FOM", "reflections", "⟨FOM⟩", "⟨cos Δφ⟩"], calibration_rows(records)))
    if found["real"]:
        print(format_table(solve_real.HEADERS, [solve_real.row(record) for record in found["real"]]))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write all records here")
    parser.add_argument("--resume", action="store_true", help="go on with that file")
    parser.add_argument("--quick", action="store_true", help="4 fragments a case, a tenth of the time")
    parser.add_argument("--sets", default="p15-const,p15-var,p15-tight,dipeptide-12", help="lists, or none")
    parser.add_argument("--d-min", default=OWN, help="resolution limits in Å, or own, separated by commas")
    parser.add_argument("--errors", default="exact", help="exact, noisy or both, separated by a comma")
    parser.add_argument(
        "--seed-error", default=RANDOM, help="errors of starting phases in degrees, or random"
    )
    parser.add_argument("--ways", default=f"{BOTH},{CLASSICAL}", help="both as in solve, or one")
    parser.add_argument("--prior", help="name or file; what rephase solve takes if not given")
    parser.add_argument("--real", default=",".join(REAL), help="measured crystals, or none")
    parser.add_argument("--count", type=int, default=20, help="fragments a case")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds of search a fragment")
    parser.add_argument("--processes", type=int, default=1, help="crystals at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.count, arguments.time_limit = QUICK_COUNT, QUICK_SCALE * arguments.time_limit
    return arguments


def main() -> None:
    arguments = parsed()
    found = begun(arguments)
    measure_fragments(arguments, found)
    measure_real(arguments, found)
    tell(found)


if __name__ == "__main__":
    main()
