"""Random peptides beside fragments of known structures that the tables they come from have not seen.

    python benchmarks/peptides.py [--n 4096] [--json FILE]

The fragments are those of the validation split at 1.8 Å or better. An overlap of two histograms is the sum of
the lesser of each two bins: 1 where they agree. "Real halves" compares one half of the fragments with the
other: what counting errors alone would leave. The speed is per second of processor time, without writing.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragments import Fragments
from rephase.data.peptides.backbone import STATES, backbone_states
from rephase.data.peptides.clashes import contacts_of_unit
from rephase.data.peptides.internal_coordinates import angle_deg, distance
from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.peptides.residue_grid import ResidueGrid, measure_torsions, residue_grid
from rephase.data.peptides.residue_topology import CA, CHI_COUNT, RESIDUES, C, N, O
from rephase.data.peptides.torsion_tables import CLASSES, ramachandran_class
from rephase.logs import format_table
from torsions import FRAGMENTS, well_resolved

INNER = slice(4, 12)
RAMACHANDRAN_BINS = 36  # of 10°
CHI_BINS = 36
CONTACT_EDGES = np.arange(2.4, 4.01, 0.1)  # Å


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    next(random_peptides(PeptideConfig(), 1, 0))  # reads the tables
    start = time.process_time()
    built = joined(list(random_peptides(PeptideConfig(), options.n, 0)))
    rate = options.n / (time.process_time() - start)
    real = residue_grid(well_resolved(FRAGMENTS, "val"))
    overlaps = {
        "peptides": compare(built, real),
        "real halves": compare(half(real, 0), half(real, 1)),
    }
    figures = {"peptides": means(built), "fragments": means(real)}
    print(f"{options.n} peptides at {rate:.0f} per second of processor time; {len(real.residue)} fragments\n")
    for title, table in (("overlap of histograms", overlaps), ("means", figures)):
        rows = [[name, *(table[column][name] for column in table)] for name in next(iter(table.values()))]
        print(format_table([title, *table], rows), end="\n\n")
    if options.json:
        result = {"peptides_per_second": rate, "overlap": overlaps, "means": figures}
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def joined(parts: list[Fragments]) -> ResidueGrid:
    grids = [residue_grid(part) for part in parts]
    return ResidueGrid(
        np.concatenate([grid.residue for grid in grids]), np.concatenate([grid.xyz_cart for grid in grids])
    )


def half(grid: ResidueGrid, which: int) -> ResidueGrid:
    return ResidueGrid(grid.residue[which::2], grid.xyz_cart[which::2])


def compare(one: ResidueGrid, other: ResidueGrid) -> dict[str, float]:
    first, second = histograms(one), histograms(other)
    return {name: overlap(first[name], second[name]) for name in first}


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def histograms(grid: ResidueGrid) -> dict[str, NDArray[np.float64]]:
    """φ/ψ of each class; the states of two successive residues; χ of each residue; contacts; gyration."""
    torsions = measure_torsions(grid)
    state = backbone_states(torsions.phi, torsions.psi)
    follows = np.zeros(grid.residue.shape, bool)
    follows[:, :-1] = grid.residue[:, 1:] == RESIDUES.index("P")
    kind = ramachandran_class(grid.residue, follows, np.abs(torsions.omega) < 90)[:, INNER]
    found = {}
    for k, name in enumerate(CLASSES):
        chosen = (torsions.phi[:, INNER][kind == k], torsions.psi[:, INNER][kind == k])
        found[f"φ/ψ, {name}"] = circular_histogram(*chosen, bins=RAMACHANDRAN_BINS)
    pair = state[:, INNER] * len(STATES) + state[:, INNER.start - 1 : INNER.stop - 1]
    found["states of two residues"] = np.bincount(pair.ravel(), minlength=len(STATES) ** 2).astype(float)
    for number in range(int(CHI_COUNT.max())):
        rows = CHI_COUNT[grid.residue] > number
        angles = torsions.chi[..., number][rows]
        found[f"χ{number + 1}, by residue"] = circular_histogram(
            angles, grid.residue[rows] * 18.0 - 180.0, bins=CHI_BINS
        )
    contacts = contact_distances(grid)
    found["contacts to 4 Å"] = np.histogram(contacts, CONTACT_EDGES)[0].astype(float)
    found["radius of gyration"] = np.histogram(gyration(grid), np.arange(3.0, 16.1, 0.5))[0].astype(float)
    found["Cα–Cα of the ends"] = np.histogram(ends(grid), np.arange(0.0, 52.1, 2.0))[0].astype(float)
    return found


def circular_histogram(x: NDArray[np.float64], y: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    return np.histogram2d(x, y, bins=bins, range=[(-180, 180), (-180, 180)])[0]


def contact_distances(grid: ResidueGrid) -> NDArray[np.float64]:
    """Distances below 4 Å of atoms four or more bonds apart, Å."""
    every = range(grid.residue.shape[1])
    found = [
        contacts_of_unit(
            grid.residue[:1000], grid.xyz_cart[:1000], np.full(min(1000, len(grid.residue)), place), 4.0
        )
        for place in every
    ]
    return np.concatenate([contacts.distance for contacts in found])


def gyration(grid: ResidueGrid) -> NDArray[np.float64]:
    xyz = grid.xyz_cart.reshape(len(grid.residue), -1, 3)
    centred = xyz - np.nanmean(xyz, axis=1, keepdims=True)
    return np.sqrt(np.nanmean(np.sum(centred**2, axis=-1), axis=1))


def ends(grid: ResidueGrid) -> NDArray[np.float64]:
    return distance(grid.xyz_cart[:, 0, CA], grid.xyz_cart[:, -1, CA])


def means(grid: ResidueGrid) -> dict[str, float]:
    torsions = measure_torsions(grid)
    state = backbone_states(torsions.phi, torsions.psi)[:, INNER]
    n, ca, c, o = (grid.xyz_cart[:, :, slot] for slot in (N, CA, C, O))
    lengths = {
        "N–Cα": distance(n, ca),
        "Cα–C": distance(ca, c),
        "C–O": distance(c, o),
        "C–N": distance(c[:, :-1], n[:, 1:]),
    }
    angles = {
        "N–Cα–C": angle_deg(n, ca, c),
        "Cα–C–N": angle_deg(ca[:, :-1], c[:, :-1], n[:, 1:]),
        "O–C–N": angle_deg(o[:, :-1], c[:, :-1], n[:, 1:]),
        "C–N–Cα": angle_deg(c[:, :-1], n[:, 1:], ca[:, 1:]),
        "N–Cα–Cβ": angle_deg(n, ca, grid.xyz_cart[:, :, 4])[~np.isnan(grid.xyz_cart[:, :, 4, 0])],
        "C–Cα–Cβ": angle_deg(c, ca, grid.xyz_cart[:, :, 4])[~np.isnan(grid.xyz_cart[:, :, 4, 0])],
    }
    proline = (grid.residue == RESIDUES.index("P"))[:, 1:]
    cis = np.abs(torsions.omega[:, 1:]) < 90
    figures = {f"fraction {name}": float((state == k).mean()) for k, name in enumerate(STATES)}
    for name, values in lengths.items():
        figures |= {f"{name}, Å": float(values.mean()), f"{name}, spread": robust_spread(values)}
    for name, values in angles.items():
        figures |= {f"{name}, °": float(values.mean()), f"{name}, spread": robust_spread(values)}
    contacts = contact_distances(grid)
    return figures | {
        "cis before proline, %": 100 * float(cis[proline].mean()),
        "cis elsewhere, %": 100 * float(cis[~proline].mean()),
        "radius of gyration, Å": float(gyration(grid).mean()),
        "Cα–Cα of the ends, Å": float(ends(grid).mean()),
        "contacts below 4 Å, per fragment": len(contacts) / min(1000, len(grid.residue)),
        "contacts below 3 Å, per fragment": float(np.sum(contacts < 3.0)) / min(1000, len(grid.residue)),
    }


def robust_spread(values: NDArray[np.float64]) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


if __name__ == "__main__":
    main()
