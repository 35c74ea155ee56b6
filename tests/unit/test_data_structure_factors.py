"""Structure factors against the sum written out, and the noise model against its own promises."""

import gemmi
import numpy as np
import pytest
import torch

from rephase.data.crystals.crystal_model import CrystalModel, expand_to_p1
from rephase.data.crystals.packing import pack
from rephase.data.crystals.structure_factors import (
    amplitude_sigmas,
    measured_amplitudes,
    structure_factors,
    unique_reflections,
)
from rephase.physics.cells import grid_inv_d2, resolution_mask
from rephase.physics.degradations import intensity_sigma


def crystal(spacegroup: str, n: int = 12, seed: int = 0) -> CrystalModel:
    rng = np.random.default_rng(seed)
    xyz = np.cumsum(rng.normal(size=(n, 3)), axis=0)
    return pack(xyz, rng.choice(np.array(["C", "N", "O", "S"]), size=n), rng, spacegroup)


def written_out(model: CrystalModel, hkl: np.ndarray) -> np.ndarray:
    """F(h) = Σ f_j exp(−B/4d²) exp(2πi h·x) of a P1 crystal, as in docs/conventions.md."""
    stol2 = model.cell.calculate_1_d2_array(hkl) / 4.0
    total = np.zeros(len(hkl), dtype=complex)
    for x, element, b in zip(model.xyz_frac, model.elements.tolist(), model.b_iso, strict=True):
        form = np.array([gemmi.Element(element).it92.calculate_sf(s) for s in stol2])
        total += form * np.exp(-b * stol2) * np.exp(2j * np.pi * hkl @ x)
    return total


@pytest.mark.parametrize(
    "spacegroup", ["P 1", "P 21", "P 21 21 21", "C 2", "P 65", "R 3", "R 3:R", "P 43 21 2"]
)
def test_symmetric_crystal_and_its_p1_expansion_scatter_alike(spacegroup: str) -> None:
    model = crystal(spacegroup)
    hkl = unique_reflections(model, 4.0)[::7]
    expected = written_out(expand_to_p1(model), hkl)
    np.testing.assert_allclose(structure_factors(model, hkl), expected, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("spacegroup", ["P 1", "P 21 21 21", "C 2", "P 65"])
def test_reflections_are_unique_present_and_complete(spacegroup: str) -> None:
    model = crystal(spacegroup)
    hkl = unique_reflections(model, 3.0)
    ops = model.spacegroup.operations()
    orbits = {frozenset(orbit(index, ops)) for index in hkl.tolist()}
    assert len(orbits) == len(hkl)
    everything = gemmi.make_miller_array(model.cell, gemmi.SpaceGroup("P 1"), 3.0, unique=False)
    present = everything[~ops.systematic_absences(everything)]
    assert set().union(*orbits) == {tuple(index) for index in present.tolist()}


def orbit(hkl: list[int], ops: gemmi.GroupOps) -> list[tuple[int, ...]]:
    mates = [tuple(op.apply_to_hkl(hkl)) for op in ops.sym_ops]
    return mates + [tuple(-i for i in mate) for mate in mates]


def test_signal_falls_with_resolution_to_the_wanted_value_at_the_edge() -> None:
    model = crystal("P 1", 40)
    reflections, true = measured_amplitudes(model, 1.5, np.random.default_rng(1), signal_at_edge=2.5)
    signal = reflections.f / (2.0 * reflections.sigf)  # I/σ(I) = F/2σ(F)
    shells = np.array_split(np.argsort(reflections.inv_d2), 10)
    by_shell = [float(signal[shell].mean()) for shell in shells]
    assert 2.0 < by_shell[-1] < 3.5
    assert by_shell[0] > 3 * by_shell[-1]
    deviation = (reflections.f - np.abs(true)) / reflections.sigf
    assert deviation.std() == pytest.approx(1.0, abs=0.05)
    assert np.all(reflections.f >= 0)
    assert np.all(reflections.sigf > 0)


def test_sigma_of_strong_data_without_background_is_the_systematic_error() -> None:
    intensity = np.array([1e4, 4e4, 9e4])
    sigf = amplitude_sigmas(intensity, np.array([0.1, 0.2, 0.3]), signal_at_edge=np.inf)
    np.testing.assert_allclose(sigf / np.sqrt(intensity), np.sqrt(1.03) - 1, rtol=1e-12)


def test_lists_and_grids_of_reflections_have_the_same_errors() -> None:
    cell, shape = torch.tensor([[18.0, 21.0, 24.0, 90.0, 100.0, 110.0]], dtype=torch.float64), (24, 30, 32)
    inv_d2, kept = grid_inv_d2(cell, shape), resolution_mask(cell, shape, 2.0)
    generator = torch.Generator().manual_seed(0)
    intensity = torch.empty_like(inv_d2).exponential_(1.0, generator=generator) * torch.exp(-10.0 * inv_d2)
    intensity = 500.0 * torch.where(kept, intensity, 0.0)
    sigma = intensity_sigma(intensity, inv_d2, kept, 2.0)[kept]
    of_list = amplitude_sigmas(intensity[kept].numpy(), inv_d2[kept].numpy(), signal_at_edge=2.0)
    of_grid = (intensity[kept] + sigma).sqrt() - intensity[kept].sqrt()
    np.testing.assert_allclose(of_list, of_grid.numpy(), rtol=0.05)  # their edges are cut a little apart


def test_same_seed_same_measurement() -> None:
    model = crystal("P 21")
    one, same, other = (measured_amplitudes(model, 2.5, np.random.default_rng(s))[0].f for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)
