"""Fit and check how probable it is that a solution with the density prior is right, and in the right hand.

    python benchmarks/confidence.py --prior FILE [--sets dev-p15-tight,dev-p15-var] [--count 20] [--json FILE]

Phases with errors from 45° to 85° go through the prior; what comes out is judged by the figures of
`rephase.phasing.confidence`, and compared with the truth. A logistic regression without negative weights
gives the constants of that module. AUROC and the reliability table are of probabilities by weights that were
fitted to other crystals. Use development lists: the constants are a choice.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from rephase.crystal.primitive import primitive_setting
from rephase.data.lists.crystal_lists import read_list
from rephase.data.lists.listed_crystals import crystals_of
from rephase.data.lists.listed_fragments import read_listed
from rephase.evaluate.alignment import align
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.evaluate.origins import moved_phases
from rephase.evaluate.reliability import auroc, reliability_table
from rephase.logs import format_table
from rephase.models.trained_prior import TrainedPrior, load_prior
from rephase.phasing.agreement import agreement_of_starts
from rephase.phasing.confidence import FIGURES, SOLVED_CHANCE, figures_of
from rephase.phasing.evidence import evidence_of
from rephase.phasing.hand import LEAST_LOG_ODDS
from rephase.phasing.phase import pose, project_prior
from rephase.phasing.prior_finish import finish_by_prior
from rephase.phasing.prior_rounds import PASSES, Schedule, prior_round
from rephase.phasing.recipes import recipes_for
from rephase.phasing.search import redraw_omitted
from seeds import random_errors
from simulated import Simulated, simulated

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
ERRORS = (45.0, 60.0, 65.0, 70.0, 75.0, 85.0)
STARTS = 2
FOLDS = 5
PENALTY = 1e-2  # of the squares of the weights, of standardised figures
NOISY = 2.5  # ⟨I/σ⟩ at the edge of every other crystal


def crystals(name: str, count: int) -> Iterator[Simulated]:
    """Measure the first crystals of a list, every other one with noise."""
    listed = read_list(HERE / "sets" / f"{name}.json")
    fragments = read_listed(listed, [SHARED / "fragments15.npz", *(SHARED / "structures").iterdir()])
    made = zip(listed.entries[:count], crystals_of(listed, fragments), strict=False)
    for number, (entry, crystal) in enumerate(made):
        noise = {"signal": NOISY} if number % 2 else {}
        yield simulated(entry.id, crystal.sequence, crystal.model, crystal.d_min, entry.seed, **noise)


def outcomes(one: Simulated, prior: TrainedPrior, seed: int) -> Iterator[dict]:
    """Pass seeds of every quality through the prior; one record each."""
    data = one.prepared.reflections
    setting = primitive_setting(data.cell, data.spacegroup)
    hkl = setting.hkl_to_primitive(data.hkl)
    device = torch.device("cpu")
    problem = pose(one.prepared, recipes_for(one.prepared)[0], setting, hkl, seed, device)
    projection = project_prior(prior, problem, one.prepared)
    for number, error in enumerate(ERRORS):
        rng = np.random.default_rng([seed, number])
        phi = np.stack([random_errors(one.true_phi, error, rng).phi for _ in range(STARTS)])
        sign = rng.choice([-1.0, 1.0])  # of the hand in which they are shown
        found = prior_round(
            projection,
            redraw_omitted(problem, seed + number),
            lambda working, phi=phi, sign=sign: working.start(sign * problem.grid.expansion.phases(phi)),
            Schedule(PASSES),
            seed=seed,
            deadline=time.monotonic() + 600.0,
            on_step=lambda _: None,
        )
        best = found.phases()[found.merit.best()]
        finished = finish_by_prior(projection, problem, best, hkl, setting.operations, placed=False)
        evidence = evidence_of(found, finished, agreement_of_starts(found, len(hkl))[0], projection)
        fit = align(data.hkl, data.f, one.true_phi, data.f, finished.phi_asu, data.spacegroup)
        yield {
            "id": one.id,
            "error": error,
            "correlation": fit.score,
            "right": bool(fit.score >= SOLVED_MAP_CORRELATION),
            "figures": list(figures_of(evidence)),
            "evidence": asdict(evidence),
            "hand": fit.hand,
            "hand_log_odds": evidence.prior.log_odds,
            "fom": float(finished.fom.mean()),
            "cos": float(np.mean(cosines(one, finished.phi_asu, fit))),
        }


def cosines(one: Simulated, phi: np.ndarray, fit) -> np.ndarray:
    """Calculate cos Δφ of each reflection at the best origin and hand."""
    moved = moved_phases(one.prepared.reflections.hkl, phi, fit.shift, fit.hand)
    return np.cos(moved - one.true_phi)


def fitted(figures: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Constant and weights of a logistic regression, none of the weights negative."""
    spread = figures.std(axis=0) + 1e-6

    def loss(parameters: np.ndarray) -> float:
        score = parameters[0] + (figures / spread) @ parameters[1:]
        return float(
            np.logaddexp(0.0, np.where(right, -score, score)).mean() + PENALTY * (parameters[1:] ** 2).sum()
        )

    free = [(None, None)] + [(0.0, None)] * figures.shape[1]
    best = minimize(loss, np.zeros(figures.shape[1] + 1), bounds=free)
    return np.concatenate([best.x[:1], best.x[1:] / spread])


