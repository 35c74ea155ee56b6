"""Maps of a batch are the maps of its crystals one by one, and show their atoms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stream_examples import batch, examples
from torch import Tensor

from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell
from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.intensity_shells import mean_intensity, normalised
from rephase.data.stream.map_batches import MapOptions, maps_of
from rephase.data.stream.observation import observe
from rephase.data.stream.stream_config import SpacingGrid, StreamConfig
from rephase.physics.density import zoom_map

CONFIG = StreamConfig(d_min=(1.5, 2.2), b_iso=(10.0, 30.0), b_spread=0.2)
UNSCALED = MapOptions(patterson_scale=1.0, density_scale=1.0)


def at_atoms(maps: Tensor, crystals: CrystalBatch, number: int) -> Tensor:
    """Values of one map at the grid points nearest to the atoms of its crystal."""
    present = crystals.atoms.occupancy[number] > 0.0
    sizes = torch.tensor(crystals.shape)
    u, v, w = (torch.round(crystals.atoms.xyz_frac[number][present] * sizes).long() % sizes).unbind(-1)
    return maps[number, u, v, w]


def test_a_batch_gives_the_maps_of_its_crystals_one_by_one() -> None:
    together = maps_of(batch(CONFIG), UNSCALED)
    for number, example in enumerate(examples(CONFIG)):
        alone = maps_of(crystal_batch([example], CONFIG.measurement, CONFIG.seed), UNSCALED)
        for kind in ("density", "patterson"):
            fine = getattr(together, kind).values[number]
            coarse = getattr(alone, kind).values[0]
            error = (zoom_map(coarse, tuple(fine.shape)) - fine).abs().max()
            assert error <= 1e-4 * fine.abs().max()


def test_density_is_highest_at_the_atoms() -> None:
    crystals = batch(CONFIG.model_copy(update={"grid": SpacingGrid()}))
    rho = maps_of(crystals, UNSCALED).density.values
    for number in range(len(crystals)):
        atoms = at_atoms(rho, crystals, number)
        assert atoms.mean() > 3.0 * rho[number].std()
        assert (atoms > 0.0).all()


def test_patterson_peaks_at_the_vector_between_two_heavy_atoms() -> None:
    example = examples(StreamConfig(grid=SpacingGrid()))[0]
    heavy = replace(
        example.crystal,
        xyz_frac=np.array([[0.1, 0.2, 0.3], [0.35, 0.7, 0.5]]),
        elements=np.array(["SE", "SE"]),
        b_iso=np.full(2, 20.0),
    )
    crystals = crystal_batch([replace(example, crystal=heavy)], CONFIG.measurement, 0)
    for kind in ("no-origin", "normalised"):
        patterson = maps_of(crystals, MapOptions(patterson=kind)).patterson.values[0]
        highest = np.array(np.unravel_index(int(patterson.argmax()), patterson.shape)) / np.array(
            crystals.shape
        )
        vector = np.array([0.25, 0.5, 0.2])
        offsets = [np.abs(highest - one - np.rint(highest - one)).max() for one in (vector, -vector)]
        assert min(offsets) < 0.03


def test_origin_peak_is_highest_as_published_and_gone_otherwise() -> None:
    crystals = batch(StreamConfig())
    for kind in ("published", "no-origin", "normalised"):
        patterson = maps_of(crystals, MapOptions(patterson=kind, patterson_scale=1.0)).patterson.values
        origin = patterson[:, 0, 0, 0] / patterson.flatten(1).std(1)
        assert (origin > 5.0).all() if kind == "published" else (origin.abs() < 1e-3).all()


@pytest.mark.parametrize("group", ["C 1 2 1", "I 2 2 2", "F 2 3", "R 3"])
def test_the_origin_peak_has_no_copies_at_centring_vectors(group: str) -> None:
    crystals = batch(StreamConfig(crystal=CrystalRecipe(cell=GrowingCell(spacegroups=(group,)))))
    maps = maps_of(crystals, UNSCALED)
    for patterson in maps.patterson.values:
        assert (patterson > 0.97 * patterson[0, 0, 0]).sum() == 1
    data = maps.observation
    absent = data.measured & (data.F.abs() < 1e-3 * data.F.abs().amax())
    assert int(absent.sum()) < 0.02 * int(data.measured.sum())  # half or more would be, for the lattice


def test_normalised_intensities_have_mean_one_in_every_shell() -> None:
    data = observe(batch(StreamConfig()))
    e2 = normalised(data.intensity, data.inv_d2, data.measured)
    residual = mean_intensity(e2, data.inv_d2, data.measured)
    assert float(residual[data.measured].abs().max()) < 1e-4
    low, middle = (data.measured & (data.inv_d2 < 1 / d**2) for d in (3.0, 2.0))
    for part in (low, middle & ~low, data.measured & ~middle):
        assert abs(float(e2[part].mean())) < 0.15
    assert (e2[~data.measured] == 0.0).all()
    assert 0.5 < float(e2[data.measured].var()) < 1.5  # Wilson: ⟨(E² − 1)²⟩ = 1 in P1


def test_the_density_belongs_to_the_structure_factors() -> None:
    crystals = batch(CONFIG)
    maps = maps_of(crystals, UNSCALED)
    F = maps.observation.F
    assert (F[~maps.observation.measured] == 0.0).all()
    torch.testing.assert_close(maps.observation.fobs, F.abs(), rtol=1e-5, atol=1e-4)
    assert (maps.observation.sigf == 0.0).all()
    assert float(maps.density.values.mean().abs()) < 1e-5


def test_autocast_does_not_reach_the_maps() -> None:
    crystals = batch(CONFIG)
    expected = maps_of(crystals)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = maps_of(crystals)
    assert torch.equal(found.density.values, expected.density.values)
    assert found.density.values.dtype == torch.float32


@pytest.mark.parametrize("scale", ["own-range", "own-spread", 4.404])
def test_scales_are_undone(scale: str | float) -> None:
    crystals = batch(CONFIG)
    plain = maps_of(crystals, UNSCALED).density.values
    scaled = maps_of(crystals, MapOptions(density_scale=scale)).density
    torch.testing.assert_close(scaled.unscaled(scaled.values), plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scaled.unscaled(scaled.values[:, None])[:, 0], plain, rtol=1e-4, atol=1e-5)
    if scale == "own-range":
        low, high = scaled.values.flatten(1).aminmax(dim=1)
        torch.testing.assert_close(low, torch.full_like(low, -1.0))
        torch.testing.assert_close(high, torch.full_like(high, 1.0))
    elif scale == "own-spread":
        spread, mean = torch.std_mean(scaled.values.flatten(1), dim=1)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-3, atol=0.0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0.0, atol=1e-5)
    else:
        torch.testing.assert_close(scaled.values, plain / 4.404)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_makes_the_maps_of_the_cpu() -> None:
    crystals = batch(CONFIG)
    here, there = maps_of(crystals, UNSCALED), maps_of(crystals.pin_memory().to("cuda"), UNSCALED)
    for kind in ("density", "patterson"):
        expected, found = (getattr(maps, kind).values.cpu() for maps in (here, there))
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
