"""Simulated crystals of a list, phased as by `rephase solve`, and what to say of all of them."""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from basin_crystals import SEED_OF_ERRORS
from phasing_ways import LABELS, Limits, solve_record
from rephase.data.fragment_ids import parse_fragment_id
from rephase.data.lists.crystal_lists import read_list
from rephase.data.lists.listed_crystals import ListedCrystal, crystals_of
from rephase.data.lists.listed_fragments import read_listed
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.evaluate.reliability import auroc, reliability_table
from rephase.evaluate.resampling import mean_interval, part_interval, resampled_counts
from seeds import random_errors
from simulated import NOISELESS, simulated

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
NOISY = 2.5  # ⟨I/σ⟩ at the edge
Record = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A set, and how its crystals are measured and phased.

    Attributes
    ----------
    name
        Of the list.
    way
        `CLASSICAL` or `BOTH`.
    d_min
        Å; None for that of each crystal.
    noisy
        Whether there is noise.
    error
        Mean |Δφ| of starting phases in degrees; None for random ones.
    """

    name: str
    way: str
    d_min: float | None
    noisy: bool
    error: float | None

    @property
    def title(self) -> str:
        """What to call it."""
        resolution = "own d_min" if self.d_min is None else f"{self.d_min:g} Å"
        start = "random phases" if self.error is None else f"phases off by {self.error:g}°"
        return f"{self.name}, {resolution}{', noisy' if self.noisy else ''}, {start}: {LABELS[self.way]}"


@dataclass(frozen=True, eq=False)
class FragmentTask:
    """One crystal of a case."""

    case: Case
    crystal: ListedCrystal
    seed: int
    prior: str | None
    limits: Limits

    def run(self) -> Record:
        """Phase it, and compare with the truth."""
        case, listed = self.case, self.crystal
        d_min = listed.d_min if case.d_min is None else case.d_min
        signal = NOISY if case.noisy else NOISELESS
        crystal = simulated(listed.id, listed.sequence, listed.model, d_min, self.seed, signal=signal)
        rng = np.random.default_rng([self.seed, SEED_OF_ERRORS])
        start = None if case.error is None else random_errors(crystal.true_phi, case.error, rng)
        return solve_record(case.way, crystal, start, self.prior, self.limits)


def fragment_tasks(case: Case, count: int, prior: str | None, limits: Limits) -> list[FragmentTask]:
    """List the first crystals of a case."""
    return [
        FragmentTask(case, crystal, seed, prior, limits)
        for crystal, seed in listed_crystals(case.name, count)
    ]


@cache
def listed_crystals(name: str, count: int) -> list[tuple[ListedCrystal, int]]:
    """Make the first crystals of a list, with their seeds."""
    crystals = read_list(HERE / "sets" / f"{name}.json")
    few = crystals.model_copy(update={"entries": crystals.entries[:count]})
    fragments = read_listed(few, [SHARED / "fragments15.npz", *sorted((SHARED / "structures").iterdir())])
    seeds = (entry.seed for entry in few.entries)
    return list(zip(crystals_of(few, fragments), seeds, strict=True))


HEADERS = [
    "case",
    "n",
    "solved, % [95 %]",
    "up to hand",
    "right hand of these",
    "error of solved",
    "median CC",
    "AUROC",
    "false solved",
    "missed",
    "median s",
]


def summary(records: list[Record]) -> Record:
    """Figures of a case; intervals by drawing PDB entries anew.

    False are maps called solved that are not, in the hand that is given out or in both; missed are right ones
    that are not called so.
    """
    solved, any_hand, said = (
        np.array([bool(one(record)) for record in records])
        for one in (lambda r: r["solved"], is_up_to_hand, lambda r: r["verdict"] == "solved")
    )
    entries = np.array([parse_fragment_id(record["id"]).entry for record in records])
    errors = np.array([record["phase_error"] for record in records])
    probability = np.array([record["probability"] for record in records])
    counts = resampled_counts(entries, np.random.default_rng(0))
    some = resampled_counts(entries[solved], np.random.default_rng(0)) if solved.any() else None
    return {
        "n": len(records),
        "entries": len(set(entries.tolist())),
        "solved": [float(solved.mean()), *part_interval(solved, entries, counts)],
        "solved_any_hand": float(any_hand.mean()),
        "right_hand": float(solved[any_hand].mean()) if any_hand.any() else None,
        "error_of_solved": None
        if some is None
        else [float(errors[solved].mean()), *mean_interval(errors[solved], some)],
        "error_of_all": [float(errors.mean()), *mean_interval(errors, counts)],
        "median_correlation": float(np.median([record["correlation"] for record in records])),
        "auroc": auroc(probability, solved),
        "reliability": [asdict(one) for one in reliability_table(probability, solved, bins=5)],
        "false_solved": int((said & ~solved).sum()),
        "false_in_both_hands": int((said & ~any_hand).sum()),
        "missed": int((~said & solved).sum()),
        "median_seconds": float(np.median([record["seconds"] for record in records])),
    }


def is_up_to_hand(record: Record) -> bool:
    return record["correlation"] >= SOLVED_MAP_CORRELATION


def row(title: str, found: Record) -> list[str]:
    """Line of the table."""
    part, low, high = (100.0 * value for value in found["solved"])
    error = found["error_of_solved"]
    return [
        title,
        str(found["n"]),
        f"{part:.0f} [{low:.0f}–{high:.0f}]",
        f"{100.0 * found['solved_any_hand']:.0f}",
        "–" if found["right_hand"] is None else f"{100.0 * found['right_hand']:.0f} %",
        "–" if error is None else f"{error[0]:.1f}° [{error[1]:.1f}–{error[2]:.1f}]",
        f"{found['median_correlation']:.2f}",
        "–" if found["auroc"] is None else f"{found['auroc']:.3f}",
        str(found["false_solved"]),
        str(found["missed"]),
        f"{found['median_seconds']:.1f}",
    ]


def calibration_rows(records: list[Record]) -> list[list[str]]:
    """⟨cos Δφ⟩ against FOM over all reflections of all crystals."""
    count, fom, cosine = np.sum([record["calibration"] for record in records], axis=0)
    return [
        [
            f"{b / 10:.1f}–{(b + 1) / 10:.1f}",
            f"{count[b]:.0f}",
            f"{fom[b] / count[b]:.2f}",
            f"{cosine[b] / count[b]:.2f}",
        ]
        for b in range(10)
        if count[b] > 0
    ]
