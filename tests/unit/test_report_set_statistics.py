"""Figures of a set: backbone angles of known chains, solvent of known cells, and what is drawn of them."""

import gemmi
import numpy as np
import PeptideBuilder
import pytest

from rephase.data.crystals.crystal_model import CrystalModel, solvent_fraction
from rephase.data.crystals.placement import placement_of
from rephase.data.crystals.placements import placements_from
from rephase.data.fragments import Fragments
from rephase.report.set_figures import set_figure
from rephase.report.set_statistics import EXPECTED_PERCENT, SetStatistics, crystal_statistics, phi_psi

HELIX = (-57.0, -47.0)
STRAND = (-120.0, 130.0)


def chain(sequence: str, phi: float, psi: float) -> tuple[np.ndarray, list[str], list[int]]:
    """Ideal geometry with all φ and ψ alike: coordinates, atom names, residue numbers."""
    steps = len(sequence) - 1
    structure = PeptideBuilder.make_structure(sequence, phi=[phi] * steps, psi_im1=[psi] * steps)
    atoms = [(atom, number) for number, residue in enumerate(structure.get_residues()) for atom in residue]
    xyz = np.array([atom.coord for atom, _ in atoms], np.float32)
    return xyz, [atom.name for atom, _ in atoms], [number for _, number in atoms]


def fragments_of(*chains: tuple[np.ndarray, list[str], list[int]]) -> Fragments:
    counts = [len(xyz) for xyz, _, _ in chains]
    return Fragments(
        ids=np.array([f"1ABC_1.pd_{number + 1}" for number in range(len(chains))]),
        sequence=np.array(["G" * (residues[-1] + 1) for _, _, residues in chains]),
        resolution=np.full(len(chains), 1.5, np.float32),
        split=np.zeros(len(chains), np.uint8),
        offset=np.cumsum([0, *counts]),
        xyz_cart=np.concatenate([xyz for xyz, _, _ in chains]),
        atom_name=np.concatenate([names for _, names, _ in chains]),
        residue=np.concatenate([residues for _, _, residues in chains]).astype(np.int16),
    )


@pytest.mark.parametrize("angles", [HELIX, STRAND])
def test_backbone_angles_of_an_ideal_chain(angles: tuple[float, float]) -> None:
    found = phi_psi(fragments_of(chain("AGSVLW", *angles)))
    assert len(found) == 4  # the ends have no φ or no ψ
    np.testing.assert_allclose(found, np.tile(angles, (4, 1)), atol=0.01)


def test_backbone_angles_do_not_bridge_fragments() -> None:
    found = phi_psi(fragments_of(chain("AAA", *HELIX), chain("GGGG", *STRAND)))
    np.testing.assert_allclose(found, [HELIX, STRAND, STRAND], atol=0.01)


def test_backbone_angles_do_not_bridge_a_gap() -> None:
    xyz, names, residues = chain("AAAAAA", *HELIX)
    xyz[np.array(residues) >= 3] += 10.0
    assert len(phi_psi(fragments_of((xyz, names, residues)))) == 2


def test_residue_without_its_carbonyl_has_no_angles_and_takes_them_from_its_neighbours() -> None:
    xyz, names, residues = chain("AAAAA", *HELIX)
    keep = ~((np.array(residues) == 2) & (np.array(names) == "C"))
    partial = (
        xyz[keep],
        [n for n, k in zip(names, keep, strict=True) if k],
        np.array(residues)[keep].tolist(),
    )
    np.testing.assert_allclose(phi_psi(fragments_of(partial)), [HELIX], atol=0.01)


def test_dipeptides_have_no_residue_with_both_angles() -> None:
    assert phi_psi(fragments_of(chain("AA", *HELIX))).shape == (0, 2)


def test_mirror_image_has_opposite_angles() -> None:
    xyz, names, residues = chain("AAAA", *HELIX)
    mirrored = phi_psi(fragments_of((-xyz, names, residues)))
    np.testing.assert_allclose(mirrored, np.tile(np.negative(HELIX), (2, 1)), atol=0.01)


def test_known_composition_is_that_of_twenty_amino_acids() -> None:
    assert sorted(EXPECTED_PERCENT) == list("ACDEFGHIKLMNPQRSTVWY")
    assert sum(EXPECTED_PERCENT.values()) == pytest.approx(100.0, abs=0.5)


def test_stored_crystals_are_counted_and_their_solvent_found() -> None:
    fragments = fragments_of(chain("AGSV", *HELIX), chain("GGGG", *STRAND))
    models = [crystal_of(fragments, 0, "P 1"), crystal_of(fragments, 1, "P 1 21 1")]
    placements = placements_from(
        [placement_of(model, fragments.xyz_cart[fragments.atoms_of(i)]) for i, model in enumerate(models)]
    )
    found = crystal_statistics(fragments, placements)
    assert found.spacegroups == {"P 1": 1, "P 1 21 1": 1}
    np.testing.assert_allclose(found.solvent, [solvent_fraction(model) for model in models], atol=1e-5)
    np.testing.assert_allclose(found.cell[0], [30.0, 20.0, 25.0, 90.0, 100.0, 90.0], rtol=1e-6)


def crystal_of(fragments: Fragments, i: int, group: str) -> CrystalModel:
    atoms = fragments.atoms_of(i)
    cell = gemmi.UnitCell(30, 20, 25, 90, 100, 90)
    xyz = fragments.xyz_cart[atoms].astype(np.float64)
    frac = xyz @ np.linalg.inv(np.array(cell.orth.mat.tolist())).T
    elements = fragments.elements[atoms]
    return CrystalModel(cell, gemmi.SpaceGroup(group), frac, elements, np.full(len(elements), 20.0))


@pytest.mark.parametrize("measured", [True, False])
def test_figure_has_a_titled_panel_for_everything_known(measured: bool) -> None:
    statistics = SetStatistics(
        atoms=np.array([10, 10], np.int32),
        length=np.array([2, 2]),
        resolution=np.array([1.5, 2.0]) if measured else np.full(2, np.nan),
        residues={"A": 3, "G": 1},
        phi_psi_deg=np.empty((0, 2)),
        sampled=2,
        crystals=None,
    )
    titles = [axes.get_title(loc="left") for axes in set_figure(statistics, "small").axes]
    assert titles == ["Size", "Composition", "Resolution of the entries", "Ramachandran plot"]
