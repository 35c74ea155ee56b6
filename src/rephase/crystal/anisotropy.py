"""Anisotropic fall-off of the intensities: found, tested for significance, taken out."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from rephase.crystal.wilson import mean_intensity_curve

FloatArray = NDArray[np.float64]

_ROUNDS = 12  # of Fisher scoring, each with a new isotropic curve; converges to 1e-3 Å² in about six
_LARGEST_RATIO = 12.0  # I/⟨I⟩ above this is an outlier (p = e⁻¹²); it must not bend the tensor
_WORST_CONDITION = 1e10  # beyond it the reflections do not span the directions of space
_CHANCE = 1e-3  # a tensor that noise alone would give this often is not believed


@dataclass(frozen=True, eq=False)
class Anisotropy:
    """Deviation of the fall-off from isotropic: ⟨I(s)⟩ ∝ exp(−sᵀ B s / 2).

    Attributes
    ----------
    b_cart
        Traceless tensor B in Å², Cartesian axes of `gemmi.UnitCell`, shape ``(3, 3)``; zero where the data
        do not show any anisotropy beyond chance or symmetry forbids it.
    delta_b
        Largest minus smallest principal value in Å².
    significant
        Whether a tensor was found that chance gives in fewer than one data set in a thousand.
    """

    b_cart: FloatArray
    delta_b: float
    significant: bool

    def amplitude_factor(self, hkl: NDArray[np.int32], cell: gemmi.UnitCell) -> FloatArray:
        """Return the factor that makes amplitudes isotropic, exp(+sᵀ B s / 4), shape ``(n,)``."""
        s = scattering_vectors(hkl, cell)
        return np.asarray(np.exp(0.25 * np.einsum("ni,ij,nj->n", s, self.b_cart, s)))


def scattering_vectors(hkl: NDArray[np.int32], cell: gemmi.UnitCell) -> FloatArray:
    """Return reciprocal-space vectors s in Å⁻¹, Cartesian, shape ``(n, 3)``."""
    return np.asarray(hkl @ np.array(cell.frac.mat.tolist()), dtype=np.float64)


def fit_anisotropy(
    intensity: FloatArray,
    sigma: FloatArray,
    hkl: NDArray[np.int32],
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
) -> Anisotropy:
    """Fit the anisotropic tensor that symmetry allows.

    Quasi-likelihood: the observed ratio z = I/⟨I⟩ has mean 1 and variance 1 (acentric) or 2 (centric) plus
    (σ/⟨I⟩)², whatever the noise, so the score Σ (z − 1) ∂ln⟨I⟩ / var z has expectation zero at the true
    tensor. Negative intensities take part as they are; weak ones weigh little. Significance is that of the
    score at zero anisotropy (Rao's test).

    Parameters
    ----------
    intensity, sigma
        Intensities and standard uncertainties, shape ``(n,)``.
    hkl
        Miller indices, shape ``(n, 3)``.
    cell, spacegroup
        Cell and space group.
    """
    basis = allowed_tensors(cell, spacegroup)
    none = Anisotropy(np.zeros((3, 3)), 0.0, False)
    if not len(basis):
        return none
    s = scattering_vectors(hkl, cell)
    design = -0.5 * np.einsum("ni,kij,nj->nk", s, basis, s)
    data = _scaled(intensity, sigma, hkl, cell, spacegroup)
    parameters = np.zeros(len(basis))
    score, information = _score(parameters, design, data)
    if not np.linalg.cond(information) < _WORST_CONDITION:  # also where it is not finite
        return none
    if chi2.sf(score @ np.linalg.solve(information, score), len(basis)) > _CHANCE:
        return none
    for _ in range(_ROUNDS):
        parameters += np.linalg.solve(information, score)
        score, information = _score(parameters, design, data)
    tensor = np.einsum("k,kij->ij", parameters, basis)
    principal = np.linalg.eigvalsh(tensor)
    return Anisotropy(tensor, float(principal[-1] - principal[0]), True)


def allowed_tensors(cell: gemmi.UnitCell, spacegroup: gemmi.SpaceGroup) -> FloatArray:
    """Find an orthonormal basis of the traceless symmetric tensors that the point group leaves unchanged.

    Returns
    -------
    Tensors in Cartesian axes, shape ``(k, 3, 3)``: k = 5 triclinic, 3 monoclinic, 2 orthorhombic,
    1 uniaxial, 0 cubic.
    """
    orth, frac = np.array(cell.orth.mat.tolist()), np.array(cell.frac.mat.tolist())
    rotations = [orth @ (np.array(op.rot) / op.DEN) @ frac for op in spacegroup.operations().sym_ops]
    candidates = []
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        tensor = np.zeros((3, 3))
        tensor[i, j] = tensor[j, i] = 1.0
        average = np.mean([r @ tensor @ r.T for r in rotations], axis=0)
        candidates.append((average - np.eye(3) * np.trace(average) / 3.0).ravel())
    _, singular, rows = np.linalg.svd(np.array(candidates))
    return np.asarray(rows[: np.count_nonzero(singular > 1e-6)].reshape(-1, 3, 3))


def _scaled(
    intensity: FloatArray,
    sigma: FloatArray,
    hkl: NDArray[np.int32],
    cell: gemmi.UnitCell,
    spacegroup: gemmi.SpaceGroup,
) -> FloatArray:
    """Stack I/ε, σ/ε, 1/d² and the variance of I/⟨I⟩ by Wilson's statistics, shape ``(4, n)``."""
    ops = spacegroup.operations()
    epsilon = np.asarray(ops.epsilon_factor_without_centering_array(hkl), dtype=np.float64)
    wilson_variance = np.where(ops.centric_flag_array(hkl), 2.0, 1.0)
    return np.stack([intensity / epsilon, sigma / epsilon, cell.calculate_1_d2_array(hkl), wilson_variance])


def _score(parameters: FloatArray, design: FloatArray, data: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return score vector ``(k,)`` and information matrix ``(k, k)`` at the given tensor."""
    i, sigma, inv_d2, wilson_variance = data
    fall_off = np.exp(design @ parameters)
    mean = mean_intensity_curve(i / fall_off, inv_d2) * fall_off
    weight = 1.0 / (wilson_variance + (sigma / mean) ** 2)
    centred = design - _local_mean(design, weight, inv_d2)
    ratio = np.clip(i / mean, -_LARGEST_RATIO, _LARGEST_RATIO)
    weighted = centred * weight[:, None]
    return weighted.T @ (ratio - 1.0), weighted.T @ centred


def _local_mean(design: FloatArray, weight: FloatArray, inv_d2: FloatArray) -> FloatArray:
    """Average each column among reflections of like resolution: what the isotropic curve takes up."""
    order = np.argsort(inv_d2)
    block = np.empty(len(order), dtype=np.intp)
    block[order] = np.arange(len(order)) * max(1, len(order) // 50) // len(order)
    total = np.bincount(block, weight)
    means = [np.bincount(block, weight * column) / total for column in design.T]
    return np.stack(means, axis=1)[block]
