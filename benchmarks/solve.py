"""How often, how well and how fast `rephase solve` phases fragments and measured crystals.

    python benchmarks/solve.py [--quick] [--json FILE] [--sets p15-wide,p15-tight-start] [--real biotin,1byz]

Fragments: P1 crystals of 15-residue windows from the test split (benchmarks/sets/), amplitudes to 1.5 and
2.0 Å without errors, as the published systems are measured, or (--errors noisy) with measurement errors
(⟨F/σ⟩ ≈ 2.5 at the edge). Each is read from an MTZ and a FASTA file. "Solved" is a map correlation with the
truth of 0.80 up to hand; the verdict is what the program says without the truth.

Real crystals: the command line itself in a process of its own; the deposited model's phases are the truth.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gemmi
import numpy as np
import torch
from scipy.stats import binomtest

from rephase.data.crystals.structure_factors import measured_amplitudes, structure_factors
from rephase.data.lists.crystal_lists import read_list
from rephase.data.lists.listed_crystals import crystals_of
from rephase.data.lists.listed_fragments import read_listed
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.io.example_files import write_fasta, write_measured_mtz
from rephase.io.observations import read_observations
from rephase.io.sequence import read_sequence
from rephase.logs import format_table
from rephase.phasing.phase import phase
from rephase.phasing.prepare import prepare
from truth import Agreement, calibration_bins, compare_with_truth, model_phases

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
NOISELESS = 1e6  # ⟨F/σ⟩ at the edge
NOISY = 2.5
# file, model (None: no truth beside it), seconds allowed
REAL = {
    "biotin": ("biotin.mtz", "biotin.pdb", 120),
    "6mw0": ("6mw0-sf.cif.gz", "6mw0.cif", 120),
    "1byz": ("1byz.mtz", "1byz.pdb", 540),
    "5e5z": ("5e5z.mtz", "5e5z.pdb", 60),
    "1yjp": ("1yjp-sf.cif", "1yjp.pdb", 60),
    "1aba": ("1aba.mtz", "1aba.pdb", 60),
    "1ubq": ("1ubq_fexp.mtz", "1ubq.pdb", 60),
    "1t00": ("1t00.mtz", "1t00.pdb", 30),
    "1l2h": ("1l2h.mtz.gz", None, 30),
    "1rx2": ("1rx2_phases.mtz", "1rx2.pdb", 30),
    "1g1j": ("1g1j.mtz", "1g1j.pdb", 30),
    "1dtx": ("1dtx.mtz", None, 30),
    "toxd": ("toxd.mtz", None, 30),
    "1v9g": ("1v9g-sf.cif.gz", None, 30),
}
EXTRA = {"toxd": ["--observations", "FTOXD3,SIGFTOXD3"], "1rx2": ["--observations", "FP,SIGFP"]}


def phase_fragments(name: str, d_min: float, signal: float, count: int, time_limit: float) -> list[dict]:
    """Phase the first `count` crystals of a set; one record each."""
    crystals = read_list(HERE / "sets" / f"{name}.json")
    fragments = read_listed(crystals, [SHARED / "fragments15.npz", *(SHARED / "structures").iterdir()])
    records = []
    for entry, crystal in zip(crystals.entries[:count], crystals_of(crystals, fragments), strict=False):
        model = crystal.model
        rng = np.random.default_rng(entry.seed)
        reflections, _ = measured_amplitudes(model, d_min, rng, signal)
        with tempfile.TemporaryDirectory() as folder:
            write_measured_mtz(
                Path(folder) / "x.mtz", reflections, np.zeros(len(reflections), dtype=np.int64)
            )
            write_fasta(Path(folder) / "x.fasta", entry.id, crystal.sequence)
            observed = read_observations(Path(folder) / "x.mtz")
            sequence = read_sequence(Path(folder) / "x.fasta")
        begin = time.perf_counter()
        prepared = prepare(observed, sequence)
        solution = phase(
            prepared,
            seed=0,
            device=torch.device("cpu"),
            time_limit=time_limit,
            on_step=lambda n: None,
            on_round=lambda records: None,
        )
        seconds = time.perf_counter() - begin
        data = prepared.reflections
        true_phi = np.angle(structure_factors(model, data.hkl))
        agreement = compare_with_truth(data.hkl, data.f, solution.phi, true_phi, data.spacegroup)
        records.append(record(entry.id, agreement, solution, seconds))
        print(f"  {entry.id:16s} {summary(records[-1])}", file=sys.stderr, flush=True)
    return records


def record(name: str, agreement: Agreement, solution, seconds: float) -> dict:
    """Collect what is kept of one crystal; FOM as in the file, times the chance that the phases are right."""
    fom = solution.fom * solution.judgement.probability
    return {
        "id": name,
        "correlation": agreement.correlation,
        "phase_error": agreement.phase_error,
        "weighted_phase_error": agreement.weighted_phase_error,
        "solved": agreement.correlation >= SOLVED_MAP_CORRELATION,
        "verdict": solution.judgement.word,
        "probability": solution.judgement.probability,
        "free_correlation": solution.judgement.figure,
        "mean_fom": float(fom.mean()),
        "calibration": calibration_bins(fom, agreement.cos_error),
        "seconds": seconds,
        "starts": len(solution.starts),
    }


def summary(r: dict) -> str:
    """One line of a record."""
    return (
        f"correlation {r['correlation']:.3f}  error {r['phase_error']:5.1f}°  {r['verdict']:10s} "
        f"free correlation {r['free_correlation']:.2f}  FOM {r['mean_fom']:.2f}  {r['seconds']:.1f} s"
    )


def fragment_row(title: str, records: list[dict]) -> list[str]:
    """Line of the table of fragments, with the exact binomial interval of the fraction solved."""
    solved = np.array([r["solved"] for r in records], dtype=float)
    said = np.array([r["verdict"] == "solved" for r in records])
    right = [r for r in records if r["solved"]]
    low, high = binomtest(int(solved.sum()), len(solved)).proportion_ci()
    error = f"{np.mean([r['phase_error'] for r in right]):.1f}°" if right else "–"
    return [
        title,
        str(len(records)),
        f"{100 * solved.mean():.0f} % ({100 * low:.0f}–{100 * high:.0f})",
        error,
        f"{np.median([r['correlation'] for r in records]):.2f}",
        f"{np.mean([r['phase_error'] for r in records]):.1f}°",
        f"{np.median([r['seconds'] for r in records]):.1f} s",
        str(int((said & (solved == 0)).sum())),
        str(int((~said & (solved == 1)).sum())),
    ]


def calibration_rows(sets: dict[str, list[dict]]) -> list[list[str]]:
    """⟨cos Δφ⟩ against FOM over all reflections of all crystals."""
    count, fom, cosine = np.sum([r["calibration"] for records in sets.values() for r in records], axis=0)
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


def phase_real(name: str, scale: float) -> dict:
    """Run the command on a measured crystal and compare with its model."""
    file, model, seconds = REAL[name]
    limit = max(5.0, seconds * scale)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [
            str(Path(sys.executable).with_name("rephase")),
            "solve",
            str(SHARED / "observed" / file),
            "-o",
            str(out),
        ]
        command += ["--time-limit", str(limit), *EXTRA.get(name, [])]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - begin
        if status != 0:
            return {"id": name, "failed": os.waitstatus_to_exitcode(status)}
        results = json.loads((out / "results.json").read_text())
        mtz = gemmi.read_mtz_file(str(out / "phased.mtz"))
        found = {
            "id": name,
            "verdict": results["verdict"]["word"],
            "probability": results["verdict"]["probability"],
            "free_correlation": results["verdict"]["figure"]["value"],
            "hand": results["phasing"]["hand"],
            "seconds": elapsed,
            "memory_mib": usage.ru_maxrss / 1024,
        }
        if model:
            agreement = agreement_of_file(mtz, SHARED / "observed" / model)
            found |= {
                "correlation": agreement.correlation,
                "phase_error": agreement.phase_error,
                "solved": agreement.correlation >= SOLVED_MAP_CORRELATION,
                "hand_is": agreement.hand,
            }
    print(f"  {found}", file=sys.stderr, flush=True)
    return found


def agreement_of_file(mtz: gemmi.Mtz, model: Path) -> Agreement:
    """Compare PHIB of an output file with a model, with the observed amplitudes (FWT/FOM) as weights."""
    fwt, fom, phi = (np.array(mtz.column_with_label(label)) for label in ("FWT", "FOM", "PHIB"))
    kept = np.isfinite(fwt) & np.isfinite(fom) & np.isfinite(phi) & (fom > 1e-3)
    hkl = mtz.make_miller_array()[kept].astype(np.int32)
    f = fwt[kept].astype(float) / fom[kept]
    true_phi = model_phases(model, hkl, mtz.cell)
    return compare_with_truth(hkl, f, np.radians(phi[kept].astype(float)), true_phi, mtz.spacegroup)


def real_row(r: dict) -> list[str]:
    """Line of the table of measured crystals."""
    if "failed" in r:
        return [r["id"], f"exit {r['failed']}", *["–"] * 6]
    with_truth = "correlation" in r
    return [
        r["id"],
        r["verdict"],
        f"{r['free_correlation']:.2f}",
        f"{r['correlation']:.2f}" if with_truth else "–",
        f"{r['phase_error']:.0f}°" if with_truth else "–",
        r["hand"]["status"] + (f" ({r['hand_is']} as model)" if with_truth and r.get("solved") else ""),
        f"{r['seconds']:.0f} s",
        f"{r['memory_mib']:.0f} MiB",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="4 fragments a case, real crystals for a tenth of the time"
    )
    parser.add_argument("--json", type=Path, help="write all records here")
    parser.add_argument("--sets", default="p15-wide,p15-tight-start", help="sets of benchmarks/sets, or none")
    parser.add_argument("--real", default=",".join(REAL), help="measured crystals, or none")
    parser.add_argument("--count", type=int, default=20, help="fragments a case")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds of search a fragment")
    parser.add_argument("--errors", default="exact", help="exact, noisy or both, separated by a comma")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    count = 4 if arguments.quick else arguments.count
    everything: dict = {
        "command": " ".join(sys.argv),
        "threads": torch.get_num_threads(),
        "sets": {},
        "real": [],
    }
    rows = []
    for name in [s for s in arguments.sets.split(",") if s and s != "none"]:
        for d_min in (1.5, 2.0):
            for label in arguments.errors.split(","):
                signal = {"exact": NOISELESS, "noisy": NOISY}[label]
                title = f"{name} {d_min} Å {label}"
                print(title, file=sys.stderr)
                records = phase_fragments(name, d_min, signal, count, arguments.time_limit)
                everything["sets"][title] = records
                rows.append(fragment_row(title, records))
    if rows:
        headers = [
            "case",
            "n",
            "solved (95 %)",
            "error of solved",
            "median CC",
            "error of all",
            "median time",
            "false solved",
            "missed",
        ]
        print(format_table(headers, rows))
        print(format_table(["FOM", "reflections", "⟨FOM⟩", "⟨cos Δφ⟩"], calibration_rows(everything["sets"])))
    scale = 0.1 if arguments.quick else 1.0
    real = [phase_real(name, scale) for name in arguments.real.split(",") if name and name != "none"]
    everything["real"] = real
    if real:
        headers = ["crystal", "verdict", "free CC", "map CC", "error", "hand", "time", "memory"]
        print(format_table(headers, [real_row(r) for r in real]))
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
