"""Fit and check how probable it is that an answer of the density prior is right, and in the right hand.

    python benchmarks/confidence.py --json FILE [--minutes 30]

Answers for crystals of the val split, by the released priors: of peptides of 2, 15 and 30 residues in P1, of
15 in P2₁, every other one with noise, and of small proteins in their own groups with bulk solvent; from seeds
with and without figures of merit, from wrong seeds that are said to be good, from random phases, and from
what the classical search leaves. Each is judged by figures that need no truth, and compared with it.

A logistic regression without negative weights gives the constants of `rephase.phasing.confidence`. The log
loss, the AUROC and the reliability table are of probabilities by weights that were fitted to the other PDB
entries. FILE is gone on with; answers by other weights than those of today are made anew.
"""

import argparse
import json
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from confidence_answers import answers, starts_of
from confidence_crystals import Subject, subjects
from forward import hardware
from phasing_ways import prior_sum
from rephase.evaluate.reliability import auroc, reliability_table, wilson_interval
from rephase.io.atomic_files import write_whole
from rephase.logs import format_table
from rephase.models.trained import released_names
from rephase.models.trained_prior import released_priors
from rephase.phasing.confidence import LEAST_BOUND, SOLVED_CHANCE, UNCONFIRMED
from rephase.phasing.hand import LEAST_LOG_ODDS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Record = dict[str, Any]

FIGURES = ("cross-validation",)
"""What the program judges by."""

PENALTY = 1e-3  # of the squares of the weights, of standardised figures


def measure(found: Record, kinds: dict[str, list[Subject]], path: Path | None, minutes: float) -> Record:
    """Make the answers that the record lacks, crystals of all kinds in turn, until the time is up."""
    sums = {name: prior_sum(name) for name in released_names(released_priors())}
    found = {"priors": sums, "hardware": hardware(), "records": of_weights(found["records"], sums)}
    deadline = time.monotonic() + 60.0 * minutes
    for subject in in_turn(kinds):
        done = {one["start"] for one in found["records"] if (one["kind"], one["id"]) == key(subject)}
        for record in answers(subject, [start for start in starts_of(subject) if start not in done]):
            found["records"].append(record)
            print(line(record), flush=True)
            if path is not None:
                write_whole(path, (json.dumps(found, indent=1) + "\n").encode())
            if time.monotonic() > deadline:
                return found
    return found


def of_weights(records: list[Record], sums: dict[str, str]) -> list[Record]:
    """Keep the answers by these weights, SHA-256 by name."""
    return [one for one in records if one["sum"] == sums.get(one["prior"])]


def in_turn(listed: dict[str, list[Subject]]) -> list[Subject]:
    """Take the first crystal of each kind, then the second, and so on."""
    return [one for together in zip_longest(*listed.values()) for one in together if one is not None]


def key(subject: Subject) -> tuple[str, str]:
    """Return what tells a crystal from all others."""
    return subject.kind, subject.id


def line(record: Record) -> str:
    """One line of an answer."""
    figures = ", ".join(f"{record['figures'][name]:.2f}" for name in FIGURES)
    return (
        f"{record['kind']:24s} {record['id']:16s} {record['start']:10s} "
        f"correlation {record['correlation']:.2f}: {figures}"
    )


def table_of(records: list[Record], names: tuple[str, ...]) -> FloatArray:
    """Figures of these names, shape ``(answers, names)``."""
    return np.array([[one["figures"][name] for name in names] for one in records])


def fitted(figures: FloatArray, right: BoolArray) -> FloatArray:
    """Constant and weights of a logistic regression, none of the weights negative."""
    centre, spread = figures.mean(axis=0), figures.std(axis=0) + 1e-6
    standard = (figures - centre) / spread

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        score = parameters[0] + standard @ parameters[1:]
        value = np.logaddexp(0.0, np.where(right, -score, score)).mean()
        slope = (1.0 / (1.0 + np.exp(-score)) - right) / len(right)
        gradient = np.concatenate([[slope.sum()], standard.T @ slope + 2.0 * PENALTY * parameters[1:]])
        return float(value + PENALTY * (parameters[1:] ** 2).sum()), gradient

    free = [(None, None)] + [(0.0, None)] * figures.shape[1]
    best = minimize(loss, np.zeros(figures.shape[1] + 1), jac=True, bounds=free, method="L-BFGS-B").x
    weights = best[1:] / spread
    return np.concatenate([[best[0] - centre @ weights], weights])


def cross_validated(records: list[Record], names: tuple[str, ...]) -> FloatArray:
    """Probability of each answer by weights that were fitted to the other PDB entries."""
    entry = np.array([one["entry"] for one in records])
    figures, right = table_of(records, names), rightness(records)
    probability = np.zeros(len(records))
    for left_out in sorted(set(entry.tolist())):
        here = entry == left_out
        weights = fitted(figures[~here], right[~here])
        probability[here] = 1.0 / (1.0 + np.exp(-weights[0] - figures[here] @ weights[1:]))
    return probability


def rightness(records: list[Record]) -> BoolArray:
    """Whether each answer is right."""
    return np.array([one["right"] for one in records])


