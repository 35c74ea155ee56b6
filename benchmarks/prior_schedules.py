"""How a density prior searches best from random phases: schedules compared on validation crystals.

    python benchmarks/prior_schedules.py --json FILE [--resume] [--minutes 30] [--schedules "plain;noise 1"]

Every schedule makes rounds of `rephase.phasing.prior_rounds.prior_round` on the same crystals from the same
random phases, or (--seed-error) from true ones with errors; a round ends as in `rephase solve`. Right is a
start whose map correlates with the true one by 0.80 or more in either hand: the prior likes both alike.
Seconds are of the processor, without comparisons with the truth. "In a minute" is the mean over crystals of
1 − (1 − p)^(60 s / s of a round), p the part of the rounds with a right start: how often a minute of one core
is enough, judging aside. Intervals are 95 % score intervals (Wilson). Rounds are in such an order that a
shorter run has fewer of each.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from forward import hardware
from phasing_ways import prior_sum
from prior_plans import PLANS, ClassicalPlan, Crystal, Plan, crystal_of
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.evaluate.reliability import wilson_interval
from rephase.io.atomic_files import write_whole
from rephase.logs import format_table
from rephase.physics.density import zoom_map

FloatArray = NDArray[np.float64]
Record = dict[str, Any]

FINER = 2  # grid points per point of the crystal's grid on which origins are compared
MINUTE = 60.0


def run_plan(plan: Plan | ClassicalPlan, crystal: Crystal, seed: int) -> Record:
    """Make one round, and see which starts are right."""
    begin = time.process_time()
    found = plan.run(crystal, seed)
    seconds = time.process_time() - begin
    agreement = correlations(crystal, found.phases())
    return {
        "starts": len(agreement),
        "right": int((agreement >= SOLVED_MAP_CORRELATION).sum()),
        "passes": found.iterations,
        "seconds": round(seconds, 3),
        "figure": round(found.figure, 3),
        "chosen": round(float(agreement[found.merit.best()]), 3),
        "correlations": np.round(agreement, 3).tolist(),
    }


def correlations(crystal: Crystal, phi: FloatArray) -> FloatArray:
    """Map correlations with the truth at the best origin of P1, the better hand; shape ``(starts,)``."""
    grid, f = crystal.problems[0].grid, crystal.problems[0].full
    shape = (FINER * grid.shape[0], FINER * grid.shape[1], FINER * grid.shape[2])
    best = np.full(len(phi), -1.0)
    for sign in (1.0, -1.0):
        products = f**2 * np.exp(1j * (crystal.true_phi - sign * phi))
        sums = torch.fft.irfftn(grid.from_reflections(products), s=grid.shape, norm="forward")
        highest = zoom_map(sums, shape).amax((-3, -2, -1)).numpy() / (2.0 * (f**2).sum())
        best = np.maximum(best, highest)
    return best


def tasks(arguments: argparse.Namespace) -> Iterator[tuple[int, str, int, str]]:
    """List seeds, sets, crystals and schedules, in an order that treats all alike."""
    names = list(PLANS) if arguments.schedules == "all" else arguments.schedules.split(";")
    for seed in range(arguments.rounds):
        for number in map(int, arguments.crystals.split(",")):
            for collection in arguments.sets.split(","):
                for name in names:
                    yield seed, collection, number, name


def measure(arguments: argparse.Namespace, found: Record) -> None:
    """Make all rounds that are not there yet, as long as there is time."""
    done = {(record["seed"], record["crystal"], record["schedule"]) for record in found["rounds"]}
    deadline = time.monotonic() + MINUTE * arguments.minutes
    for seed, collection, number, name in tasks(arguments):
        crystal = crystal_of(collection, number, arguments.prior, arguments.seed_error)
        if (seed, crystal.name, name) in done:
            continue
        if time.monotonic() > deadline:
            return
        record = {"schedule": name, "crystal": crystal.name, "seed": seed}
        found["rounds"].append(record | run_plan(PLANS[name], crystal, seed))
        save(arguments.json, found)


HEADERS = [
    "schedule",
    "rounds",
    "right starts, % [95 %]",
    "s a start",
    "right rounds",
    "crystals",
    "in a minute, %",
]


def row(name: str, rounds: list[Record]) -> list[str]:
    """Line of the table."""
    starts, right = (sum(record[key] for record in rounds) for key in ("starts", "right"))
    low, high = wilson_interval(right, starts)
    seconds = sum(record["seconds"] for record in rounds)
    crystals = sorted({record["crystal"] for record in rounds})
    chances = [chance([one for one in rounds if one["crystal"] == crystal]) for crystal in crystals]
    return [
        name,
        str(len(rounds)),
        f"{100 * right / starts:.1f} [{100 * low:.1f}–{100 * high:.1f}]",
        f"{seconds / starts:.2f}",
        str(sum(record["right"] > 0 for record in rounds)),
        f"{sum(one > 0.0 for one in chances)} of {len(chances)}",
        f"{100 * float(np.mean(chances)):.0f}",
    ]


def chance(rounds: list[Record]) -> float:
    """Chance that a minute of rounds of one crystal has a right start."""
    part = sum(record["right"] > 0 for record in rounds) / len(rounds)
    return 1.0 - (1.0 - part) ** (MINUTE * len(rounds) / sum(record["seconds"] for record in rounds))


def tell(found: Record) -> None:
    """Print a table for each list."""
    for collection in sorted({record["crystal"].split()[0] for record in found["rounds"]}):
        own = [record for record in found["rounds"] if record["crystal"].split()[0] == collection]
        names = list(dict.fromkeys(record["schedule"] for record in own))
        rows = [row(name, [record for record in own if record["schedule"] == name]) for name in names]
        print(f"{collection}\n{format_table(HEADERS, rows)}\n")


def begun(arguments: argparse.Namespace) -> Record:
    """Start a record, or go on with one of the same prior."""
    head = {"prior": prior_sum(arguments.prior), "seed_error": arguments.seed_error}
    if arguments.json is None or not arguments.json.exists():
        return head | {"command": " ".join(sys.argv), "hardware": hardware(), "rounds": []}
    found: Record = json.loads(arguments.json.read_text())
    if not arguments.resume or any(found[key] != value for key, value in head.items()):
        raise SystemExit(f"{arguments.json} is there, of {found['command']}: remove it, or --resume that")
    return found


def save(path: Path | None, found: Record) -> None:
    if path is not None:
        write_whole(path, (json.dumps(found) + "\n").encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write all records here")
    parser.add_argument("--resume", action="store_true", help="go on with that file")
    parser.add_argument("--prior", help="name or file; what rephase solve takes if not given")
    parser.add_argument("--seed-error", type=float, help="degrees; start from phases with such errors")
    parser.add_argument("--sets", default="dev-p15-tight,dev-p15-var", help="lists in benchmarks/sets")
    parser.add_argument("--schedules", default="all", help=f"all, or some of: {'; '.join(PLANS)}")
    parser.add_argument("--crystals", default="0,1,2,3,4,5", help="their numbers in each list, from 0")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of each schedule on each crystal")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which no round is begun")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = begun(arguments)
    measure(arguments, found)
    tell(found)


if __name__ == "__main__":
    main()
