"""French–Wilson against cctbx, against parabolic cylinder functions, and against simulated truth."""

import numpy as np
import pytest
from scipy.special import gamma, pbdv

from rephase.crystal.french_wilson import french_wilson

# cctbx-base 2025.11, tables of the 1978 supplement, linear interpolation, three decimals:
#   from cctbx import french_wilson as fw
#   fw.fw_acentric(I, sigma, mean, -4.0), fw.fw_centric(I, sigma, mean, -4.0)
# columns: (I, σ, ⟨I⟩), acentric (J, σJ, F, σF), centric (J, σJ, F, σF)
CCTBX = [
    ((-9, 3, 20), (0.819, 0.774, 0.808, 0.407), (0.426, 0.5797, 0.5231, 0.3893)),
    ((-6, 3, 20), (1.0695, 0.978, 0.9284, 0.4573), (0.5715, 0.7553, 0.6088, 0.4469)),
    ((-1, 2, 5), (1.09, 0.918, 0.9475, 0.4398), (0.658, 0.794, 0.6661, 0.4624)),
    ((0, 1, 10), (0.762, 0.586, 0.802, 0.345), (0.462, 0.511, 0.569, 0.3715)),
    ((0.5, 1, 1), (0.641, 0.518, 0.73, 0.328), (0.475, 0.521, 0.578, 0.375)),
    ((1, 1, 2), (1.009, 0.698, 0.935, 0.367), (0.7545, 0.7045, 0.7545, 0.43)),
    ((3, 1, 4), (2.759, 0.9895, 1.6305, 0.318), (2.6465, 1.0533, 1.5857, 0.3625)),
    ((5, 2, 30), (4.908, 1.952, 2.1633, 0.4752), (4.3927, 2.0947, 2.0157, 0.5732)),
    ((20, 2, 15), (19.7333, 2, 4.4422, 0.2251), (19.7644, 2.012, 4.4399, 0.2266)),
    ((90, 5, 40), (89.375, 5, 9.4538, 0.2644), (89.5475, 5.0089, 9.4592, 0.2648)),
    ((400, 9, 100), (399.19, 9, 19.9797, 0.2252), (399.4936, 9.0026, 19.9861, 0.2252)),
]


@pytest.mark.parametrize("centric", [False, True])
def test_agrees_with_the_published_tables(centric):
    measured = np.array([case[0] for case in CCTBX], dtype=float)
    expected = np.array([case[2 if centric else 1] for case in CCTBX])
    i, sigma, mean = measured.T
    result = french_wilson(i, sigma, mean, np.full(len(i), centric))
    got = np.stack([result.i, result.sigi, result.f, result.sigf], axis=1)
    tables = i / sigma < 3.0  # above, cctbx uses √J and the leading term for σF
    # three decimals times σ; the centric tables of 1978 are themselves up to 1.4 % low where h < 0,
    # as the parabolic cylinder functions of the next test show
    np.testing.assert_allclose(got[tables], expected[tables], atol=3.0e-3, rtol=0.014 if centric else 0.004)
    np.testing.assert_allclose(got[~tables], expected[~tables], rtol=6e-3)


@pytest.mark.parametrize("centric", [False, True])
def test_moments_are_parabolic_cylinder_functions(centric):
    """∫ x^a exp(−(x − h)²/2) dx over x ≥ 0 is Γ(a + 1) exp(−h²/4) D₋ₐ₋₁(−h), with h on σ = 1."""
    h = np.linspace(-20.0, 20.0, 81)
    start = -0.5 if centric else 0.0

    def moment(power):
        return gamma(start + power + 1.0) * pbdv(-(start + power) - 1.0, -h)[0]

    mean = np.full_like(h, 1e12)
    result = french_wilson(h, np.ones_like(h), mean, np.full(len(h), centric))
    f, i = moment(0.5) / moment(0.0), moment(1.0) / moment(0.0)
    np.testing.assert_allclose(result.f, f, rtol=1e-8)  # scipy's own error at h = −6 is 1e-9
    np.testing.assert_allclose(result.i, i, rtol=1e-8)  # scipy's own error at h = −6 is 1e-9
    np.testing.assert_allclose(result.sigf**2, i - f**2, rtol=1e-6)
    np.testing.assert_allclose(result.sigi**2, moment(2.0) / moment(0.0) - i**2, rtol=1e-6)


@pytest.mark.parametrize("centric", [False, True])
def test_posterior_is_unbiased_for_simulated_data(centric):
    rng = np.random.default_rng(4)
    n, mean = 200_000, 3.0
    f = rng.normal(size=(n, 1 if centric else 2))
    true = mean * np.mean(f**2, axis=1)
    measured = true + rng.normal(0.0, 2.0, n)
    result = french_wilson(measured, np.full(n, 2.0), np.full(n, mean), np.full(n, centric))
    for low, high in ((-9, -2), (-2, 0), (0, 2), (2, 5), (5, 9)):
        rows = (measured > low) & (measured < high)
        error = np.sqrt(true[rows]) - result.f[rows]
        assert abs(error.mean()) < 4.0 * error.std() / np.sqrt(rows.sum())
        assert np.mean(error**2 / result.sigf[rows] ** 2) == pytest.approx(1.0, abs=0.05)
        assert true[rows].mean() == pytest.approx(result.i[rows].mean(), rel=0.05)


@pytest.mark.parametrize("centric", [False, True])
def test_weak_and_strong_branches_meet(centric):
    h = np.array([30.0 - 1e-9, 30.0 + 1e-9])
    result = french_wilson(h, np.ones(2), np.full(2, 1e30), np.full(2, centric))
    for values in (result.f, result.sigf, result.i, result.sigi):
        assert values[0] == pytest.approx(values[1], rel=1e-8)


def test_impossibly_negative_and_very_strong_intensities_stay_finite():
    i = np.array([-1e9, -1e4, -100.0, 1e4, 1e12, 1e60])
    for centric in (False, True):
        result = french_wilson(i, np.ones(6), np.full(6, 10.0), np.full(6, centric))
        for values in (result.f, result.sigf, result.i, result.sigi):
            assert np.all(np.isfinite(values))
            assert np.all(values > 0.0)
        assert np.all(np.diff(result.f) > 0.0)
        assert result.f[-2] == pytest.approx(1e6)
        assert result.sigf[-2] == pytest.approx(0.5e-6, rel=1e-3)
        assert result.f[-1] == pytest.approx(1e30)
    assert len(french_wilson(i[:0], i[:0], i[:0], np.zeros(0, bool)).f) == 0


def test_zero_sigma_is_refused():
    with pytest.raises(ValueError, match="positive"):
        french_wilson(np.ones(1), np.zeros(1), np.ones(1), np.zeros(1, bool))
