"""What a set holds, and what one of its crystals is like, in words and tables."""

import numpy as np
from numpy.typing import ArrayLike

from rephase.data.crystals.contacts import closest_contact
from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.structure_factors import unique_reflections
from rephase.data.fragments import SPLITS
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_summary import MOST_LISTED, REJECTED, rejected_rows
from rephase.logs import Cell, Log, counted
from rephase.report.set_statistics import EXPECTED_PERCENT, SetStatistics
from rephase.report.shown_crystal import ShownCrystal

_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
_PER_LINE = 10
_FAR = 50.0  # Å: beyond it contacts are not looked for


def tell_set(log: Log, fragments: FragmentSet) -> None:
    """Say how a set was made, what was left out, and how it is divided."""
    record = fragments.record
    log.say(f"{record.name}: {record.fragments:,} fragments, made by {record.origin.command}")
    size = record.stored_bytes
    each = f", {size / len(fragments):.0f} bytes a fragment" if len(fragments) else ""
    log.say(f"{counted(len(record.shards), 'shard')} and two tables, {size / 1e6:.1f} MB{each}")
    log.say("crystals are fixed" if record.crystals else "crystals are drawn when they are needed")
    for name, text in sorted(record.origin.notes.items()):
        log.say(f"{name}: {text}")
    log.stage("splits")
    _tell_splits(log, fragments)
    rejected = rejected_rows(record)
    if rejected:
        log.stage("left out")
        log.table(REJECTED, rejected)
    if record.origin.skipped:
        log.stage("files that could not be used")
        for skipped in record.origin.skipped[:MOST_LISTED]:
            log.say(f"{skipped.name}: {skipped.reason}")
        if len(record.origin.skipped) > MOST_LISTED:
            log.say(f"… and {len(record.origin.skipped) - MOST_LISTED} more, listed in set.json")


def tell_statistics(log: Log, statistics: SetStatistics) -> None:
    """Say what the fragments are made of; sizes and crystals by their quantiles."""
    log.stage("distributions")
    rows = [
        _quantiles("atoms of a fragment", statistics.atoms, 0),
        _quantiles("residues of a fragment", statistics.length, 0),
        _quantiles("resolution of the entry, Å", statistics.resolution, 2),
    ]
    if statistics.crystals is not None:
        rows.append(_quantiles("solvent content, %", 100.0 * statistics.crystals.solvent, 1))
        names = ("a, Å", "b, Å", "c, Å", "α, °", "β, °", "γ, °")
        cells = zip(names, statistics.crystals.cell.T, strict=True)
        rows += [_quantiles(name, values, 1) for name, values in cells]
    log.table(["", "lowest", "5 %", "median", "95 %", "highest"], rows)
    if statistics.crystals is not None:
        groups = statistics.crystals.spacegroups.items()
        log.say("\nspace groups: " + ", ".join(f"{name} ({count:,})" for name, count in groups))
    log.stage("composition, % of residues (known: Swiss-Prot)")
    total = sum(statistics.residues.values())
    codes = list(EXPECTED_PERCENT)
    for line in (codes[:_PER_LINE], codes[_PER_LINE:]):
        here = [f"{100.0 * statistics.residues.get(code, 0) / total:.1f}" for code in line]
        known = [f"{EXPECTED_PERCENT[code]:.1f}" for code in line]
        log.table(["", *line], [["set", *here], ["known", *known]])


def tell_crystal(log: Log, crystal: ShownCrystal, d_min: float, seed: int) -> None:
    """Say what a crystal is like."""
    model = crystal.model
    resolution = f", {crystal.resolution:.2f} Å" if np.isfinite(crystal.resolution) else ""
    source = f", from {crystal.source}" if crystal.source else ""
    log.say(f"fragment     {crystal.fragment} ({crystal.split}{resolution}{source})")
    log.say(f"sequence     {crystal.sequence}, {len(model)} atoms")
    log.say(f"cell         {cell_text(crystal)}")
    copies = len(model.spacegroup.operations())
    log.say(f"volume       {model.cell.volume:.0f} Å³, {counted(copies, 'molecule')} in it")
    log.say(f"solvent      {solvent_fraction(model):.1%} (1 − 1.23 / V_M)")
    log.say(f"contacts     above {min(closest_contact(model, limit=_FAR), _FAR):.2f} Å")
    log.say(f"reflections  {len(unique_reflections(model, d_min))} unique ones to {d_min:g} Å")
    origin = "fixed by the set" if crystal.stored else f"drawn by the growing-cell rule with seed {seed}"
    log.say(f"crystal      {origin}")


def cell_text(crystal: ShownCrystal) -> str:
    """Return cell and space group in one line."""
    cell = crystal.model.cell
    edges, angles = (cell.a, cell.b, cell.c), (cell.alpha, cell.beta, cell.gamma)
    lengths = " ".join(f"{edge:.2f}" for edge in edges)
    degrees = " ".join(f"{round(angle, 2):g}°" for angle in angles)
    return f"{lengths} Å  {degrees}  {crystal.model.spacegroup.xhm()}"


def _tell_splits(log: Log, fragments: FragmentSet) -> None:
    entries = fragments.manifest["entry"].to_numpy()
    rows: list[list[Cell]] = []
    for number, split in enumerate(SPLITS):
        here = fragments.split == number
        share = f"{here.mean():.1%}" if len(here) else "-"
        atoms = int(fragments.atoms[here].sum())
        rows.append([split, int(here.sum()), share, _distinct(entries[here]), atoms])
    overall: list[Cell] = ["all", len(fragments), "", _distinct(entries), int(fragments.atoms.sum())]
    log.table(["split", "fragments", "share", "entries", "atoms"], rows, overall)


def _distinct(values: ArrayLike) -> int:
    return len(set(np.asarray(values).tolist()))


def _quantiles(name: str, values: ArrayLike, digits: int) -> list[str]:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return [name, *("-" for _ in _QUANTILES)]
    return [name, *(f"{value:.{digits}f}" for value in np.quantile(known, _QUANTILES))]
