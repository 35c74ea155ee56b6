"""Exact structure factors of a model crystal, and amplitudes as an experiment would measure them."""

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.measurement_errors import EDGE_FRACTION, SYSTEMATIC_ERROR
from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]

SIGNAL_AT_EDGE = 2.5
"""⟨I/σ(I)⟩ at the high-resolution limit, where data are usually cut."""


def unique_reflections(model: CrystalModel, d_min: float) -> IndexArray:
    """Return the unique Miller indices to `d_min` Å, shape ``(n, 3)``, without 000 and absences."""
    hkl = gemmi.make_miller_array(model.cell, model.spacegroup, d_min, unique=True)
    absent = model.spacegroup.operations().systematic_absences(hkl)
    return np.asarray(hkl[~absent], dtype=np.int32)


def structure_factors(model: CrystalModel, hkl: IndexArray) -> NDArray[np.complex128]:
    """Return F of indices `hkl`, shape ``(n, 3)`` → ``(n,)``, complex128, in electrons.

    Direct summation by gemmi over all atoms and operators, IT92 form factors, no bulk solvent.
    """
    atoms = small_structure(model)
    calculator = gemmi.StructureFactorCalculatorX(atoms.cell)  # carries the operators
    values = [calculator.calculate_sf_from_small_structure(atoms, index) for index in hkl.tolist()]
    return np.array(values, dtype=np.complex128)


def small_structure(model: CrystalModel) -> gemmi.SmallStructure:
    """Return the crystal as gemmi's list of sites, for summations over the operators."""
    structure = gemmi.SmallStructure()
    structure.cell = model.cell
    structure.spacegroup = model.spacegroup
    u_iso = model.b_iso / (8.0 * np.pi**2)
    for xyz, element, u in zip(model.xyz_frac.tolist(), model.elements.tolist(), u_iso.tolist(), strict=True):
        site = gemmi.SmallStructure.Site()
        site.fract = gemmi.Fractional(*xyz)
        site.element = gemmi.Element(element)
        site.u_iso = u
        structure.add_site(site)
    structure.setup_cell_images()
    return structure


def amplitude_sigmas(
    intensity: FloatArray, inv_d2: FloatArray, signal_at_edge: float = SIGNAL_AT_EDGE
) -> FloatArray:
    """Return σ(F) of true intensities, both shape ``(n,)``, on the scale of F.

    σ²(I) = (0.03·I)² + σ₀²: a systematic part, and a background that is the same at every resolution, set so
    that ⟨I⟩/σ₀ of the outermost tenth of the reflections is `signal_at_edge`. I/σ falls with ⟨I⟩.
    σ(F) = √(I + σ(I)) − √I, which tends to σ(I)/2F and stays finite where F is small.

    Parameters
    ----------
    intensity
        |F|² without errors.
    inv_d2
        1/d² in Å⁻².
    signal_at_edge
        ⟨I⟩/σ₀ at the edge; infinite for data without background noise.
    """
    edge = inv_d2 >= np.quantile(inv_d2, 1.0 - EDGE_FRACTION)
    background = float(intensity[edge].mean()) / signal_at_edge
    sigma_i = np.hypot(SYSTEMATIC_ERROR * intensity, background)
    return np.asarray(np.sqrt(intensity + sigma_i) - np.sqrt(intensity))


def measured_amplitudes(
    model: CrystalModel,
    d_min: float,
    rng: np.random.Generator,
    signal_at_edge: float = SIGNAL_AT_EDGE,
) -> tuple[Reflections, NDArray[np.complex128]]:
    """Return amplitudes with Gaussian errors of `amplitude_sigmas`, and the true F of the same reflections.

    The data are complete to `d_min`. An amplitude that noise makes negative is turned positive. They are
    errors of amplitudes, whose σ(F) phasing takes as Gaussian; those of `rephase.data.stream.observation` are
    errors of intensities, of which weak ones may then be negative.
    """
    hkl = unique_reflections(model, d_min)
    true = structure_factors(model, hkl)
    inv_d2 = np.asarray(model.cell.calculate_1_d2_array(hkl), dtype=np.float64)
    sigf = amplitude_sigmas(np.abs(true) ** 2, inv_d2, signal_at_edge)
    f = np.abs(np.abs(true) + sigf * rng.normal(size=len(true)))
    return Reflections(hkl=hkl, f=f, sigf=sigf, cell=model.cell, spacegroup=model.spacegroup), true
