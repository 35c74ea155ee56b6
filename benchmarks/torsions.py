"""Fit the tables that random peptides are drawn from, to fragments of known structures.

    python benchmarks/torsions.py [FILE]

Writes src/rephase/data/peptides/torsion_tables.json. The tables are statistics over the training split of the
fragments, entries at 1.8 Å or better. What is built from them is compared by benchmarks/peptides.py.
"""

import argparse
import json
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragments import Fragments, Split, load_fragments
from rephase.data.peptides.backbone import STATES, backbone_states
from rephase.data.peptides.clashes import BONDS_BETWEEN, KINDS, contacts_of_unit
from rephase.data.peptides.internal_coordinates import angle_deg, distance, place_atoms, torsion_deg
from rephase.data.peptides.residue_grid import ResidueGrid, Torsions, measure_torsions, residue_grid, wrap_deg
from rephase.data.peptides.residue_topology import (
    ATOM_NAMES,
    CA,
    CB,
    CHI,
    CHI_COUNT,
    PRESENT,
    REFERENCES,
    RESIDUES,
    C,
    N,
    O,
    chi_atom,
)
from rephase.data.peptides.torsion_tables import (
    BIN_DEG,
    CLASSES,
    MEMORY,
    ROTAMER_GROUPS,
    ramachandran_class,
    rotamer_group,
)

REPOSITORY = Path(__file__).resolve().parents[1]
FRAGMENTS = REPOSITORY.parent / "shared/data/fragments15.npz"
TABLES = REPOSITORY / "src/rephase/data/peptides/torsion_tables.json"

WORST_RESOLUTION = 1.8  # Å: side chains are seen, not only modelled
INNER = slice(4, 12)  # residues of 15 whose helices are whole: a run of four is seen on either side
PSEUDO_COUNTS = 5.0  # of a residue's states together
WITH_MEMORY = slice(6, 12)  # of these the three before have whole helices too
LEAST_BIN = 2e-4  # of a state: bins with less are left out
LEAST_ROTAMER = 1e-3  # of a residue
CLASH_QUANTILE = 0.0005  # one contact in 17 fragments: those are refined badly
LEAST_CONTACTS = 400  # below this a pair of elements is taken for two carbons
CLASH_SAMPLE = 16000  # fragments
CONTACT_LIMIT = 4.0  # Å
LEAST_OF_STATE = 50  # residues: a class with fewer takes the bins of all classes

N_CD_OF_PROLINE = 1.473  # Å (Engh & Huber 2001, International Tables F, 18.3)
SP3_WIDTH, PLANAR_WIDTH, WHOLE = 120.0, 30.0, 360.0
PLANAR = {("D", 2), ("N", 2), ("H", 2), ("W", 2), ("F", 2), ("Y", 2), ("E", 3), ("Q", 3)}
TWOFOLD = {("D", 2), ("F", 2), ("Y", 2), ("E", 3)}  # turned by 180° they look the same
PROLINE_WIDTHS = (5.0, WHOLE)  # narrow in χ1, for χ2 follows from it
RIGID = {"F": 5, "H": 5, "P": 3, "W": 5, "Y": 5}  # last slot with a spread: beyond it a ring would open


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fragments", nargs="?", type=Path, default=FRAGMENTS)
    grid = residue_grid(well_resolved(parser.parse_args().fragments))
    tables = fit(grid)
    TABLES.write_text(as_text(tables), encoding="utf-8")
    print(f"{TABLES}: {TABLES.stat().st_size / 1000:.0f} kB from {len(grid.residue)} fragments")


def well_resolved(path: Path, split: Split = "train") -> Fragments:
    """Read fragments at good resolution; a few with their atoms in disorder are left out."""
    every = load_fragments(path, [split])
    wanted = (every.resolution <= WORST_RESOLUTION) & in_order(every)
    return load_fragments(path, [split], every.ids[wanted].tolist())


