"""Residues as they are used: all heavy atoms, one conformation, L-amino acids; or the reason why not."""

import gemmi
import numpy as np
import pytest
from small_entries import add_atom, strand, structure_of

from rephase.data.structures.build_config import ChainRules
from rephase.data.structures.cleaning import (
    CleanResidue,
    atom_names,
    chiral_volume,
    clean_residues,
    methionine_from_selenomethionine,
)

RULES = ChainRules()
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def cleaned(chain: gemmi.Chain, rules: ChainRules = RULES) -> list[CleanResidue]:
    structure = structure_of(chain)
    return clean_residues(structure[0][0].get_polymer(), rules)


def flaw_of(chain: gemmi.Chain, rules: ChainRules = RULES) -> str:
    """Flaw of the second of three residues, where the others are good."""
    before, residue, after = cleaned(chain, rules)
    assert (before.flaw, after.flaw) == ("", "")
    return residue.flaw


def test_the_twenty_amino_acids_are_good() -> None:
    chain = strand(AMINO_ACIDS)
    residues = cleaned(chain)
    assert "".join(residue.letter for residue in residues) == AMINO_ACIDS
    for residue, model in zip(residues, chain, strict=True):
        assert residue.flaw == ""
        for name, xyz in zip(atom_names(residue.letter), residue.xyz_cart, strict=True):
            np.testing.assert_allclose(xyz, model[str(name)][0].pos.tolist(), atol=1e-9)


def test_hydrogens_deuterium_and_the_terminal_oxygen_go() -> None:
    chain = strand("ASA")
    add_atom(chain[1], "H", (0.0, 0.0, 0.0))
    add_atom(chain[1], "DG", (0.0, 0.0, 0.0), element="D")
    assert [len(residue.xyz_cart) for residue in cleaned(chain)] == [5, 6, 5]


@pytest.mark.parametrize("name", ["N", "O", "CB", "OG"])
def test_a_missing_atom(name: str) -> None:
    chain = strand("ASA")
    chain[1].remove_atom(name, "\0")
    assert flaw_of(chain) == "missing atoms"


def test_an_atom_without_occupancy_was_not_seen() -> None:
    chain = strand("ASA")
    chain[1]["OG"][0].occ = 0.0
    assert flaw_of(chain) == "unobserved atoms"


@pytest.mark.parametrize("name", ["SEP", "UNK", "DSN", "ASX", "QQQ"])
def test_other_residues(name: str) -> None:
    chain = strand("ASA")
    chain[1].name = name
    chain[1].entity_type = gemmi.EntityType.Polymer
    _, residue, _ = cleaned(chain)
    assert (residue.letter, residue.flaw) == ("X", "non-standard residue")


def test_a_residue_with_an_additional_heavy_atom_is_not_what_its_name_says() -> None:
    chain = strand("ASA")
    add_atom(chain[1], "P", (0.0, 0.0, 0.0))
    assert flaw_of(chain) == "non-standard residue"


def test_d_residues_are_recognised_by_their_geometry() -> None:
    chain = strand("ASA")
    assert chiral_volume(cleaned(chain)[1].xyz_cart) == pytest.approx(2.6, abs=0.3)
    for atom in chain[1]:
        atom.pos = gemmi.Position(atom.pos.x, atom.pos.y, -atom.pos.z)
    assert flaw_of(chain) == "D residue"


def test_glycine_has_no_hand() -> None:
    chain = strand("AGA")
    for atom in chain[1]:
        atom.pos = gemmi.Position(atom.pos.x, atom.pos.y, -atom.pos.z)
    assert flaw_of(chain) == ""


@pytest.mark.parametrize("xyz", [(9999.0, 0.0, 0.0), (np.nan, 0.0, 0.0), (1e6, 1e6, 1e6)])
def test_atoms_at_impossible_places(xyz: tuple[float, float, float]) -> None:
    chain = strand("ASA")
    chain[1]["OG"][0].pos = gemmi.Position(*xyz)
    assert flaw_of(chain) == "misplaced atoms"


