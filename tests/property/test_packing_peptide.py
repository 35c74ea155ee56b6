"""Peptides of any sequence have standard geometry, the right hand, and no clashes."""

from itertools import pairwise

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rephase.data.peptides.internal_coordinates import torsion_deg
from rephase.data.peptides.peptide import Peptide, build_peptide, chain_from_torsions
from rephase.data.peptides.residue_topology import RESIDUES
from rephase.errors import UserError

sequences = st.text(alphabet=RESIDUES, min_size=1, max_size=7)


def place(peptide: Peptide, residue: int, name: str) -> np.ndarray:
    return peptide.xyz_cart[(peptide.residue == residue) & (peptide.atom_names == name)][0]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b))


def dihedral_deg(*points: np.ndarray) -> float:
    return float(np.degrees(gemmi.calculate_dihedral(*(gemmi.Position(*point) for point in points))))


def volume(centre: np.ndarray, *neighbours: np.ndarray) -> float:
    return float(np.linalg.det(np.array(neighbours) - centre))


@given(sequence=sequences, seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_backbone_is_standard_planar_and_l(sequence: str, seed: int) -> None:
    peptide = build_peptide(sequence, np.random.default_rng(seed))
    for i, letter in enumerate(sequence):
        n, ca, c, o = (place(peptide, i, name) for name in ("N", "CA", "C", "O"))
        assert distance(n, ca) == pytest.approx(1.46, abs=0.01)
        assert distance(ca, c) == pytest.approx(1.52, abs=0.01)
        assert distance(c, o) == pytest.approx(1.24, abs=0.02)
        if letter != "G":
            assert volume(ca, n, c, place(peptide, i, "CB")) == pytest.approx(2.55, abs=0.15)
    for i, j in pairwise(range(len(sequence))):
        c, n = place(peptide, i, "C"), place(peptide, j, "N")
        ca, following_ca = place(peptide, i, "CA"), place(peptide, j, "CA")
        assert distance(c, n) == pytest.approx(1.335, abs=0.01)
        omega = abs(dihedral_deg(ca, c, n, following_ca))
        assert omega > 180 - 20 or omega < 20
        assert abs(dihedral_deg(ca, n, c, place(peptide, i, "O"))) > 177.0


@given(sequence=sequences, seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_every_heavy_atom_is_there_and_none_clashes(sequence: str, seed: int) -> None:
    peptide = build_peptide(sequence, np.random.default_rng(seed))
    names = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
    tabulated = [gemmi.find_tabulated_residue(name) for name in names]
    # weights of the free amino acids without hydrogens; every peptide bond gives off one oxygen
    weight = sum(info.weight - 1.008 * info.hydrogen_count for info in tabulated) - 15.999 * (
        len(sequence) - 1
    )
    found = sum(gemmi.Element(e).weight for e in peptide.elements.tolist())
    assert found == pytest.approx(weight, abs=0.05)
    apart = np.linalg.norm(peptide.xyz_cart[:, None] - peptide.xyz_cart[None], axis=-1)
    residues = np.abs(peptide.residue[:, None] - peptide.residue[None])
    carbons = (peptide.elements[:, None] == "C") & (peptide.elements[None] == "C")
    assert apart[~np.eye(len(apart), dtype=bool)].min() > 1.2
    assert apart[residues == 2].min(initial=np.inf) > 2.3
    assert apart[residues > 2].min(initial=np.inf) > 2.3
    assert apart[(residues > 2) & carbons].min(initial=np.inf) > 3.0


@pytest.mark.parametrize(
    ("letter", "branches"),
    [("I", ("CB", "CA", "CG1", "CG2")), ("T", ("CB", "CA", "OG1", "CG2")), ("V", ("CB", "CA", "CG1", "CG2")),
     ("L", ("CG", "CB", "CD1", "CD2"))],
)  # fmt: skip
def test_branched_side_chains_have_the_hand_of_the_monomer_library(
    letter: str, branches: tuple[str, ...]
) -> None:
    peptide = build_peptide(letter, np.random.default_rng(0))
    sign = {"I": 1, "T": 1, "V": -1, "L": -1}[
        letter
    ]  # chirality records of the CCP4 monomers ILE THR VAL LEU
    assert sign * volume(*(place(peptide, 0, name) for name in branches)) == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize(
    ("letter", "ring"),
    [("F", "CG CD1 CE1 CZ CE2 CD2"), ("Y", "CG CD1 CE1 CZ CE2 CD2"), ("H", "CG ND1 CE1 NE2 CD2"),
     ("W", "CG CD1 NE1 CE2 CD2"), ("W", "CD2 CE2 CZ2 CH2 CZ3 CE3")],
)  # fmt: skip
def test_aromatic_rings_are_closed_and_flat(letter: str, ring: str) -> None:
    peptide = build_peptide(letter, np.random.default_rng(0))
    atoms = np.array([place(peptide, 0, name) for name in ring.split()])
    bonds = np.linalg.norm(atoms - np.roll(atoms, 1, axis=0), axis=1)
    assert bonds.min() > 1.30
    assert bonds.max() < 1.45
    assert np.linalg.svd(atoms - atoms.mean(axis=0))[1][-1] < 0.03  # Å out of the plane


@pytest.mark.parametrize("seed", range(10))
def test_ring_of_proline_is_closed(seed: int) -> None:
    peptide = build_peptide("P", np.random.default_rng(seed))
    assert distance(place(peptide, 0, "CD"), place(peptide, 0, "N")) == pytest.approx(1.474, abs=0.05)


@given(phi=st.floats(-180, 180), psi=st.floats(-180, 180))
@settings(max_examples=20, deadline=None)
def test_chain_has_the_torsion_angles_asked_for(phi: float, psi: float) -> None:
    chain = chain_from_torsions("GAPW", [(phi, psi)] * 4)
    for i in (1, 2):
        before, n, ca, c = (place(chain, *atom) for atom in ((i - 1, "C"), (i, "N"), (i, "CA"), (i, "C")))
        following = place(chain, i + 1, "N")
        assert np.cos(np.radians(torsion_deg(before, n, ca, c) - phi)) == pytest.approx(1.0, abs=1e-6)
        # O lies opposite the next N within 0.4°
        assert np.cos(np.radians(torsion_deg(n, ca, c, following) - psi)) == pytest.approx(1.0, abs=1e-4)


def test_same_seed_same_peptide_and_other_seed_another() -> None:
    one, same, other = (build_peptide("GAVLK", np.random.default_rng(seed)).xyz_cart for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.5


def test_polyproline_and_polytryptophan_can_be_built() -> None:
    for letter in "PW":
        assert len(build_peptide(15 * letter, np.random.default_rng(0)).sequence) == 15


@pytest.mark.parametrize("sequence", ["", "AXA", "ala", "A A"])
def test_sequences_with_other_letters_are_refused(sequence: str) -> None:
    with pytest.raises(UserError, match="sequence"):
        build_peptide(sequence, np.random.default_rng(0))
