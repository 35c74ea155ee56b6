"""What benchmarks know and the solver does not: model phases, and how well a map agrees with them."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.evaluate.alignment import align
from rephase.evaluate.map_figures import map_correlation, p1_multiplicity
from rephase.evaluate.origins import moved_phases

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Agreement with the truth at the best origin.

    Attributes
    ----------
    correlation
        Amplitude-weighted map correlation over the cell.
    phase_error
        Mean |Δφ| over the unique reflections in degrees, unweighted.
    weighted_phase_error
        The same weighted with |F|.
    hand
        ``"same"`` or ``"other"``.
    cos_error
        cos Δφ of each reflection, shape ``(n,)``.
    """

    correlation: float
    phase_error: float
    weighted_phase_error: float
    hand: str
    cos_error: FloatArray


def compare_with_truth(
    hkl: NDArray[np.int32], f: FloatArray, phi: FloatArray, true_phi: FloatArray, spacegroup: gemmi.SpaceGroup
) -> Agreement:
    """Align the origin and hand of phases to the true ones, radians, shape ``(n,)``, and compare."""
    fit = align(hkl, f, true_phi, f, phi, spacegroup)
    moved = moved_phases(hkl, phi, fit.shift, fit.hand)
    error = np.degrees(np.abs(np.angle(np.exp(1j * (moved - true_phi)))))
    return Agreement(
        correlation=map_correlation(f, true_phi, f, moved, p1_multiplicity(hkl, spacegroup)),
        phase_error=float(error.mean()),
        weighted_phase_error=float(np.average(error, weights=f)),
        hand=fit.hand,
        cos_error=np.cos(np.radians(error)),
    )


def calibration_bins(fom: FloatArray, cos_error: FloatArray) -> list[list[float]]:
    """Sum over ten bins of FOM: rows of count, Σ FOM and Σ cos Δφ."""
    which = np.minimum((fom * 10).astype(int), 9)
    return [np.bincount(which, weight, 10).tolist() for weight in (np.ones(len(fom)), fom, cos_error)]


def model_phases(model: Path, hkl: NDArray[np.int32], cell: gemmi.UnitCell) -> FloatArray:
    """Phases of a deposited model (its atoms, without a solvent mask) in radians, shape ``(n,)``."""
    structure = gemmi.read_structure(str(model))
    structure.remove_hydrogens()
    structure.cell = cell
    structure.setup_cell_images()
    calculator = gemmi.DensityCalculatorX()
    inv_d2 = cell.calculate_1_d2_array(hkl)
    calculator.d_min = 0.99 / np.sqrt(inv_d2.max())
    calculator.rate = 2.0
    calculator.set_refmac_compatible_blur(structure[0])
    calculator.grid.setup_from(structure)
    calculator.put_model_density_on_grid(structure[0])
    return np.angle(gemmi.transform_map_to_f_phi(calculator.grid).get_value_by_hkl(hkl))
