"""A dipeptide in crystals: as simulated for training, and as measured and read from a file."""

from pathlib import Path

import gemmi
import numpy as np

from rephase.crystal.primitive import primitive_setting
from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.data.peptides.peptide import chain_from_torsions
from rephase.data.stream.crystal_batches import CrystalBatch, crystal_batch
from rephase.data.stream.examples import Example, MeasurementDraw
from rephase.data.stream.stream_config import Measurement, RateGrid, SpacingGrid
from rephase.io.example_files import write_measured_mtz
from rephase.io.observations import read_observations
from rephase.models.config import FastUNetConfig, ModelConfig
from rephase.models.trained import NetworkRecord, TrainedRange
from rephase.phasing.network_data import network_grid
from rephase.phasing.prepare import PreparedData, prepare

CELLS = {
    "P 1": (11.0, 10.0, 12.0, 80.0, 95.0, 103.0),
    "P 1 21 1": (12.0, 14.0, 11.0, 90.0, 103.0, 90.0),
    "C 1 2 1": (22.0, 13.0, 12.0, 90.0, 100.0, 90.0),
}
D_MIN = 1.5


def dipeptide(group: str = "P 1", cell: tuple[float, ...] | None = None) -> CrystalModel:
    chain = chain_from_torsions("FA", [(-70.0, 130.0), (-120.0, 140.0)])
    unit_cell = gemmi.UnitCell(*(cell or CELLS[group]))
    xyz_cart = chain.xyz_cart - chain.xyz_cart.mean(axis=0)
    xyz_frac = xyz_cart @ np.array(unit_cell.frac.mat.tolist()).T + [0.5, 0.5, 0.5]
    b_iso = np.full(len(xyz_frac), 20.0)
    return CrystalModel(unit_cell, gemmi.SpaceGroup(group), xyz_frac, chain.elements, b_iso)


def record(
    kind: ModelConfig | None = None,
    *,
    d_min: float = D_MIN,
    edges: tuple[float, float] = (9.0, 23.0),
    **known,
) -> NetworkRecord:
    network = kind or FastUNetConfig(width=4, blocks=1, maps=1)
    trained = TrainedRange(residues=(2, 2), edges=edges, angles=(70.0, 110.0), d_min=(d_min, d_min))
    return NetworkRecord(network=network, trained=trained, examples=1000, **known)


def simulated(model: CrystalModel, grid: RateGrid | SpacingGrid, d_min: float = D_MIN) -> CrystalBatch:
    """The crystal as a batch of one of the stream of training."""
    setting = primitive_setting(model.cell, model.spacegroup)
    shape = network_grid(setting, record(grid=grid), d_min)
    drawn = MeasurementDraw(1.0, 1.0, 1.0, 0.0, 180.0, False, np.eye(3))
    return crystal_batch([Example(0, 0, model, d_min, shape, drawn)], Measurement(), 0)


def measured(
    model: CrystalModel, folder: Path, d_min: float = D_MIN, scale: float = 1.0, missing: int = 0
) -> PreparedData:
    """The crystal written to an MTZ and read again; `missing` reflections are left out."""
    hkl = unique_reflections(model, d_min)
    f = scale * np.abs(structure_factors(model, hkl))
    f, hkl = f[missing:], hkl[missing:]
    data = Reflections(hkl, f, 1e-4 * f + 1e-3 * f.mean(), model.cell, model.spacegroup)
    write_measured_mtz(folder / "data.mtz", data, np.zeros(len(hkl), dtype=np.int64))
    return prepare(read_observations(folder / "data.mtz"))
