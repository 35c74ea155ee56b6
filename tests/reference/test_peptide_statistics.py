"""Random peptides beside fragments of the validation split, which the tables have not seen.

The limits leave room below the figures that benchmarks/peptides.py prints.
"""

from pathlib import Path

import numpy as np
import pytest

from rephase.data.fragments import load_fragments
from rephase.data.peptides.random_peptides import PeptideConfig, random_peptides
from rephase.data.peptides.residue_grid import ResidueGrid, Torsions, measure_torsions, residue_grid
from rephase.data.peptides.residue_topology import CA, RESIDUES, C, N

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def real(shared: Path) -> ResidueGrid:
    val = load_fragments(shared / "data" / "fragments15.npz", ["val"])
    grid, clear = residue_grid(val), val.resolution <= 1.8
    return ResidueGrid(grid.residue[clear], grid.xyz_cart[clear])


@pytest.fixture(scope="module")
def built() -> ResidueGrid:
    (fragments,) = random_peptides(PeptideConfig(), 1000, 0)
    return residue_grid(fragments)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def ramachandran(torsions: Torsions) -> np.ndarray:
    phi, psi = torsions.phi[:, 1:-1].ravel(), torsions.psi[:, 1:-1].ravel()
    return np.histogram2d(phi, psi, bins=18, range=[(-180, 180), (-180, 180)])[0]


def test_ramachandran_plots_overlap(real: ResidueGrid, built: ResidueGrid) -> None:
    assert overlap(ramachandran(measure_torsions(real)), ramachandran(measure_torsions(built))) > 0.8


@pytest.mark.parametrize("letter", list("LKSVTF"))
def test_first_chi_is_as_frequent_in_its_three_wells(
    real: ResidueGrid, built: ResidueGrid, letter: str
) -> None:
    shares = []
    for grid in (real, built):
        chi = measure_torsions(grid).chi[grid.residue == RESIDUES.index(letter)][:, 0]
        wells = np.bincount((chi % 360 // 120).astype(int), minlength=3)
        shares.append(wells / wells.sum())
    np.testing.assert_allclose(shares[1], shares[0], atol=0.12)


def test_bond_lengths_are_those_of_structures(real: ResidueGrid, built: ResidueGrid) -> None:
    for first, second in ((N, CA), (CA, C)):
        found = [
            np.linalg.norm(g.xyz_cart[:, :, first] - g.xyz_cart[:, :, second], axis=-1) for g in (real, built)
        ]
        assert np.median(found[1]) == pytest.approx(np.median(found[0]), abs=0.003)
        assert found[1].std() == pytest.approx(found[0].std(), abs=0.005)


def test_chains_are_nearly_as_compact(real: ResidueGrid, built: ResidueGrid) -> None:
    radii = []
    for grid in (real, built):
        alpha = grid.xyz_cart[:, :, CA] - grid.xyz_cart[:, :, CA].mean(axis=1, keepdims=True)
        radii.append(float(np.sqrt(np.sum(alpha**2, axis=-1).mean(axis=1)).mean()))
    assert 1.0 < radii[1] / radii[0] < 1.2
