"""Contacts are counted once, with the bonds between their atoms."""

import numpy as np
import pytest

from rephase.data.peptides.clashes import BONDS_BETWEEN, KINDS, clashing, contacts_of_unit
from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.peptides.residue_grid import residue_grid
from rephase.data.peptides.residue_topology import ATOM_NAMES, RESIDUES, SEPARATION, residue_types
from rephase.data.peptides.torsion_tables import torsion_tables


def separation(letter: str, first: str, second: str) -> int:
    kind = RESIDUES.index(letter)
    slots = [ATOM_NAMES[kind].tolist().index(name) for name in (first, second)]
    return int(SEPARATION[kind, slots[0], slots[1]])


@pytest.mark.parametrize(
    ("letter", "first", "second", "bonds"),
    [("P", "N", "CD", 1), ("W", "CH2", "CD1", 4), ("K", "NZ", "O", 7), ("H", "NE2", "CB", 3),
     ("F", "CZ", "CG", 3)],
)  # fmt: skip
def test_bonds_go_the_shortest_way_round_rings(letter: str, first: str, second: str, bonds: int) -> None:
    assert separation(letter, first, second) == bonds
    assert separation(letter, second, first) == bonds


def every_bond(residue: np.ndarray, xyz: np.ndarray) -> list[float]:
    """Distances below 4 Å of pairs four or more bonds apart, by a walk over a graph of all bonds."""
    from scipy.sparse.csgraph import shortest_path

    present = np.isfinite(xyz[..., 0])
    number = np.nonzero(present)[0]
    names, atoms = ATOM_NAMES[residue][present], xyz[present]
    apart = np.linalg.norm(atoms[:, None] - atoms[None], axis=-1)
    same = number[:, None] == number[None]
    graph = (same & (apart < 2.0)).astype(float)
    for i in np.flatnonzero(names == "C"):
        graph[i, (names == "N") & (number == number[i] + 1)] = 1
    bonds = shortest_path(graph, directed=False, unweighted=True)
    return sorted(apart[np.triu((bonds >= BONDS_BETWEEN[0]) & (apart < 4.0))].tolist())


def test_contacts_of_all_units_are_those_of_the_graph_of_bonds() -> None:
    (fragments,) = random_peptides(PeptideConfig(length=(8, 8), composition="uniform"), 12, 5)
    grid = residue_grid(fragments)
    found = [contacts_of_unit(grid.residue, grid.xyz_cart, np.full(12, place), 4.0) for place in range(8)]
    for i in range(12):
        distances = np.concatenate([one.distance[one.chain == i] for one in found])
        np.testing.assert_allclose(
            np.sort(distances), every_bond(grid.residue[i], grid.xyz_cart[i]), atol=1e-9
        )


def test_built_chains_have_no_clash_and_a_folded_one_has() -> None:
    closest = torsion_tables().closest
    (fragments,) = random_peptides(PeptideConfig(), 20, 1)
    grid = residue_grid(fragments)
    for place in range(15):
        contacts = contacts_of_unit(grid.residue, grid.xyz_cart, np.full(20, place), 4.0)
        # coordinates of fragments are in single precision
        assert not clashing(contacts, closest - 1e-4, 20).any()
    folded = grid.xyz_cart.copy()
    folded[:, 14] += folded[:, :1, 1] - folded[:, 14:, 1]  # the last Cα onto the first
    contacts = contacts_of_unit(grid.residue, folded, np.full(20, 14), 4.0)
    assert clashing(contacts, closest, 20).all()


def test_hydroxyls_come_closer_to_oxygens_than_oxygens_without_hydrogen() -> None:
    closest = torsion_tables().closest
    oxygen, hydroxyl = KINDS.index("O"), KINDS.index("OH")
    assert closest[1, oxygen, hydroxyl] < closest[1, oxygen, oxygen]
    np.testing.assert_array_equal(closest, closest.swapaxes(1, 2))
    assert residue_types("AY").tolist() == [0, 19]
