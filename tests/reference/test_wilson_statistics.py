"""Wilson B, normalisation and anisotropy on simulated crystals whose truth is known."""

import gemmi
import numpy as np
import pytest

from rephase.crystal.anisotropy import allowed_tensors, fit_anisotropy, scattering_vectors
from rephase.crystal.shells import equal_count_shells, possible_reflections
from rephase.crystal.wilson import (
    mean_intensity_curve,
    normalised_amplitudes,
    sum_f_squared,
    wilson_plot,
)

CELL = gemmi.UnitCell(25, 30, 38, 90, 90, 90)
GROUP = gemmi.SpaceGroup("P 21 21 21")
CONTENT = {"C": 500.0, "N": 130.0, "O": 150.0}


def simulate(d_min=1.8, b=18.0, tensor=None, noise=0.1, seed=0, cell=CELL, group=GROUP):
    """Wilson-distributed intensities with noise of `noise` times their overall mean."""
    rng = np.random.default_rng(seed)
    hkl = possible_reflections(cell, group, d_min)
    inv_d2 = cell.calculate_1_d2_array(hkl)
    ops = group.operations()
    epsilon = ops.epsilon_factor_without_centering_array(hkl).astype(float)
    centric = np.array(ops.centric_flag_array(hkl))
    mean = epsilon * sum_f_squared(inv_d2, CONTENT) * np.exp(-0.5 * b * inv_d2)
    if tensor is not None:
        s = scattering_vectors(hkl, cell)
        mean *= np.exp(-0.5 * np.einsum("ni,ij,nj->n", s, tensor, s))
    ratio = np.where(centric, rng.chisquare(1, len(hkl)), 0.5 * rng.chisquare(2, len(hkl)))
    sigma = np.full(len(hkl), noise * mean.mean())
    return hkl, inv_d2, epsilon, mean * ratio + rng.normal(0.0, 1.0, len(hkl)) * sigma, sigma


@pytest.mark.parametrize("b", [5.0, 18.0, 40.0])
def test_wilson_b_and_scale_are_recovered(b):
    _, inv_d2, epsilon, i, _ = simulate(b=b, noise=0.02)
    plot = wilson_plot(i / epsilon, inv_d2, CONTENT)
    assert plot.b == pytest.approx(b, abs=4.0 * plot.sigma_b)
    assert plot.sigma_b < 1.0
    assert plot.scale == pytest.approx(1.0, abs=0.1)