def in_order(fragments: Fragments) -> NDArray[np.bool_]:
    """Tell which fragments have as many atoms in every residue as its letter wants."""
    letters = np.array([list(sequence) for sequence in fragments.sequence.tolist()])
    wanted = PRESENT.sum(axis=1)[np.searchsorted(np.array(list(RESIDUES)), letters)]
    fragment = np.repeat(np.arange(len(fragments)), np.diff(fragments.offset))
    found = np.zeros((len(fragments), letters.shape[1] + 1), int)
    np.add.at(found, (fragment, np.minimum(fragments.residue, letters.shape[1])), 1)
    return np.asarray((found[:, :-1] == wanted).all(axis=1))


def fit(grid: ResidueGrid) -> dict[str, Any]:
    torsions = measure_torsions(grid)
    state = backbone_states(torsions.phi, torsions.psi)
    follows = np.zeros(grid.residue.shape, bool)
    follows[:, :-1] = grid.residue[:, 1:] == RESIDUES.index("P")
    counts = np.bincount(grid.residue.ravel(), minlength=len(RESIDUES))
    geometry = {letter: geometry_table(letter, grid, torsions) for letter in RESIDUES}
    rotamers = {
        letter: rotamer_table(letter, grid.residue, state, torsions)
        for letter in RESIDUES
        if CHI_COUNT[RESIDUES.index(letter)]
    }
    for chi in rotamers["P"]["chi"]:
        chi[1] = closing_chi2(*chi, geometry["P"])
    return {
        "composition": (counts / counts.sum()).round(5).tolist(),
        "omega": omega_table(grid, torsions),
        **chain_tables(grid.residue, state, follows),
        "ramachandran": ramachandran_tables(grid.residue, state, follows, torsions),
        "rotamers": rotamers,
        "geometry": geometry,
        "closest": closest_tables(grid),
    }


def as_text(tables: dict[str, Any]) -> str:
    """One line for each table of a residue or class, so that changes can be read."""
    lines = []
    for name, table in tables.items():
        if isinstance(table, dict):
            rows = ",\n".join(
                f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in table.items()
            )
            lines.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(table, separators=(',', ':'))}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


# --- backbone ---


def omega_table(grid: ResidueGrid, torsions: Torsions) -> dict[str, Any]:
    """Fraction of cis bonds, and the means and spreads of trans and of cis, before proline and others."""
    proline = grid.residue == RESIDUES.index("P")
    table = {}
    for name, rows in (("proline", proline), ("other", ~proline)):
        omega = torsions.omega[rows & np.isfinite(torsions.omega)]
        cis = np.abs(omega) < 90
        trans = mean_and_spread(omega[~cis])
        table[name] = [round(float(cis.mean()), 5), *trans, *mean_and_spread(omega[cis])]
    return table


def chain_tables(
    residue: NDArray[np.int64], state: NDArray[np.int64], follows: NDArray[np.bool_]
) -> dict[str, Any]:
    """Odds of a residue's state by its type, and counts of the states of `MEMORY` + 1 residues in a row."""
    kinds, states = 2 * len(RESIDUES), len(STATES)
    kind = (follows * len(RESIDUES) + residue)[:, INNER].ravel()
    count = np.bincount(kind * states + state[:, INNER].ravel(), minlength=kinds * states)
    odds = count.reshape(kinds, states) + PSEUDO_COUNTS / states
    row = np.zeros_like(state[:, WITH_MEMORY])
    for back in range(MEMORY, -1, -1):
        row = row * states + state[:, WITH_MEMORY.start - back : WITH_MEMORY.stop - back]
    rows = np.bincount(row.ravel(), minlength=states ** (MEMORY + 1))
    return {"states": (odds / odds.sum(axis=1, keepdims=True)).round(4).tolist(), "rows": rows.tolist()}


