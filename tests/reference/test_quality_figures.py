"""Quality figures on simulated data whose faults are known, and on measured data others have judged."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.crystal.anisotropy import fit_anisotropy
from rephase.crystal.patterson import patterson_map, pseudo_translation
from rephase.crystal.quality import assess, wilson_probability
from rephase.crystal.shells import possible_reflections
from rephase.crystal.twinning import l_test, second_moment
from rephase.crystal.wilson import mean_intensity_curve, wilson_plot
from rephase.io.observations import read_observations
from rephase.phasing.prepare import prepare

OBSERVED = Path(__file__).parents[3] / "shared" / "data" / "observed"
CELL, GROUP = gemmi.UnitCell(40, 40, 60, 90, 90, 90), gemmi.SpaceGroup("P 43")
HKL = possible_reflections(CELL, GROUP, 2.2)
CENTRIC = np.array(GROUP.operations().centric_flag_array(HKL))
EPSILON = GROUP.operations().epsilon_factor_without_centering_array(HKL).astype(float)


def wilson_intensities(seed, twin_fraction=0.0):
    rng = np.random.default_rng(seed)

    def crystal():
        return np.where(CENTRIC, rng.chisquare(1, len(HKL)), 0.5 * rng.chisquare(2, len(HKL)))

    return EPSILON * ((1.0 - twin_fraction) * crystal() + twin_fraction * crystal())


def judge(intensity, sigma, keep=slice(None)):
    i, s, hkl = intensity[keep], sigma[keep], HKL[keep]
    inv_d2 = CELL.calculate_1_d2_array(hkl)
    mean = mean_intensity_curve(i / EPSILON[keep], inv_d2) * EPSILON[keep]
    fits = fit_anisotropy(i, s, hkl, CELL, GROUP), wilson_plot(i / EPSILON[keep], inv_d2)
    return assess(hkl, i, s, mean, CELL, GROUP, *fits)


@pytest.mark.parametrize(("fraction", "abs_l", "l2"), [(0.0, 0.5, 1 / 3), (0.5, 0.375, 0.2)])
def test_l_test_has_its_theoretical_values(fraction, abs_l, l2):
    result = l_test(wilson_intensities(1, fraction), HKL, CENTRIC)
    assert result.mean_abs_l == pytest.approx(abs_l, abs=0.01)
    assert result.mean_l2 == pytest.approx(l2, abs=0.01)
    assert result.twinned == (fraction > 0)


def test_l_test_says_nothing_about_few_pairs():
    assert l_test(np.ones(50), HKL[:50], CENTRIC[:50]).twinned is None
    assert l_test(np.ones(1), HKL[:1], CENTRIC[:1]).pairs == 0


@pytest.mark.parametrize(("fraction", "acentric", "centric"), [(0.0, 2.0, 3.0), (0.5, 1.5, 2.0)])
def test_second_moments_with_the_noise_taken_out(fraction, acentric, centric):
    e2 = wilson_intensities(2, fraction) / EPSILON
    noisy = e2 + np.random.default_rng(3).normal(0.0, 0.5, len(e2))
    sigma = np.full(len(e2), 0.5)
    assert second_moment(noisy[~CENTRIC], sigma[~CENTRIC]) == pytest.approx(acentric, abs=0.12)
    assert second_moment(noisy[CENTRIC], sigma[CENTRIC]) == pytest.approx(centric, abs=0.5)


def test_planted_outlier_is_found_and_nothing_else():
    i = wilson_intensities(4)
    i[100] = 60.0 * EPSILON[100]
    assert judge(i, np.full(len(i), 0.05)).outliers.tolist() == [100]


def test_probabilities_follow_wilson():
    e2 = np.array([1.0, 1.0, 9.0, 9.0])
    chance = wilson_probability(e2, np.zeros(4), np.array([False, True, False, True]))
    np.testing.assert_allclose(chance, [np.exp(-1), 0.3173105, np.exp(-9), 0.0026998], rtol=1e-5)
    assert wilson_probability(e2[2:3], np.array([4.5]), np.array([False]))[0] == 1.0


def test_missing_low_resolution_terms_are_listed():
    i = wilson_intensities(5)
    keep = CELL.calculate_d_array(HKL) < 12.0
    quality = judge(i, np.full(len(i), 0.05), keep)
    assert {tuple(h) for h in quality.missing_low} == {tuple(h) for h in HKL[~keep]}
    assert quality.completeness == pytest.approx(keep.mean())
    assert quality.shell_completeness[0] < 1.0
    np.testing.assert_allclose(quality.shell_completeness[2:], 1.0)
    assert any("beyond 8 Å are missing" in note for note in quality.notes)


def test_weak_data_are_called_weak():
    i = wilson_intensities(6)
    noisy = i + np.random.default_rng(7).normal(0.0, 3.0, len(i))
    quality = judge(noisy, np.full(len(i), 3.0))
    assert quality.mean_signal < 1.0
    assert np.isnan(quality.moment_acentric)
    assert any("weak" in note for note in quality.notes)


def atoms_and_their_copies(shift, count=60):
    rng = np.random.default_rng(9)
    xyz = rng.random((count, 3))
    atoms = np.concatenate([xyz, xyz + shift]) if shift is not None else rng.random((2 * count, 3))
    f = np.zeros(len(HKL), dtype=complex)
    for op in GROUP.operations():
        images = atoms @ (np.array(op.rot).T / op.DEN) + np.array(op.tran) / op.DEN
        f += np.exp(2j * np.pi * HKL @ images.T).sum(axis=1)
    return np.abs(f) ** 2


def test_pseudo_translation_is_found_where_it_was_put():
    peak = pseudo_translation(HKL, atoms_and_their_copies(np.array([0.5, 0.5, 0.27])), CELL, GROUP)
    assert peak is not None
    assert peak.height > 0.35
    w = min(peak.vector_frac[2], 1.0 - peak.vector_frac[2])
    np.testing.assert_allclose([*peak.vector_frac[:2], w], [0.5, 0.5, 0.27], atol=0.04)
    other = pseudo_translation(HKL, atoms_and_their_copies(None), CELL, GROUP)
    assert other is not None
    assert other.height < 0.2


def test_patterson_map_is_the_direct_sum():
    i = wilson_intensities(8)
    rows = slice(0, 40)
    density = patterson_map(HKL[rows], i[rows], CELL, GROUP, 1.0)
    every = np.array([list(op.apply_to_hkl(list(h))) for h in HKL[rows] for op in GROUP.operations()])
    values = np.repeat(i[rows], 4)
    every, first = np.unique(np.concatenate([every, -every]), axis=0, return_index=True)
    values = np.concatenate([values, values])[first]
    place = (3, 5, 7)
    u = np.array(place) / density.shape
    expected = np.sum(values * np.cos(2 * np.pi * every @ u)) / CELL.volume
    assert density[place] == pytest.approx(expected, rel=1e-9)


@pytest.mark.skipif(not OBSERVED.is_dir(), reason="shared/data/observed is not beside the checkout")
class TestMeasured:
    def test_1l2h_is_a_twin(self):
        """Entry 1L2H is known as merohedrally twinned, operator h,−k,−l, fraction near one half."""
        quality = prepare(read_observations(OBSERVED / "1l2h.mtz.gz")).quality
        assert quality.l_test.twinned
        assert quality.twin_laws
        assert quality.moment_acentric == pytest.approx(1.6, abs=0.1)
        assert quality.low_completeness < 0.3

    @pytest.mark.parametrize("name", ["1aba.mtz", "1dtx.mtz", "1g1j.mtz", "1ubq_fexp.mtz", "1byz.mtz"])
    def test_others_are_no_twins(self, name):
        quality = prepare(read_observations(OBSERVED / name)).quality
        assert quality.l_test.twinned is False
        assert quality.moment_acentric == pytest.approx(2.05, abs=0.15)
