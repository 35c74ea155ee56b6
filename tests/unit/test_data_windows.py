"""Windows of chains: where they begin, and what breaks them."""

from dataclasses import replace

import numpy as np
from small_entries import SEQUENCE, strand, structure_of

from rephase.data.structures.build_config import ChainRules, WindowRules
from rephase.data.structures.cleaning import CleanResidue, clean_residues
from rephase.data.structures.windows import cut_windows, window_atoms


def chain_of(sequence: str) -> list[CleanResidue]:
    return clean_residues(structure_of(strand(sequence))[0][0].get_polymer(), ChainRules())


def starts(chain: list[CleanResidue], rules: WindowRules) -> tuple[list[int], dict[str, int]]:
    windows, rejected = cut_windows(chain, rules)
    assert all(len(window.residues) == rules.length for window in windows)
    return [window.start for window in windows], dict(rejected)


def flawed(chain: list[CleanResidue], place: int, flaw: str) -> list[CleanResidue]:
    changed = list(chain)
    letter = "X" if flaw == "non-standard residue" else chain[place].letter
    changed[place] = CleanResidue(letter, np.empty((0, 3)), flaw)
    return changed


def moved(chain: list[CleanResidue], first: int, shift: float) -> list[CleanResidue]:
    """Move the residues from `first` on along the strand."""
    axis = chain[-1].xyz_cart[1] - chain[0].xyz_cart[1]
    step = shift * axis / np.linalg.norm(axis)
    return chain[:first] + [replace(residue, xyz_cart=residue.xyz_cart + step) for residue in chain[first:]]


def test_every_tenth_residue_begins_a_window() -> None:
    assert starts(chain_of(SEQUENCE), WindowRules()) == ([1, 11, 21, 31], {})
    assert starts(chain_of(SEQUENCE[:15]), WindowRules()) == ([1], {})
    assert starts(chain_of(SEQUENCE[:14]), WindowRules()) == ([], {})
    assert starts(chain_of("AC"), WindowRules(length=2, step=1)) == ([1], {})
    assert starts([], WindowRules()) == ([], {})


def test_a_flaw_rejects_the_windows_that_hold_it() -> None:
    chain = flawed(chain_of(SEQUENCE), 12, "missing atoms")
    assert starts(chain, WindowRules()) == ([21, 31], {"missing atoms": 2})


def test_a_gap_rejects_the_windows_across_it() -> None:
    chain = moved(chain_of(SEQUENCE), 12, 2.5)
    assert starts(chain, WindowRules()) == ([21, 31], {"chain break": 2})
    assert starts(moved(chain_of(SEQUENCE), 15, 2.5), WindowRules())[0] == [1, 21, 31]  # between 15 and 16


def test_only_standard_residues_are_numbered() -> None:
    chain = flawed(chain_of(SEQUENCE), 12, "non-standard residue")
    assert starts(chain, WindowRules()) == ([21, 31], {"non-standard residue": 2})
    assert cut_windows(chain, WindowRules())[0][0].residues[0] is chain[21]


def test_atoms_that_touch_across_the_chain() -> None:
    def touching(distance: float) -> list[CleanResidue]:
        """Put Cβ of residue 10 beside that of residue 3, outside the strand."""
        chain = chain_of("A" * 15)
        outwards = chain[2].xyz_cart[4] - chain[2].xyz_cart[1]
        beside = chain[2].xyz_cart[4] + distance * outwards / np.linalg.norm(outwards)
        chain[9] = replace(chain[9], xyz_cart=np.vstack([chain[9].xyz_cart[:4], beside]))
        return chain

    assert starts(touching(2.1), WindowRules()) == ([1], {})
    assert starts(touching(1.9), WindowRules()) == ([], {"clash": 1})
    assert starts(touching(1.9), WindowRules(shortest_contact=1.5)) == ([1], {})
    assert starts(touching(0.9), WindowRules(shortest_contact=0.0)) == ([], {"clash": 1})


def test_disulfides_are_no_contacts() -> None:
    chain = chain_of("ACAAAACA")
    sulfur = chain[1].xyz_cart[5] + np.array([0.0, 1.5, 1.4])  # 2.05 Å away
    chain[6] = replace(chain[6], xyz_cart=np.vstack([chain[6].xyz_cart[:5], sulfur]))
    rules = WindowRules(length=8, shortest_contact=2.2)
    windows, rejected = cut_windows(chain, rules)
    assert (len(windows), rejected) == (1, {})


def test_alanine_windows_end_at_the_beta_carbon() -> None:
    rules = WindowRules(length=2, step=1, alanine=True)
    windows, rejected = cut_windows(chain_of("WGKF"), rules)
    assert rejected == {"glycine": 2}
    sequence, xyz_cart, names, residue = window_atoms(windows[0].residues, alanine=True)
    assert sequence == "AA"
    assert names.tolist() == ["N", "CA", "C", "O", "CB"] * 2
    assert residue.tolist() == [0] * 5 + [1] * 5
    np.testing.assert_array_equal(xyz_cart[:5], windows[0].residues[0].xyz_cart[:5])


def test_the_atoms_of_a_window() -> None:
    chain = chain_of("GAC")
    sequence, xyz_cart, names, residue = window_atoms(chain, alanine=False)
    assert sequence == "GAC"
    assert names.tolist() == ["N", "CA", "C", "O", "N", "CA", "C", "O", "CB", "N", "CA", "C", "O", "CB", "SG"]
    assert residue.tolist() == [0] * 4 + [1] * 5 + [2] * 6
    assert xyz_cart.shape == (15, 3)
