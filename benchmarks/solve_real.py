"""Measured crystals through the command `rephase solve` in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from rephase.evaluate.map_figures import is_solved
from rephase.io.observations import read_observations
from seeds import random_errors
from truth import Agreement, compare_with_truth, model_phases

OBSERVED = Path(__file__).resolve().parents[2] / "shared" / "data" / "observed"
Record = dict[str, Any]


@dataclass(frozen=True)
class RealCrystal:
    """Data, the model beside them if there is one, seconds allowed, columns where there are several."""

    data: str
    model: str | None
    seconds: float
    columns: str | None = None


REAL = {
    "biotin": RealCrystal("biotin.mtz", "biotin.pdb", 120),
    "6mw0": RealCrystal("6mw0-sf.cif.gz", "6mw0.cif", 120),
    "1byz": RealCrystal("1byz.mtz", "1byz.pdb", 540),
    "5e5z": RealCrystal("5e5z.mtz", "5e5z.pdb", 120),
    "1yjp": RealCrystal("1yjp-sf.cif", "1yjp.pdb", 120),
    "1aba": RealCrystal("1aba.mtz", "1aba.pdb", 60),
    "1ubq": RealCrystal("1ubq_fexp.mtz", "1ubq.pdb", 60),
    "1t00": RealCrystal("1t00.mtz", "1t00.pdb", 30),
    "1l2h": RealCrystal("1l2h.mtz.gz", None, 30),
    "1rx2": RealCrystal("1rx2_phases.mtz", "1rx2.pdb", 30, "FP,SIGFP"),
    "1g1j": RealCrystal("1g1j.mtz", "1g1j.pdb", 30),
    "1dtx": RealCrystal("1dtx.mtz", None, 30),
    "toxd": RealCrystal("toxd.mtz", None, 30, "FTOXD3,SIGFTOXD3"),
    "1v9g": RealCrystal("1v9g-sf.cif.gz", None, 30),
}


def phase_real(name: str, scale: float, error: float | None, options: list[str]) -> Record:
    """Run the command on a measured crystal, and compare with its model.

    Parameters
    ----------
    name
        Of `REAL`.
    scale
        Of the time allowed.
    error
        Mean |Δφ| in degrees of starting phases, from the model's; None for random ones.
    options
        Of the command, beside its time limit.
    """
    crystal = REAL[name]
    with tempfile.TemporaryDirectory() as folder:
        out, start = Path(folder) / "out", Path(folder) / "start.mtz"
        words = ["solve", str(OBSERVED / crystal.data), "-o", str(out)]
        words += ["--time-limit", str(max(5.0, crystal.seconds * scale)), *options]
        if crystal.columns:
            words += ["--observations", crystal.columns]
        if error is not None:
            write_start(start, crystal, error)
            words += ["--start-phases", f"{start}:PHI,FOM"]
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("rephase")), *words], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        told = {"id": name, "seed_error": error, "seconds": time.perf_counter() - begin}
        if status != 0:
            return told | {"failed": os.waitstatus_to_exitcode(status)}
        return told | {"memory_mib": usage.ru_maxrss / 1024} | found_in(out, crystal)


def found_in(out: Path, crystal: RealCrystal) -> Record:
    """Read the verdict of a run, and compare its phases with the model."""
    results = json.loads((out / "results.json").read_text())
    found = {
        "verdict": results["verdict"]["word"],
        "probability": results["verdict"]["probability"],
        "free_correlation": results["verdict"]["figure"]["value"],
        "hand_status": results["phasing"]["hand"]["status"],
    }
    if crystal.model is None:
        return found
    agreement = agreement_of_file(gemmi.read_mtz_file(str(out / "phased.mtz")), OBSERVED / crystal.model)
    return found | {
        "correlation": agreement.correlation,
        "phase_error": agreement.phase_error,
        "hand": agreement.hand,
        "solved": is_solved(agreement.correlation, agreement.hand),
    }


def write_start(path: Path, crystal: RealCrystal, error: float) -> None:
    """Write phases of the model with random errors, and their figures of merit."""
    if crystal.model is None:
        raise ValueError(f"{crystal.data} has no model to start from")
    data = read_observations(OBSERVED / crystal.data, crystal.columns)
    true_phi = model_phases(OBSERVED / crystal.model, data.hkl, data.cell)
    centric = np.asarray(data.spacegroup.operations().centric_flag_array(data.hkl), dtype=bool)
    seed = random_errors(true_phi, error, np.random.default_rng(0), centric)
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = data.spacegroup
    mtz.set_cell_for_all(data.cell)
    mtz.add_dataset("start")
    for label, kind in (("PHI", "P"), ("FOM", "W")):
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([data.hkl, np.degrees(seed.phi) % 360.0, seed.fom]).astype(np.float32))
    mtz.write_to_file(str(path))


def agreement_of_file(mtz: gemmi.Mtz, model: Path) -> Agreement:
    """Compare PHIB of an output file with a model, with the observed amplitudes (FWT/FOM) as weights."""
    fwt, fom, phi = (np.array(mtz.column_with_label(label)) for label in ("FWT", "FOM", "PHIB"))
    kept = np.isfinite(fwt) & np.isfinite(fom) & np.isfinite(phi) & (fom > 1e-3)
    hkl = mtz.make_miller_array()[kept].astype(np.int32)
    f = fwt[kept].astype(float) / fom[kept]
    true_phi = model_phases(model, hkl, mtz.cell)
    return compare_with_truth(hkl, f, np.radians(phi[kept].astype(float)), true_phi, mtz.spacegroup)


HEADERS = ["crystal", "start", "verdict", "free CC", "map CC", "error", "hand", "time", "memory"]


def row(found: Record) -> list[str]:
    """Line of the table of measured crystals."""
    start = "random" if found["seed_error"] is None else f"{found['seed_error']:g}°"
    if "failed" in found:
        return [found["id"], start, f"exit {found['failed']}", *["–"] * 6]
    with_truth = "correlation" in found
    hand = found["hand_status"] + (f" ({found['hand']} as model)" if found.get("solved") else "")
    return [
        found["id"],
        start,
        found["verdict"],
        f"{found['free_correlation']:.2f}",
        f"{found['correlation']:.2f}" if with_truth else "–",
        f"{found['phase_error']:.0f}°" if with_truth else "–",
        hand,
        f"{found['seconds']:.0f} s",
        f"{found['memory_mib']:.0f} MiB",
    ]
