"""Calculate the histograms of protein density that density modification matches.

    python benchmarks/histograms.py [FILE]

Writes src/rephase/phasing/modification/histograms.json: for each resolution limit, levels of equal
probability of the density inside proteins, mean 0 and variance 1, averaged over small proteins of the
training split. Structure factors of the models with bulk solvent, given the standard fall-off; prints how far
entries differ.
"""

import argparse
import json
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_crystals import ModelCrystal, entries, protein_region, read_crystal, structure_factors
from rephase.crystal.density_map import density_map
from rephase.crystal.wilson import wilson_plot
from rephase.models.prior_data import FALL_OFF

TABLE = Path(__file__).resolve().parents[1] / "src/rephase/phasing/modification/histograms.json"
D_MIN = (1.1, 1.3, 1.6, 2.0, 2.4, 2.8, 3.3, 4.0)
LEVELS = 200
CRYSTALS = 8
LOWEST = 40.0  # Å; few crystals are measured to lower resolution


def density_levels(crystal: ModelCrystal, d_min: float) -> tuple[NDArray[np.float64], float]:
    """Levels inside the protein, and the spread of the solvent in units of that of the whole map."""
    hkl, F = structure_factors(crystal, d_min)
    inv_d2 = np.asarray(crystal.cell.calculate_1_d2_array(hkl))
    hkl, F, inv_d2 = (x[inv_d2 > LOWEST**-2] for x in (hkl, F, inv_d2))
    epsilon = crystal.spacegroup.operations().epsilon_factor_without_centering_array(hkl)
    b = wilson_plot(np.abs(F) ** 2 / epsilon, inv_d2).b
    f = np.abs(F) * np.exp(0.25 * (b - FALL_OFF * d_min**2) * inv_d2)
    rho = density_map(hkl, f, np.angle(F), crystal.cell, crystal.spacegroup)
    protein = protein_region(crystal, rho.shape)
    inside = np.sort(rho[protein])
    levels = np.array([part.mean() for part in np.array_split(inside, LEVELS)])
    return (levels - inside.mean()) / inside.std(), float(rho[~protein].std() / rho.std())


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("file", nargs="?", type=Path, default=TABLE)
    target = parser.parse_args().file
    listed = entries("train", 1.3, (50, 250))
    read = (read_crystal(code, path) for code, path in listed)
    found = (one for one in read if one is not None)
    usable = (one for one in found if np.isfinite(structure_factors(one, D_MIN[0])[1]).all())
    crystals = list(islice(usable, CRYSTALS))
    print("entries", " ".join(crystal.code for crystal in crystals))
    table, solvent = [], []
    for d_min in D_MIN:
        found = [density_levels(crystal, d_min) for crystal in crystals]
        levels = np.array([one for one, _ in found])
        spread = float(np.mean([one for _, one in found]))
        solvent.append(round(spread, 3))
        print(
            f"{d_min:.1f} Å: levels differ by {levels.std(axis=0).mean():.3f}, solvent {spread:.2f}",
            flush=True,
        )
        table.append([round(float(x), 4) for x in levels.mean(axis=0)])
    content = {"d_min": list(D_MIN), "solvent": solvent, "levels": table}
    target.write_text(json.dumps(content, separators=(",", ":")).replace("],[", "],\n[") + "\n", "utf-8")


if __name__ == "__main__":
    main()
