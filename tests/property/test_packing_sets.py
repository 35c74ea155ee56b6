"""The crystals that the fixed test sets stand for keep to the limits of their set."""

from pathlib import Path

import pytest

from rephase.data.contacts import closest_contact
from rephase.data.crystals import solvent_fraction
from rephase.data.fragments import load_fragments
from rephase.data.sets import crystal_of, read_set

SETS = Path(__file__).resolve().parents[2] / "benchmarks" / "sets"
NAMES = ("p15-wide", "p15-tight-start", "dev-p15-wide", "dev-p15-tight-start")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_crystals_of_the_sets_keep_to_their_limits(name: str, shared: Path) -> None:
    crystals = read_set(SETS / f"{name}.json")
    ids = [entry.id for entry in crystals.entries]
    fragments = load_fragments(shared / "data" / "fragments15.npz", [crystals.split], ids)
    rows = {str(fragment): i for i, fragment in enumerate(fragments.ids)}
    for entry in crystals.entries:
        atoms = fragments.atoms_of(rows[entry.id])
        model = crystal_of(crystals, entry, fragments.xyz_cart[atoms], fragments.elements[atoms])
        assert (crystals.least_solvent or 0.0) <= solvent_fraction(model) <= (crystals.most_solvent or 1.0)
        assert closest_contact(model, limit=50.0) > 3.45
