"""Crystals as an experiment and a sequencer would show them, with the truth beside them."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel, mass_centre, orthogonalisation, protein_volume
from rephase.data.crystals.structure_factors import measured_amplitudes, structure_factors
from rephase.io.example_files import write_fasta, write_measured_mtz
from rephase.io.observations import read_observations
from rephase.io.sequence import Sequence, read_sequence
from rephase.phasing.prepare import PreparedData, prepare

FloatArray = NDArray[np.float64]

NOISELESS = 1e6
"""⟨I/σ⟩ at the edge of data whose only errors are the systematic ones, 3 % of an intensity."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """Data of one crystal, ready for phasing, and its true phases in radians, shape ``(n,)``."""

    id: str
    model: CrystalModel
    sequence: Sequence
    prepared: PreparedData
    true_phi: FloatArray


def simulated(
    name: str,
    letters: str,
    model: CrystalModel,
    d_min: float,
    seed: int,
    *,
    signal: float = NOISELESS,
    completeness: float = 1.0,
) -> Simulated:
    """Measure a crystal to d_min, write an MTZ and a FASTA file, and read them as a user's.

    Parameters
    ----------
    name, letters
        Id and sequence.
    model, d_min
        The crystal and the resolution limit in Å.
    seed
        Of errors and gaps; at a lower completeness fewer of the same reflections are left.
    signal
        ⟨I/σ⟩ at the edge.
    completeness
        Part of the reflections that is measured, anywhere.
    """
    rng = np.random.default_rng(seed)
    reflections, _ = measured_amplitudes(model, d_min, rng, signal)
    order = rng.permutation(len(reflections))
    reflections = reflections.select(order < round(completeness * len(reflections)))
    prepared, sequence = read_back(name, letters, reflections)
    true_phi = np.angle(structure_factors(model, prepared.reflections.hkl))
    return Simulated(name, model, sequence, prepared, true_phi)


def read_back(name: str, letters: str, reflections: Reflections) -> tuple[PreparedData, Sequence]:
    """Carry data through the files that a user has."""
    with tempfile.TemporaryDirectory() as folder:
        mtz, fasta = Path(folder) / "x.mtz", Path(folder) / "x.fasta"
        write_measured_mtz(mtz, reflections, np.zeros(len(reflections), dtype=np.int64))
        write_fasta(fasta, name, letters)
        sequence = read_sequence(fasta)
        return prepare(read_observations(mtz), sequence), sequence


def loosened(model: CrystalModel, solvent: float) -> CrystalModel:
    """Grow a cell of P1 in its shape to a solvent content, the molecule in its middle unchanged.

    Raises
    ------
    ValueError
        When there is more solvent already.
    """
    volume = protein_volume(model.elements) / (1.0 - solvent)
    factor = float(np.cbrt(volume / model.cell.volume))
    if factor < 1.0:
        raise ValueError(f"{model.cell} has more than {solvent:.0%} of solvent")
    a, b, c, *angles = model.cell.parameters
    cell = type(model.cell)(a * factor, b * factor, c * factor, *angles)
    xyz_cart = model.xyz_cart - mass_centre(model.xyz_cart, model.elements)
    xyz_frac = xyz_cart @ np.linalg.inv(orthogonalisation(cell)).T + 0.5
    return replace(model, cell=cell, xyz_frac=xyz_frac)
