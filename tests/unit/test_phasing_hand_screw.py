"""Screw axes name the hand in enantiomorphic groups, and only there."""

import gemmi
import numpy as np
import pytest

from rephase.crystal.symmetry import expand_to_p1
from rephase.phasing.hand_screw import hand_from_spacegroup

PAIRS = [
    "P 41",
    "P 43 21 2",
    "P 31",
    "P 32 1 2",
    "P 31 2 1",
    "P 61",
    "P 64",
    "P 65 2 2",
    "P 62 2 2",
    "P 41 3 2",
]


def p1_phases(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Reflections in P1 of twelve atoms and their mates, with the origin moved anywhere."""
    group, rng = gemmi.SpaceGroup(name), np.random.default_rng(seed)
    cell = gemmi.UnitCell(20, 20, 20 if "3 2" in name[-3:] and name.startswith("P 41 3") else 24, 90, 90, 90)
    if name[2] in "36":
        cell = gemmi.UnitCell(20, 20, 24, 90, 90, 120)
    xyz = rng.random((12, 3))
    mates = [xyz @ (np.array(op.rot) / op.DEN).T + np.array(op.tran) / op.DEN for op in group.operations()]
    hkl = expand_to_p1(gemmi.make_miller_array(cell, group, 2.5), group).hkl
    F = np.exp(2j * np.pi * hkl @ (np.concatenate(mates) + rng.random(3)).T).sum(1)
    return hkl, F


@pytest.mark.parametrize("name", PAIRS)
def test_the_group_that_the_phases_obey_names_the_hand(name: str) -> None:
    hkl, F = p1_phases(name, seed=2)
    group = gemmi.SpaceGroup(name)
    assert hand_from_spacegroup(group, hkl, np.abs(F), np.angle(F)).hand == "same"
    inverted = hand_from_spacegroup(group, hkl, np.abs(F), -np.angle(F))
    assert inverted.hand == "other"
    assert group.xhm() in inverted.evidence


@pytest.mark.parametrize("name", ["P 1", "P 21", "P 21 21 21", "P 42", "P 63", "C 2"])
def test_groups_that_hold_both_hands_decide_nothing(name: str) -> None:
    hkl = np.array([[1, 2, 3]], dtype=np.int32)
    decision = hand_from_spacegroup(gemmi.SpaceGroup(name), hkl, np.ones(1), np.zeros(1))
    assert (decision.hand, decision.source) == (None, "nothing")


def test_random_phases_obey_neither() -> None:
    hkl, F = p1_phases("P 41", seed=3)
    phi = np.random.default_rng(0).uniform(0, 2 * np.pi, len(F))
    assert hand_from_spacegroup(gemmi.SpaceGroup("P 41"), hkl, np.abs(F), phi).hand is None
