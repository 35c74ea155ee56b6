"""Crystals that are no protein's are told by their room and by the letters of their sequence."""

from types import SimpleNamespace
from typing import Any

import gemmi
import numpy as np
import pytest

from rephase.io.sequence import Sequence
from rephase.phasing.unusual_content import unusual_content


def prepared(volume: float) -> Any:
    """Data of a P1 crystal; only its cell is looked at."""
    edge = float(np.cbrt(volume))
    cell = gemmi.UnitCell(edge, edge, edge, 90.0, 90.0, 90.0)
    return SimpleNamespace(reflections=SimpleNamespace(cell=cell, spacegroup=gemmi.SpaceGroup("P 1")))


@pytest.mark.parametrize(("atoms", "said"), [(16, True), (46, False)])
def test_a_cell_without_room_for_three_residues_is_remarked_and_a_hexapeptide_is_not(
    atoms: int, said: bool
) -> None:
    assert bool(unusual_content(prepared(17.5 * atoms), None)) is said


def test_a_sequence_of_nucleotides_is_remarked_and_one_of_residues_is_not() -> None:
    cell = prepared(27000.0)
    assert "nucleotides" in unusual_content(cell, Sequence(("GGCCAATTGG",), ("",)))[0]
    assert unusual_content(cell, Sequence(("GNNQQNY",), ("",))) == []