def log_loss(probability: FloatArray, right: BoolArray) -> float:
    """Mean negative logarithm of the probability of what turned out to be true."""
    return float(-np.log(np.clip(np.where(right, probability, 1.0 - probability), 1e-12, 1.0)).mean())


def compare_figures(records: list[Record]) -> None:
    """Print what each figure is worth: alone, added to those that are used, and left out of them."""
    right = rightness(records)
    sets = {"those used": FIGURES}
    sets |= {f"without {name}": tuple(x for x in FIGURES if x != name) for name in FIGURES}
    others = [name for name in records[0]["figures"] if name not in FIGURES]
    sets |= {f"with {name}": (*FIGURES, name) for name in others}
    sets |= {f"{name} alone": (name,) for name in records[0]["figures"]}
    rows = []
    for title, names in sets.items():
        probability = cross_validated(records, names)
        rows.append([title, f"{log_loss(probability, right):.4f}", f"{auroc(probability, right):.4f}"])
    print(format_table(["figures", "log loss", "AUROC"], rows))


def report(records: list[Record]) -> None:
    """Print the constants, the reliability, and the hand."""
    right = rightness(records)
    weights = fitted(table_of(records, FIGURES), right)
    names = ", ".join(f"{name} {w:.2f}" for name, w in zip(FIGURES, weights[1:], strict=True))
    print(f"constant {weights[0]:.2f}; {names}")
    probability = confirmed(records, cross_validated(records, FIGURES))
    report_verdicts(records, probability)
    rows = [
        [f"{b.low:.1f}–{b.high:.1f}", b.count, b.stated, b.found]
        for b in reliability_table(probability, right)
    ]
    print(format_table(["probability", "answers", "stated", "right"], rows))
    solved = [one for one in records if one["right"]]
    report_hand(solved)
    stated, found = np.mean([one["fom"] for one in solved]), np.mean([one["cos"] for one in solved])
    print(f"mean FOM of the right ones {stated:.3f}, ⟨cos Δφ⟩ {found:.3f}")


def confirmed(records: list[Record], probability: FloatArray) -> FloatArray:
    """Lower what the free reflections do not confirm, as `rephase.phasing.confidence` does."""
    bound = np.array([one["bound"] for one in records])
    return np.where(bound < LEAST_BOUND, np.minimum(probability, UNCONFIRMED), probability)


def report_verdicts(records: list[Record], probability: FloatArray) -> None:
    """Print how many answers of each kind are called solved, and how often that is wrong."""
    right, said = rightness(records), probability >= SOLVED_CHANCE
    rows = []
    for axis in ("kind", "start", "prior"):
        for value in dict.fromkeys(one[axis] for one in records):
            here = np.array([one[axis] == value for one in records])
            rows.append(
                [value, *_verdicts(right[here], said[here]), _decimals(auroc(probability[here], right[here]))]
            )
    rows.append(["all", *_verdicts(right, said), _decimals(auroc(probability, right))])
    print(format_table(["answers", "n", "right", "called solved", "wrongly", "missed", "AUROC"], rows))
    if said.any():
        high = wilson_interval(int((said & ~right).sum()), int(said.sum()))[1]
        print(f"of those called solved at most {high:.1%} are wrong (95 %)")


def _verdicts(right: BoolArray, said: BoolArray) -> list[int]:
    return [
        int(x) for x in (len(right), right.sum(), said.sum(), (said & ~right).sum(), (right & ~said).sum())
    ]


def _decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def report_hand(solved: list[Record]) -> None:
    """Print how often the prior knows the hand of right solutions, and the log-odds of its figures."""
    sign = np.where([one["hand"] == "same" for one in solved], 1.0, -1.0)
    odds = sign * np.array([one["hand_log_odds"] for one in solved])  # positive for the right hand
    both, truth = np.concatenate([odds, -odds]), np.repeat([True, False], len(odds))
    print(f"hand: factor of the log-odds {fitted(both[:, None], truth)[1]:.2f}")
    stated, wrong = (np.abs(odds) > LEAST_LOG_ODDS).sum(), (odds < -LEAST_LOG_ODDS).sum()
    print(f"hand right in {(odds > 0).sum()} of {len(odds)}; stated {stated}, of these wrong {wrong}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="keep all answers here, and begin with those it holds")
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="0 prints what the file holds, of any weights"
    )
    parser.add_argument("--kinds", help="some kinds of crystals only, separated by semicolons")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: Record = {"records": []}
    if arguments.json is not None and arguments.json.exists():
        found = json.loads(arguments.json.read_text())
    if arguments.minutes > 0.0:
        kinds = subjects()
        wanted = {kind: kinds[kind] for kind in arguments.kinds.split(";")} if arguments.kinds else kinds
        found = measure(found, wanted, arguments.json, arguments.minutes)
    records = found["records"]
    if not 0 < rightness(records).sum() < len(records):
        raise SystemExit("a fit needs right and wrong answers")
    compare_figures(records)
    report(records)


if __name__ == "__main__":
    main()