def test_selenomethionine_becomes_methionine_with_its_bond_lengths() -> None:
    chain = strand("AMA")
    cg, sd, ce = (np.array(chain[1][name][0].pos.tolist()) for name in ("CG", "SD", "CE"))
    se = cg + (sd - cg) / np.linalg.norm(sd - cg) * 1.95  # Å, C–Se
    chain[1].remove_atom("SD", "\0")
    chain[1]["CE"][0].pos = gemmi.Position(*(se + (ce - sd) / np.linalg.norm(ce - sd) * 1.95))
    add_atom(chain[1], "SE", se, element="Se")
    chain[1].name = "MSE"
    residue = cleaned(chain)[1]
    assert (residue.letter, residue.flaw) == ("M", "")
    found = dict(zip(atom_names("M").tolist(), residue.xyz_cart, strict=True))
    assert np.linalg.norm(found["SD"] - found["CG"]) == pytest.approx(1.803)
    assert np.linalg.norm(found["CE"] - found["SD"]) == pytest.approx(1.791)
    np.testing.assert_allclose(found["SD"], sd, atol=0.03)  # the ideal methionine is back
    np.testing.assert_allclose(found["CE"], ce, atol=0.06)


def test_selenomethionine_without_its_selenium_lacks_an_atom() -> None:
    atoms = {"CG": np.zeros(3), "CE": np.ones(3)}
    assert methionine_from_selenomethionine(atoms) is atoms
    chain = strand("AMA")
    chain[1].remove_atom("SD", "\0")
    chain[1].name = "MSE"
    assert flaw_of(chain) == "missing atoms"


def with_alternates(chain: gemmi.Chain, number: int, occupancies: dict[str, float]) -> None:
    """Give the Oγ of a serine alternates, 0.1 Å apart along x."""
    position = chain[number]["OG"][0].pos.tolist()
    chain[number].remove_atom("OG", "\0")
    for step, (label, occupancy) in enumerate(occupancies.items()):
        add_atom(chain[number], "OG", position + np.array([0.1 * step, 0, 0]), altloc=label, occ=occupancy)


def chosen(chain: gemmi.Chain, number: int) -> str:
    xyz = cleaned(chain)[number].xyz_cart[-1]
    return next(atom.altloc for atom in chain[number]["OG"] if np.allclose(atom.pos.tolist(), xyz))


def test_the_most_occupied_alternate_is_taken() -> None:
    chain = strand("ASA")
    with_alternates(chain, 1, {"A": 0.3, "B": 0.7})
    assert chosen(chain, 1) == "B"


def test_of_equal_alternates_the_first_is_taken() -> None:
    chain = strand("ASA")
    with_alternates(chain, 1, {"B": 0.5, "A": 0.5})
    assert chosen(chain, 1) == "A"


def test_neighbours_take_the_same_alternate() -> None:
    chain = strand("ASSA")
    with_alternates(chain, 1, {"A": 0.45, "B": 0.55})
    with_alternates(chain, 2, {"A": 0.9, "B": 0.1})
    assert (chosen(chain, 1), chosen(chain, 2)) == ("A", "A")
    apart = strand("ASASA")
    with_alternates(apart, 1, {"A": 0.45, "B": 0.55})
    with_alternates(apart, 3, {"A": 0.9, "B": 0.1})
    assert (chosen(apart, 1), chosen(apart, 3)) == ("B", "A")


def test_alternates_can_be_refused() -> None:
    chain = strand("ASA")
    with_alternates(chain, 1, {"A": 0.3, "B": 0.7})
    assert flaw_of(chain, ChainRules(alternates="reject")) == "alternate conformations"


def test_two_residues_at_one_place_count_once() -> None:
    chain = strand("ASA")
    other = strand("AAA")[1]
    for atom in chain[1]:
        atom.altloc, atom.occ = "A", 0.4
    for atom in other:
        atom.altloc, atom.occ = "B", 0.6
    chain.add_residue(other, 2)
    residues = cleaned(chain)
    assert [(residue.letter, residue.flaw) for residue in residues] == [("A", "")] * 3