def cross_validated(ids: list[str], figures: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Probability of each outcome by weights fitted to other crystals."""
    fold = np.array([sorted(set(ids)).index(one) % FOLDS for one in ids])
    probability = np.zeros(len(right))
    for k in range(FOLDS):
        weights = fitted(figures[fold != k], right[fold != k])
        probability[fold == k] = 1.0 / (1.0 + np.exp(-weights[0] - figures[fold == k] @ weights[1:]))
    return probability


def report(records: list[dict]) -> None:
    """Print the constants, the reliability, and the hand."""
    figures = np.array([r["figures"] for r in records])
    right = np.array([r["right"] for r in records])
    weights = fitted(figures, right)
    print(
        f"constant {weights[0]:.2f}; "
        + ", ".join(f"{n} {w:.2f}" for n, w in zip(FIGURES, weights[1:], strict=True))
    )
    probability = cross_validated([r["id"] for r in records], figures, right)
    print(f"{len(records)} outcomes, {right.sum()} right; AUROC {auroc(probability, right)}")
    said = probability >= SOLVED_CHANCE
    missed = (right & ~said).sum()
    print(f"called solved {said.sum()}, wrongly {(said & ~right).sum()}; right but not called so {missed}")
    rows = [
        [f"{b.low:.1f}–{b.high:.1f}", b.count, b.stated, b.found]
        for b in reliability_table(probability, right)
    ]
    print(format_table(["probability", "outcomes", "stated", "right"], rows))
    report_hand([r for r in records if r["right"]])
    solved = [r for r in records if r["right"]]
    if solved:
        stated, found = np.mean([r["fom"] for r in solved]), np.mean([r["cos"] for r in solved])
        print(f"mean FOM of the right ones {stated:.3f}, ⟨cos Δφ⟩ {found:.3f}")


def report_hand(solved: list[dict]) -> None:
    """Print how often the prior knows the hand of right solutions, and the log-odds of its figures."""
    if not solved:
        return
    sign = np.where([r["hand"] == "same" for r in solved], 1.0, -1.0)
    odds = sign * np.array([r["hand_log_odds"] for r in solved])  # positive for the right hand
    both, truth = np.concatenate([odds, -odds]), np.repeat([True, False], len(odds))
    print(f"hand: factor of the log-odds {fitted(both[:, None], truth)[1]:.2f}")
    stated, wrong = (np.abs(odds) > LEAST_LOG_ODDS).sum(), (odds < -LEAST_LOG_ODDS).sum()
    print(f"hand right in {(odds > 0).sum()} of {len(odds)}; stated {stated}, of these wrong {wrong}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prior", required=True, help="name or file of a density prior")
    parser.add_argument("--sets", default="dev-p15-tight,dev-p15-var", help="lists of benchmarks/sets")
    parser.add_argument("--count", type=int, default=20, help="crystals of each")
    parser.add_argument("--json", type=Path, help="keep all records here, and begin with those it holds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    prior = load_prior(arguments.prior)
    records = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else []
    done = {(r["set"], r["id"]) for r in records}
    for name in arguments.sets.split(","):
        for seed, one in enumerate(crystals(name, arguments.count)):
            if (name, one.id) in done:
                continue
            records += [{"set": name} | r for r in outcomes(one, prior, 100 * seed)]
            if arguments.json:
                arguments.json.write_text(json.dumps(records, indent=1) + "\n")
    report(records)


if __name__ == "__main__":
    main()
