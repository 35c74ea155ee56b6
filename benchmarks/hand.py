"""How often the hand is decided, how often rightly, and how long it takes.

    python benchmarks/hand.py [--quick] [--split val|test] [--json FILE]

Fragments of 15 residues are packed into P1 and phased by their models plus errors that average 10°, 30° and
50°, at 1.5 and 2.0 Å; maps of random phases show how often a hand is made up. `val` served to set the
thresholds; `test` is for the result. Measured structures, phased by their deposited models, follow. Half of
the maps of fragments are inverted, those of measured structures all.
"""

import argparse
import json
import math
import time
from pathlib import Path

import gemmi
import numpy as np
import torch
from scipy.stats import beta

from make_sets import FRAGMENTS, is_regular, window_of
from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1
from rephase.data.crystals.packing import pack
from rephase.data.fragments import Split, load_fragments
from rephase.io.model import read_model
from rephase.phasing.hand import HandDecision, decide_hand
from rephase.physics.atoms import pack_atoms
from rephase.physics.structure_factors import structure_factors_at_hkl

OBSERVED = FRAGMENTS.parent / "observed"
RANDOM = 90.0
CONDITIONS = [(d_min, error) for error in (10.0, 30.0, 50.0, RANDOM) for d_min in (1.5, 2.0)]
MEASURED = (
    ("1byz.pdb", 0.90),
    ("1byz.pdb", 1.20),
    ("1byz.pdb", 1.80),
    ("6mw0.cif", 0.78),
    ("biotin.pdb", 0.85),
    ("1aba.pdb", 1.45),
    ("1rx2.pdb", 1.80),
    ("5e5z.pdb", 1.66),
    ("1yjp.pdb", 1.80),
)
SEED = 12


def phased(model: CrystalModel, d_min: float) -> tuple[np.ndarray, np.ndarray]:
    """P1 hemisphere to `d_min` and its structure factors."""
    symbols = sorted(set(model.elements.tolist()))
    kind = torch.tensor([symbols.index(e) for e in model.elements.tolist()])
    ends = torch.tensor([0, len(model)])
    atoms = pack_atoms(torch.tensor(model.xyz_frac), kind, ends, symbols, torch.tensor(model.b_iso))
    hkl = gemmi.make_miller_array(model.cell, gemmi.SpaceGroup("P 1"), d_min)
    cell = torch.tensor([model.cell.parameters], dtype=torch.float64)
    parts = [structure_factors_at_hkl(atoms, cell, part)[0] for part in torch.tensor(hkl).split(4000)]
    return np.asarray(hkl, dtype=np.int32), torch.cat(parts).numpy()


def with_errors(F: np.ndarray, mean_deg: float, rng: np.random.Generator) -> np.ndarray:
    """Phases in radians with normal errors of that mean size, or random ones."""
    if mean_deg == RANDOM:
        return rng.uniform(0.0, 2.0 * math.pi, len(F))
    sigma = math.radians(mean_deg) * math.sqrt(math.pi / 2.0)
    return np.angle(F) + sigma * rng.normal(size=len(F))


def fragments(split: Split, count: int) -> list[CrystalModel]:
    source = load_fragments(FRAGMENTS, (split,))
    crystals: list[CrystalModel] = []
    for i in np.random.default_rng(SEED).permutation(len(source)).tolist():
        if is_regular(window := window_of(source, i)):
            crystals.append(pack(window.xyz, window.elements, np.random.default_rng(i)))
        if len(crystals) == count:
            break
    return crystals


def judged(decision: HandDecision, inverted: bool) -> bool | None:
    """Tell whether a stated hand is right."""
    return None if decision.hand is None else (decision.hand == "other") == inverted


def interval(right: int, n: int) -> tuple[float, float]:
    """Clopper–Pearson interval of 95 %."""
    low = beta.ppf(0.025, right, n - right + 1) if right else 0.0
    high = beta.ppf(0.975, right + 1, n - right) if right < n else 1.0
    return float(low), float(high)


def on_fragments(crystals: list[CrystalModel], d_min: float, error: float) -> dict[str, object]:
    rng = np.random.default_rng(SEED)
    answers, scores, start = [], [], time.perf_counter()
    for number, model in enumerate(crystals):
        hkl, F = phased(model, d_min)
        inverted = number % 2 == 1
        phi = with_errors(F, error, rng) * (-1.0 if inverted else 1.0)
        decision = decide_hand(hkl, np.abs(F), phi, model.cell, d_min, seed=number)
        answers.append(judged(decision, inverted))
        scores.append(-decision.score if inverted else decision.score)
    stated = [answer for answer in answers if answer is not None]
    return {
        "d_min": d_min,
        "phase_error": error,
        "crystals": len(crystals),
        "stated": len(stated),
        "right": sum(stated),
        "interval": interval(sum(stated), len(stated)) if stated else None,
        "scores": np.percentile(scores, [0, 5, 50, 95, 100]).round(1).tolist(),
        "seconds": (time.perf_counter() - start) / len(crystals),
    }


def on_measured(name: str, d_min: float) -> dict[str, object]:
    deposited = read_model(OBSERVED / name)
    heavy = (deposited.elements != "H") & (deposited.occupancy >= 0.5)
    model = CrystalModel(
        deposited.cell,
        deposited.spacegroup,
        deposited.xyz_frac[heavy],
        deposited.elements[heavy],
        deposited.b_iso[heavy],
    )
    hkl, F = phased(expand_to_p1(model), d_min)
    copies, start = len(deposited.spacegroup.operations()), time.perf_counter()
    decision = decide_hand(hkl, np.abs(F), -np.angle(F), model.cell, d_min, copies=copies)
    seconds = time.perf_counter() - start
    right = judged(decision, True)
    return {"name": name, "d_min": d_min, "right": right, "evidence": decision.evidence, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="6 crystals a condition instead of 25")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    crystals = fragments(arguments.split, 6 if arguments.quick else 25)
    print(f"{len(crystals)} fragments of the {arguments.split} split, one thread")
    print("d_min  error  stated  right  95 % interval  log-odds min 5% median 95% max  s each")
    rows = []
    for d_min, error in CONDITIONS:
        row = on_fragments(crystals, d_min, error)
        rows.append(row)
        sure = "{:.2f}–{:.2f}".format(*row["interval"]) if row["interval"] else "–"
        name = "random" if error == RANDOM else f"{error:.0f}°"
        counts = f"{row['stated']:6d} {row['right']:6d}"
        print(
            f"{d_min:5.1f} {name:>6s} {counts} {sure:>14s}  {row['scores']}  {row['seconds']:.1f}", flush=True
        )
    print("measured structures, phased by their models and inverted")
    measured = []
    for name, d_min in MEASURED:
        row = on_measured(name, d_min)
        measured.append(row)
        verdict = {None: "not decided", True: "right", False: "WRONG"}[row["right"]]
        print(
            f"{name:11s} {d_min:.2f} Å  {verdict:11s} {row['seconds']:5.1f} s  {row['evidence']}", flush=True
        )
    if arguments.json:
        record = {"split": arguments.split, "fragments": rows, "measured": measured}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
