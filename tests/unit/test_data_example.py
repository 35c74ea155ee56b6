"""Solvent figures of an example, and its repeatability."""

import numpy as np
import pytest

from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.peptides.example_crystal import crystal_structure, fraction_outside_molecules, make_example


@pytest.mark.parametrize("solvent", [0.0, 0.7, 0.9])
def test_surface_leaves_more_outside_than_matthews_formula(solvent: float) -> None:
    example = make_example("GAVLK", d_min=3.0, solvent=solvent)
    outside = fraction_outside_molecules(crystal_structure(example.peptide, example.model))
    matthews = solvent_fraction(example.model)
    assert matthews >= solvent
    assert outside > matthews
    assert (1 - outside) / (1 - matthews) == pytest.approx(
        0.6, abs=0.1
    )  # van der Waals volume per 1.23 Å³/Da


def test_molecule_in_the_crystal_is_the_peptide_moved() -> None:
    example = make_example("MKDVE", spacegroup="P 21", d_min=4.0)
    built, packed = example.peptide.xyz_cart, example.model.xyz_cart
    inner = np.linalg.norm(built[:, None] - built[None], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(packed[:, None] - packed[None], axis=-1), inner, atol=1e-8)


def test_less_solvent_wanted_gives_a_smaller_cell() -> None:
    tight, loose = (make_example("GAVLK", d_min=3.0, solvent=s).model.cell.volume for s in (0.0, 0.9))
    assert tight < loose
