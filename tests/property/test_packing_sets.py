"""The crystals that the fixed test sets stand for keep to the limits of their set."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from rephase.data.contacts import closest_contact
from rephase.data.crystals import solvent_fraction
from rephase.data.sets import crystal_of, read_set

SETS = Path(__file__).resolve().parents[2] / "benchmarks" / "sets"
NAMES = ("p15-wide", "p15-tight-start", "dev-p15-wide", "dev-p15-tight-start")


@pytest.mark.slow
def test_crystals_of_the_sets_keep_to_their_limits(shared: Path) -> None:
    load = runpy.run_path(str(shared / "data" / "load_fragments.py"))["load"]
    table = load(str(shared / "data" / "fragments15.npz"))
    rows = {str(name): i for i, name in enumerate(table["ids"])}
    for name in NAMES:
        crystals = read_set(SETS / f"{name}.json")
        for entry in crystals.entries:
            i = rows[entry.id]
            assert table["split"][i] == {"val": 1, "test": 2}[crystals.split]
            atoms = slice(table["offset"][i], table["offset"][i + 1])
            elements = table["atom_names"][table["atom_name"][atoms]].astype("U1")
            model = crystal_of(crystals, entry, table["xyz"][atoms], np.asarray(elements))
            assert (
                (crystals.least_solvent or 0.0) <= solvent_fraction(model) <= (crystals.most_solvent or 1.0)
            )
            assert closest_contact(model, limit=50.0) > 3.45