def ramachandran_tables(
    residue: NDArray[np.int64], state: NDArray[np.int64], follows: NDArray[np.bool_], torsions: Torsions
) -> dict[str, Any]:
    """Weights of the bins of φ and ψ that hold most of a class and state."""
    cis = np.abs(torsions.omega) < 90
    kind = ramachandran_class(residue, follows, cis)[:, INNER].ravel()
    bins = int(360 / BIN_DEG)
    phi, psi = (
        ((x[:, INNER].ravel() + 180) // BIN_DEG).astype(int) % bins for x in (torsions.phi, torsions.psi)
    )
    where, of_state = phi * bins + psi, state[:, INNER].ravel()
    tables: dict[str, Any] = {name: [] for name in CLASSES}
    for (k, name), s in product(enumerate(CLASSES), range(len(STATES))):
        chosen = (kind == k) & (of_state == s)
        if chosen.sum() < LEAST_OF_STATE:
            chosen = of_state == s
        count = np.bincount(where[chosen], minlength=bins**2)
        kept = np.flatnonzero(count > LEAST_BIN * count.sum())
        tables[name].append({"bin": kept.tolist(), "weight": count[kept].tolist()})
    return tables


# --- side chains ---


def rotamer_table(
    letter: str, residue: NDArray[np.int64], state: NDArray[np.int64], torsions: Torsions
) -> dict[str, Any]:
    """Means, spreads and weights by group of states of the rotamers, boxes in the χ angles."""
    number = int(CHI_COUNT[RESIDUES.index(letter)])
    rows = (residue == RESIDUES.index(letter))[:, INNER]
    chi = torsions.chi[:, INNER][rows][:, :number]
    group = rotamer_group(state[:, INNER][rows])
    chi = np.stack([folded(chi[:, k], (letter, k + 1) in TWOFOLD) for k in range(number)], axis=1)
    widths = [box_width(letter, k + 1) for k in range(number)]
    box = (chi // np.array(widths)).astype(int)
    boxes, member, count = np.unique(box, axis=0, return_inverse=True, return_counts=True)
    of_group = np.bincount(group, minlength=len(ROTAMER_GROUPS))
    table: dict[str, list[Any]] = {"chi": [], "spread": [], "weight": []}
    for i in range(len(boxes)):
        if count[i] < LEAST_ROTAMER * len(chi):
            continue
        inside = chi[member.ravel() == i]
        found = [mean_and_spread(inside[:, k]) for k in range(number)]
        table["chi"].append([mean for mean, _ in found])
        table["spread"].append([0.0 if letter == "P" else spread for _, spread in found])
        weight = np.bincount(group[member.ravel() == i], minlength=len(ROTAMER_GROUPS)) / of_group
        table["weight"].append(weight.round(4).tolist())
    return table


def closing_chi2(chi1: float, chi2: float, geometry: dict[str, list[float]]) -> float:
    """χ2 of proline that brings Cδ to its distance from N, as near as can be, within 25° of the mean."""
    n, ca = np.zeros(3), np.array([geometry["CA"][0], 0.0, 0.0])
    off = np.array([1.0, 1.0, 0.0])

    def place(a: Any, b: Any, c: Any, name: str, turn: Any) -> NDArray[np.float64]:
        length, _, angle, _, torsion, _ = geometry[name]
        return place_atoms(a, b, c, np.array(length), np.array(angle), torsion + np.asarray(turn))

    c = place(off, n, ca, "C", 0.0)
    cb = place(n, c, ca, "CB", 0.0)
    cg = place(n, ca, cb, "CG", chi1)
    trials = chi2 + np.arange(-25.0, 25.1, 0.1)
    cd = [place(ca, cb, cg, "CD", trial) for trial in trials]
    return round(float(trials[np.argmin(np.abs(distance(n, np.array(cd)) - N_CD_OF_PROLINE))]), 1)


def folded(chi: NDArray[np.float64], twofold: bool) -> NDArray[np.float64]:
    return (chi + 90.0) % 180.0 - 90.0 if twofold else chi % 360.0  # as atoms are named: CD1, OD1 nearer 0


def box_width(letter: str, number: int) -> float:
    if letter == "P":
        return PROLINE_WIDTHS[number - 1]
    return PLANAR_WIDTH if (letter, number) in PLANAR else SP3_WIDTH


# --- bonds and angles ---


def geometry_table(letter: str, grid: ResidueGrid, torsions: Torsions) -> dict[str, Any]:
    """Bond length, angle and torsion offset of each atom: mean and spread of each in turn."""
    residue = RESIDUES.index(letter)
    table = {}
    for slot in np.flatnonzero(PRESENT[residue]).tolist():
        length, angle, torsion = internal_coordinates(residue, slot, grid, torsions)
        found = [*mean_and_spread(length, 4), *mean_and_spread(angle), *mean_and_spread(torsion)]
        if slot in (CA, C):
            found[4:] = [0.0, 0.0]  # ω and φ themselves
        if slot == CB:
            found[5] = 0.0  # with the spread of N–CA–C this leaves N–CA–CB its own
        if slot > RIGID.get(letter, slot):
            found[1::2] = [0.0, 0.0, 0.0]
        if CHI[residue, slot] and slot == chi_atom(residue, int(CHI[residue, slot])):
            found[4:] = [0.0, 0.0]
        table[str(ATOM_NAMES[residue, slot])] = found
    return table


def internal_coordinates(
    residue: int, slot: int, grid: ResidueGrid, torsions: Torsions
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Length, angle, and torsion without the φ, ψ, ω or χ in it, of one atom of all residues of a type."""
    xyz, rows = grid.xyz_cart[:, 1:], grid.residue[:, 1:] == residue
    here, before = xyz[rows], grid.xyz_cart[:, :-1][rows]
    n, ca, c = here[:, N], here[:, CA], here[:, C]
    nothing = np.zeros(len(here))
    if slot == N:
        a, b, c = (before[:, k] for k in (N, CA, C))
        turn = torsions.psi[:, :-1][rows]
    elif slot == CA:
        a, b, c, turn = before[:, CA], before[:, C], n, nothing
    elif slot == C:
        a, b, c, turn = before[:, C], n, ca, nothing
    elif slot == O:
        a, b, turn = n, ca, torsions.psi[:, 1:][rows]
    else:
        a, b, c = (here[:, k] for k in REFERENCES[residue, slot])
        number = int(CHI[residue, slot])
        turn = torsions.chi[:, 1:][rows][:, number - 1] if number else nothing
    atom = here[:, slot]
    return distance(c, atom), angle_deg(b, c, atom), wrap_deg(torsion_deg(a, b, c, atom) - turn)


def mean_and_spread(values: NDArray[np.float64], digits: int = 1) -> tuple[float, float]:
    """Median and robust standard deviation; degrees around the circle, bond lengths far from its ends."""
    middle = np.degrees(np.angle(np.exp(1j * np.radians(values)).mean()))
    around = wrap_deg(values - middle)
    centre = float(np.median(around))
    spread = 1.4826 * float(np.median(np.abs(around - centre)))
    return round(float(wrap_deg(np.array(middle + centre))), digits), round(spread, digits)


# --- contacts ---


def closest_tables(grid: ResidueGrid) -> dict[str, Any]:
    """Distances that hardly any of the contacts below 4 Å fall short of, by bonds between and kinds."""
    bonds, kinds, apart = sampled_contacts(grid)
    tables: dict[str, Any] = {}
    for number, name in enumerate(BONDS_BETWEEN):
        table: dict[str, float] = {}
        for i, j in combinations_with_replacement(range(len(KINDS)), 2):
            chosen = apart[(bonds == number) & (kinds[0] == i) & (kinds[1] == j)]
            if len(chosen) < LEAST_CONTACTS:
                chosen = apart[(bonds == number) & (kinds == 0).all(axis=0)]
            pair = "-".join(sorted((KINDS[i], KINDS[j])))
            table[pair] = round(float(np.quantile(chosen, CLASH_QUANTILE)), 2)
        tables[str(name)] = table
    return tables


def sampled_contacts(
    grid: ResidueGrid,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Bonds between, both kinds in order, and distances of the contacts of some fragments."""
    no_disulfide = np.flatnonzero(np.sum(grid.residue == RESIDUES.index("C"), axis=1) < 2)[:CLASH_SAMPLE]
    residue, xyz = grid.residue[no_disulfide], grid.xyz_cart[no_disulfide]
    every = range(residue.shape[1])
    found = [contacts_of_unit(residue, xyz, np.full(len(residue), p), CONTACT_LIMIT) for p in every]
    kinds = np.sort(np.concatenate([contacts.kinds for contacts in found], axis=1), axis=0)
    bonds = np.concatenate([contacts.bonds for contacts in found])
    return bonds, kinds, np.concatenate([contacts.distance for contacts in found])


if __name__ == "__main__":
    main()