def test_form_factors_are_those_of_gemmi_direct_summation():
    cell = gemmi.UnitCell(40, 40, 40, 90, 90, 90)
    small = gemmi.SmallStructure()
    small.cell = cell
    site = gemmi.SmallStructure.Site()
    site.label, site.element, site.occ = "N", gemmi.Element("N"), 1.0
    small.add_site(site)
    calculator = gemmi.StructureFactorCalculatorX(cell)
    hkl = [[5, 0, 0], [10, 4, 3]]
    expected = [abs(calculator.calculate_sf_from_small_structure(small, h)) ** 2 for h in hkl]
    got = sum_f_squared(cell.calculate_1_d2_array(np.array(hkl, dtype=np.int32)), {"N": 1.0})
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("d_min", [0.8, 1.8, 4.5])
def test_normalised_amplitudes_have_unit_mean_square_everywhere(d_min):
    cell = gemmi.UnitCell(10, 14, 18, 90, 90, 90) if d_min < 1 else CELL
    _, inv_d2, epsilon, i, _ = simulate(d_min, 8.0, noise=0.001, cell=cell)
    f = np.sqrt(np.maximum(i, 0.0))
    e, sige = normalised_amplitudes(f, 0.01 * f, inv_d2, epsilon)
    shells = equal_count_shells(inv_d2, max(1, len(e) // 120))
    np.testing.assert_allclose(shells.means(inv_d2, e**2), 1.0, atol=0.12)
    assert np.mean(e**2) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(sige, 0.01 * e)


def test_mean_curve_stays_positive_in_pure_noise():
    rng = np.random.default_rng(1)
    inv_d2 = rng.uniform(0.01, 0.4, 600)
    curve = mean_intensity_curve(rng.normal(-0.2, 1.0, 600), inv_d2)
    assert np.all(curve > 0.0)
    assert curve.max() < 1.0


def test_mean_curve_follows_a_steep_fall():
    _, inv_d2, epsilon, i, _ = simulate(b=40.0, noise=0.0)
    truth = sum_f_squared(inv_d2, CONTENT) * np.exp(-20.0 * inv_d2)
    ratio = mean_intensity_curve(i / epsilon, inv_d2) / truth
    assert np.median(np.abs(np.log(ratio))) < 0.12


TENSOR = np.diag([9.0, -3.0, -6.0])


@pytest.mark.parametrize("noise", [0.0001, 0.1, 0.5])
def test_anisotropy_is_recovered_under_noise(noise):
    hkl, _, _, i, sigma = simulate(tensor=TENSOR, noise=noise, seed=3)
    fit = fit_anisotropy(i, sigma, hkl, CELL, GROUP)
    assert fit.significant
    np.testing.assert_allclose(fit.b_cart, TENSOR, atol=1.5 if noise < 0.3 else 3.0)
    assert fit.delta_b == pytest.approx(15.0, abs=4.0)
    assert np.trace(fit.b_cart) == pytest.approx(0.0, abs=1e-9)


def test_correction_makes_the_data_isotropic():
    hkl, _, _, i, sigma = simulate(tensor=TENSOR, noise=0.01, seed=3)
    fit = fit_anisotropy(i, sigma, hkl, CELL, GROUP)
    factor = fit.amplitude_factor(hkl, CELL) ** 2
    again = fit_anisotropy(i * factor, sigma * factor, hkl, CELL, GROUP)
    assert again.delta_b < 1.0


@pytest.mark.parametrize("noise", [0.01, 1.0, 10.0])
@pytest.mark.parametrize("d_min", [1.8, 4.5])
def test_noise_is_not_mistaken_for_anisotropy(noise, d_min):
    found = 0
    for seed in range(12):
        hkl, _, _, i, sigma = simulate(d_min, noise=noise, seed=seed)
        found += fit_anisotropy(i, sigma, hkl, CELL, GROUP).significant
    assert found <= 1


def test_triclinic_tensor_with_off_diagonal_terms():
    cell, group = gemmi.UnitCell(20, 24, 28, 80, 95, 105), gemmi.SpaceGroup("P 1")
    tensor = np.array([[4.0, 3.0, 0.0], [3.0, -1.0, -2.0], [0.0, -2.0, -3.0]])
    hkl, _, _, i, sigma = simulate(1.5, tensor=tensor, cell=cell, group=group)
    np.testing.assert_allclose(fit_anisotropy(i, sigma, hkl, cell, group).b_cart, tensor, atol=1.2)


@pytest.mark.parametrize(
    ("symbol", "parameters", "free"),
    [
        ("P 1", (20, 24, 28, 80, 95, 105), 5),
        ("P 1 21 1", (20, 24, 28, 90, 105, 90), 3),
        ("P 21 21 21", (20, 24, 28, 90, 90, 90), 2),
        ("P 43", (20, 20, 28, 90, 90, 90), 1),
        ("P 32", (20, 20, 28, 90, 90, 120), 1),
        ("P 21 3", (20, 20, 20, 90, 90, 90), 0),
    ],
)
def test_symmetry_allows_as_many_terms_as_the_crystal_system(symbol, parameters, free):
    tensors = allowed_tensors(gemmi.UnitCell(*parameters), gemmi.SpaceGroup(symbol))
    assert len(tensors) == free
    np.testing.assert_allclose(np.trace(tensors, axis1=1, axis2=2), 0.0, atol=1e-9)
