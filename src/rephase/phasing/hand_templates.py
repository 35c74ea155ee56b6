"""Fit short L-peptides to a map and to its inverse: the hand they fit better is the right one.

The templates are polyalanine of one and three residues with the peptide planes on both sides: helical,
extended and polyproline. Their mirror images would need L residues with φ, ψ of the opposite sign, which
proteins avoid, so the inverse of a right map fits them worse. One fit says little; the mean of the best few
fits of several templates decides.
"""

from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.grid import grid_shape
from rephase.data.peptides.backbone import HELIX, POLYPROLINE, STRAND
from rephase.data.peptides.peptide import chain_from_torsions
from rephase.phasing.hand_search import RigidGroup, Shape, even_rotations, refine, search
from rephase.physics.density import density_from_structure_factors
from rephase.physics.reflection_grid import grid_index, hkl_to_grid

SEARCH_D_MIN = 2.2
"""Å; sharper data only slow the search down, the refinement uses them."""

OVERSAMPLING = 2.2
"""Of the map that is read linearly between its points."""

CANDIDATES, DISTINCT = 64, 8
"""Starts refined, and fits at different places averaged, per template and molecule in the cell."""

MOST_COPIES = 4
"""With more molecules in the cell the average is long enough."""

APART = 1.5
"""Å, least distance between centres of different fits: less than half the length of a residue."""

_ELECTRONS = {"C": 6.0, "N": 7.0, "O": 8.0}


@dataclass(frozen=True, eq=False)
class PhasedMap:
    """Phased reflections of a P1 cell, ready for searches in both hands.

    Attributes
    ----------
    cell
        Å and degrees.
    coarse, shape
        Structure factors to `SEARCH_D_MIN` on a half-complex grid, and the numbers of points of its map.
    density
        The map and its inverse, finely sampled, in units of the density-weighted mean of the positive
        density, shape ``(2, nu, nv, nw)``.
    """

    cell: gemmi.UnitCell
    coarse: Tensor
    shape: Shape
    density: Tensor


@cache
def templates() -> tuple[RigidGroup, ...]:
    """Build the six templates from standard geometry."""
    kinds = {"helix": HELIX, "strand": STRAND, "polyproline": POLYPROLINE}
    return tuple(_template(f"{name} {n}", n, phi_psi) for n in (1, 3) for name, phi_psi in kinds.items())


def _template(name: str, residues: int, phi_psi_deg: tuple[float, float]) -> RigidGroup:
    """Polyalanine with Cα, C, O of the residue before and N, Cα of the residue after."""
    chain = chain_from_torsions("A" * (residues + 2), [phi_psi_deg] * (residues + 2))
    inner = (chain.residue >= 1) & (chain.residue <= residues)
    before = (chain.residue == 0) & np.isin(chain.atom_names, ["CA", "C", "O"])
    after = (chain.residue == residues + 1) & np.isin(chain.atom_names, ["N", "CA"])
    kept = inner | before | after
    xyz = chain.xyz_cart[kept]
    return RigidGroup(
        name=name,
        xyz=torch.tensor(xyz - xyz.mean(axis=0), dtype=torch.float32),
        electrons=torch.tensor([_ELECTRONS[element] for element in chain.elements[kept].tolist()]),
    )


def phased_map(
    hkl: NDArray[np.int32], F: NDArray[np.complex128], cell: gemmi.UnitCell, d_min: float
) -> PhasedMap:
    """Put phased reflections to `d_min`, shapes ``(n, 3)`` and ``(n,)``, on the grids of the search."""
    limit = max(d_min, SEARCH_D_MIN)
    low = np.asarray(cell.calculate_1_d2_array(hkl)) <= limit**-2 * (1 + 1e-6)
    coarse, fine = grid_shape(cell, limit), grid_shape(cell, d_min, OVERSAMPLING)
    half = half_complex(hkl, F, fine)
    density = density_from_structure_factors(torch.stack([half, half.conj()]), cell.volume, fine)
    positive = density[0].clamp(min=0.0)
    unit = (positive.square().sum() / positive.sum().clamp_min(1e-30)).clamp_min(1e-30)
    return PhasedMap(cell, half_complex(hkl[low], F[low], coarse), coarse, density / unit)


def half_complex(hkl: NDArray[np.int32], F: NDArray[np.complex128], shape: Shape) -> Tensor:
    """Put reflections and their Friedel mates on a half-complex grid, ``(n, 3)``, ``(n,)`` → complex64."""
    return hkl_to_grid(torch.from_numpy(F.astype(np.complex64)), grid_index(torch.from_numpy(hkl), shape))


def contrast_of_hands(phased: PhasedMap, seed: int = 0, copies: int = 1) -> float:
    """Compare how well L-peptides fit the map and its inverse.

    Parameters
    ----------
    phased
        The map.
    seed
        Of the orientation of the set of rotations.
    copies
        Number of molecules that symmetry puts into the cell.

    Returns
    -------
    Mean over the templates of (m₁ − m₂)/(m₁ + m₂) in per cent, where m is the mean density at the atoms of
    the best distinct fits: positive when the map as it is fits better.
    """
    turns = even_rotations(phased.cell.volume, seed)
    copies = min(max(copies, 1), MOST_COPIES)
    return float(np.mean([_contrast(phased, group, turns, copies) for group in templates()]))


def _contrast(phased: PhasedMap, group: RigidGroup, turns: Tensor, copies: int) -> float:
    """Contrast of one template."""
    starts = search(group, phased.coarse, phased.cell, phased.shape, turns, CANDIDATES * copies)
    same, other = (
        mean_of_best(*refine(group, density, phased.cell, *start), phased.cell, DISTINCT * copies)
        for density, start in zip(phased.density, starts, strict=True)
    )
    return 100.0 * (same - other) / max(same + other, 1e-6)


def mean_of_best(fit: Tensor, centres: Tensor, cell: gemmi.UnitCell, count: int) -> float:
    """Mean of the `count` best of `fit`, shape ``(n,)``, whose fractional centres, ``(n, 3)``, lie apart."""
    orth = np.array(cell.orth.mat.tolist())
    points = centres.numpy().astype(np.float64)
    kept: list[int] = []
    for i in fit.argsort(descending=True).tolist():
        step = points[kept] - points[i]
        if np.all(np.linalg.norm((step - np.round(step)) @ orth.T, axis=1) > APART):
            kept.append(i)
        if len(kept) == count:
            break
    return float(fit[kept].mean())
