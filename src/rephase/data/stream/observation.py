"""What a diffraction experiment records of a batch of crystals: amplitudes with errors and gaps."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rephase.crystal.grid import Shape
from rephase.data.stream.crystal_batches import CrystalBatch, Measurements
from rephase.physics.cells import cell_volume, grid_inv_d2, resolution_mask
from rephase.physics.degradations import (
    add_intensity_noise,
    beam_stop_mask,
    intensity_sigma,
    missing_cone_mask,
    missing_wedge_mask,
    random_completeness_mask,
)
from rephase.physics.solvent import add_bulk_solvent, molecular_mask
from rephase.physics.structure_factors import structure_factors

MOLECULE_RADIUS = 2.0
"""Å around atom centres that solvent does not enter: radius of carbon, plus solvent radius, minus shrinkage
of the mask of phenix.refine, 1.7 + 1.11 − 0.9 (Afonine et al. 2005, Acta Cryst. D61, 850), rounded."""


@dataclass(frozen=True, eq=False)
class Observation:
    """Structure factors and their measurement on half-complex grids ``(batch, nu, nv, nw//2 + 1)``.

    Attributes
    ----------
    F
        Without errors, of molecules and solvent, electrons; 0 at 000 and beyond d_min.
    intensity
        As measured, may be negative; 0 where not measured.
    fobs, sigf
        √max(I, 0) and √(max(I, 0) + σ(I)) − √max(I, 0); 0 where not measured. σ(F) of exact data is 0.
    measured
        bool.
    inv_d2
        1/d² in Å⁻².
    """

    F: Tensor
    intensity: Tensor
    fobs: Tensor
    sigf: Tensor
    measured: Tensor
    inv_d2: Tensor


def observe(batch: CrystalBatch) -> Observation:
    """Measure a batch of crystals; the errors follow from its `noise_seed` (and the kind of device).

    Symmetry is forgotten: equivalent reflections have errors of their own, and one may lack where another is
    measured, as if an experiment had been processed in P1.
    """
    generator = torch.Generator(batch.cell.device).manual_seed(batch.noise_seed)
    inv_d2 = grid_inv_d2(batch.cell, batch.shape)
    possible = resolution_mask(batch.cell, batch.shape, batch.d_min)
    F = _with_solvent(batch, structure_factors(batch.atoms, batch.cell, batch.d_min, batch.shape), inv_d2)
    intensity = F.real.square() + F.imag.square()
    sigma, how = None, batch.measurements
    if how.i_over_sigma_edge is not None:
        sigma = intensity_sigma(intensity, inv_d2, possible, how.i_over_sigma_edge)
        intensity = add_intensity_noise(intensity, sigma, generator)
    measured = possible & _recorded(how, batch.cell, batch.shape, inv_d2, generator)
    intensity = torch.where(measured, intensity, 0.0)
    positive = intensity.clamp(min=0.0)
    fobs = positive.sqrt()
    sigf = torch.zeros_like(fobs)
    if sigma is not None:
        sigf = torch.where(measured, (positive + sigma).sqrt() - fobs, 0.0)
    return Observation(F, intensity, fobs, sigf, measured, inv_d2)


def _with_solvent(batch: CrystalBatch, F: Tensor, inv_d2: Tensor) -> Tensor:
    soaked = batch.measurements.bulk_solvent
    if soaked is None:
        return F
    atoms = batch.atoms
    mask = molecular_mask(atoms.xyz_frac, atoms.occupancy, batch.cell, batch.shape, MOLECULE_RADIUS)
    total = add_bulk_solvent(F, mask, cell_volume(batch.cell), inv_d2)
    return torch.where(soaked[:, None, None, None], total, F)


def _recorded(
    how: Measurements, cell: Tensor, shape: Shape, inv_d2: Tensor, generator: torch.Generator
) -> Tensor:
    """Whether no gap of the experiment hides a reflection, bool on the half-complex grid."""
    kept = torch.ones_like(inv_d2, dtype=torch.bool)
    if how.completeness is not None:
        kept &= random_completeness_mask(inv_d2, how.completeness, generator)
    if how.beam_stop is not None:
        kept &= beam_stop_mask(inv_d2, how.beam_stop)
    if how.blind_cone is not None:
        kept &= missing_cone_mask(cell, shape, how.scan[:, 2], how.blind_cone)
    if how.rotation_range is not None:
        kept &= missing_wedge_mask(cell, shape, how.scan, how.rotation_range)
    return kept
