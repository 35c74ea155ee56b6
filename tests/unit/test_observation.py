"""Errors, gaps and solvent of a batch of crystals are those of its experiment."""

import math

import pytest
import torch
from stream_examples import batch

from rephase.data.stream.observation import Observation, observe
from rephase.data.stream.stream_config import Measurement, StreamConfig
from rephase.physics.cells import resolution_mask
from rephase.physics.degradations import missing_wedge_mask


def observed(**ranges: object) -> Observation:
    return observe(batch(StreamConfig(measurement=Measurement.model_validate(ranges))))


EXACT = observed()


def lost(data: Observation) -> float:
    return 1.0 - float(data.measured.sum() / EXACT.measured.sum())


def test_exact_data_are_complete() -> None:
    crystals = batch(StreamConfig())
    assert torch.equal(EXACT.measured, resolution_mask(crystals.cell, crystals.shape, crystals.d_min))


def test_noise_has_the_standard_deviation_it_states() -> None:
    data = observed(i_over_sigma_edge=(2.0, 2.0))
    true = data.F.abs().square()
    edge = data.measured & (data.inv_d2 > 0.93 / 1.5**2)
    assert float(true[edge].mean() / (data.intensity - true)[edge].std()) == pytest.approx(2.0, rel=0.15)
    strong = data.measured & (true > 20.0 * true[edge].mean())
    pull = ((data.fobs - data.F.abs()) / data.sigf)[strong]
    assert abs(float(pull.mean())) < 0.1
    assert float(pull.std()) == pytest.approx(1.0, rel=0.1)


def test_weak_intensities_may_be_negative_but_amplitudes_are_not() -> None:
    data = observed(i_over_sigma_edge=(0.5, 0.5))
    assert bool((data.intensity < 0.0).any())
    assert bool((data.fobs >= 0.0).all())
    assert bool((data.sigf[data.measured] > 0.0).all())


def test_noise_follows_from_the_seed_of_the_batch() -> None:
    config = StreamConfig(measurement=Measurement(i_over_sigma_edge=(2.0, 2.0), completeness=(0.7, 0.7)))
    first, again = observe(batch(config)), observe(batch(config))
    assert torch.equal(first.intensity, again.intensity)
    other = observe(batch(config.model_copy(update={"seed": 1})))
    assert first.intensity.shape != other.intensity.shape or not torch.equal(first.intensity, other.intensity)


def test_completeness_is_reached() -> None:
    assert lost(observed(completeness=(0.8, 0.8))) == pytest.approx(0.2, abs=0.02)


def test_a_wedge_is_missing_from_a_short_scan() -> None:
    assert lost(observed(rotation_range=(120.0, 120.0))) == pytest.approx(60.0 / 180.0, abs=0.03)


def test_a_cone_is_missing_about_the_rotation_axis() -> None:
    expected = 1.0 - math.cos(math.radians(30.0))
    assert lost(observed(blind_cone=(30.0, 30.0))) == pytest.approx(expected, abs=0.03)


def test_the_beam_stop_hides_low_resolution() -> None:
    data = observed(beam_stop=(6.0, 6.0))
    hidden = EXACT.measured & ~data.measured
    assert bool(hidden.any())
    assert bool((data.inv_d2[hidden] < 1.0 / 36.0).all())
    assert bool((data.inv_d2[data.measured] >= 1.0 / 36.0 - 1e-6).all())


def test_what_is_not_measured_is_zero_but_known_without_errors() -> None:
    data = observed(completeness=(0.5, 0.5), i_over_sigma_edge=(2.0, 5.0), beam_stop=(6.0, 9.0))
    for values in (data.intensity, data.fobs, data.sigf):
        assert bool((values[~data.measured] == 0.0).all())
    torch.testing.assert_close(data.F, EXACT.F)


def test_wedge_lies_where_the_scan_did_not_reach() -> None:
    cell = torch.tensor([[20.0, 20.0, 20.0, 90.0, 90.0, 90.0]])
    kept = missing_wedge_mask(cell, (16, 16, 16), torch.eye(3)[None], torch.tensor([90.0]))[0]
    assert bool(kept[3, 4, 2])
    assert bool(kept[-3, -4, 2])  # the mate's azimuth
    assert not bool(kept[-3, 4, 2])
    assert not bool(kept[3, -4, 0])


def test_solvent_weakens_low_resolution_of_the_crystals_that_have_it() -> None:
    dry, wet = EXACT, observed(bulk_solvent=1.0)
    low = dry.measured & (dry.inv_d2 < 1.0 / 6.0**2)
    high = dry.measured & (dry.inv_d2 > 1.0 / 2.0**2)
    assert float(wet.F[low].abs().mean() / dry.F[low].abs().mean()) < 0.8
    assert float((wet.F - dry.F)[high].abs().mean() / dry.F[high].abs().mean()) < 0.1
    assert bool(((wet.F != 0.0) <= wet.measured).all())
    config = StreamConfig(measurement=Measurement(bulk_solvent=0.5))
    crystals = batch(config)
    soaked = crystals.measurements.bulk_solvent
    assert soaked is not None
    changed = (observe(crystals).F != dry.F).flatten(1).any(1)
    assert torch.equal(changed, soaked)
