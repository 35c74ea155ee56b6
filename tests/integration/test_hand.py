"""The hand of whole maps: peptides made here, and measured structures phased by their deposited models."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1
from rephase.data.crystals.packing import pack
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.data.peptides.peptide import build_peptide
from rephase.io.model import read_model
from rephase.phasing.hand import decide_hand, decide_hand_of_map
from rephase.phasing.hand_templates import half_complex
from rephase.physics.density import density_from_structure_factors


def crystal(sequence: str, seed: int) -> CrystalModel:
    peptide = build_peptide(sequence, np.random.default_rng(seed))
    return pack(peptide.xyz_cart, peptide.elements, np.random.default_rng(seed))


@pytest.mark.parametrize("d_min", [1.0, 2.0])
def test_a_peptide_shows_its_hand_and_its_inverse_the_other(d_min: float) -> None:
    model = crystal("ALKEVSNTYQRMFI", seed=1)
    hkl = unique_reflections(model, d_min)
    F = structure_factors(model, hkl)
    noise = np.random.default_rng(2).normal(0.0, 0.3, len(F))
    same = decide_hand(hkl, np.abs(F), np.angle(F) + noise, model.cell, d_min)
    other = decide_hand(hkl, np.abs(F), -np.angle(F) - noise, model.cell, d_min)
    assert (same.hand, other.hand) == ("same", "other")
    assert same.score == pytest.approx(-other.score, rel=0.05)
    assert same.source == ("atoms" if d_min == 1.0 else "templates")


def test_a_map_and_its_reflections_give_the_same_answer() -> None:
    model = crystal("ALKEVSNT", seed=2)
    hkl = unique_reflections(model, 2.0)
    F = structure_factors(model, hkl)
    shape = (32, 32, 32)
    rho = density_from_structure_factors(half_complex(hkl, F, shape), model.cell.volume, shape)
    with torch.inference_mode():
        rho = rho.clone()  # as maps come from the solver
        mapped = decide_hand_of_map(rho.double().numpy(), model.cell, 2.0)
    listed = decide_hand(hkl, np.abs(F), np.angle(F), model.cell, 2.0)
    assert mapped.hand == listed.hand == "same"
    assert mapped.score == pytest.approx(listed.score, rel=0.05)


def test_random_phases_have_no_hand() -> None:
    model = crystal("ALKEVSNTYQRMFI", seed=1)
    hkl = unique_reflections(model, 2.0)
    f = np.abs(structure_factors(model, hkl))
    phi = np.random.default_rng(3).uniform(0.0, 2.0 * np.pi, len(hkl))
    assert decide_hand(hkl, f, phi, model.cell, 2.0).hand is None


def deposited(path: Path, d_min: float) -> tuple[CrystalModel, np.ndarray, np.ndarray, int]:
    atoms = read_model(path)
    heavy = (atoms.elements != "H") & (atoms.occupancy >= 0.5)
    model = CrystalModel(
        atoms.cell, atoms.spacegroup, atoms.xyz_frac[heavy], atoms.elements[heavy], atoms.b_iso[heavy]
    )
    in_p1 = expand_to_p1(model)
    hkl = unique_reflections(in_p1, d_min)
    return model, hkl, structure_factors(in_p1, hkl), len(atoms.spacegroup.operations())


@pytest.mark.parametrize(
    ("name", "d_min", "source"),
    [("1byz.pdb", 1.0, "atoms"), ("1byz.pdb", 1.8, "templates"), ("5e5z.pdb", 1.7, "templates")],
)
def test_measured_peptides_have_the_right_hand(shared: Path, name: str, d_min: float, source: str) -> None:
    model, hkl, F, copies = deposited(shared / "data" / "observed" / name, d_min)
    decision = decide_hand(hkl, np.abs(F), -np.angle(F), model.cell, d_min, copies=copies)
    assert (decision.hand, decision.source) == ("other", source)


@pytest.mark.parametrize("name", ["biotin.pdb", "6mw0.cif"])
def test_biotin_and_a_peptide_of_both_hands_are_not_judged(shared: Path, name: str) -> None:
    model, hkl, F, copies = deposited(shared / "data" / "observed" / name, 0.9)
    assert copies == 4
    assert isinstance(model.cell, gemmi.UnitCell)
    assert decide_hand(hkl, np.abs(F), np.angle(F), model.cell, 0.9, copies=copies).hand is None
