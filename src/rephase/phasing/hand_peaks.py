"""Count L and D residues in a map at atomic resolution: peaks → atoms → bonds → Cα centres.

A Cα centre is recognised by its neighbours, not by the heights of the peaks: a carbonyl carbon (flat, three
neighbours, one of them a lone oxygen at a short distance), an amide nitrogen (bonded to another carbonyl
carbon), and a third atom, Cβ. Terminal residues whose amine is free are left out, as are glycines.
"""

from dataclasses import dataclass

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from rephase.crystal.grid import grid_shape
from rephase.crystal.wilson import wilson_plot
from rephase.phasing.hand_templates import half_complex
from rephase.physics.density import density_from_structure_factors

FloatArray = NDArray[np.float64]

OVERSAMPLING = 1.8
"""Of the map in which peaks are looked for."""

PEAK_LEVEL = 1.2
"""Least height of an atom in units of the density-weighted mean density; ripples of phases with 30° of error
stay below 1."""

ATOM_B = 3.0
"""Å², of the atoms once the map is sharpened: least atoms of 1byz and of models with B = 20 Å² run together.
Sharper, ripples become atoms."""

BOND = (1.10, 1.72)
CARBONYL = (1.10, 1.36)
AMIDE = (1.20, 1.45)
CA_BOND = (1.34, 1.68)
"""Å: any bond of C, N, O; C=O 1.23; C–N 1.33; Cα–N 1.46, Cα–C 1.53, Cα–Cβ 1.53 (Engh & Huber 1991, Acta
Cryst. A47, 392), with room for errors of 0.13 Å."""

FLAT = 0.8
CHIRAL = 1.5
"""Å³, |a·(b × c)| of the bonds at an atom: 0 for a flat one, 2.5 for Cα; between them nothing is said."""

_ROWS = 256


@dataclass(frozen=True)
class ChiralCentres:
    """Recognised residues of a map.

    Attributes
    ----------
    left, right
        Numbers of L and of D residues among the Cα centres.
    amides
        Number of peptide bonds, of centres recognised or not.
    """

    left: int
    right: int
    amides: int


def count_chiral_centres(
    hkl: NDArray[np.int32], F: NDArray[np.complex128], cell: gemmi.UnitCell, d_min: float
) -> ChiralCentres:
    """Count L and D residues in the map of phased P1 reflections, shapes ``(n, 3)`` and ``(n,)``."""
    inv_d2 = np.asarray(cell.calculate_1_d2_array(hkl), dtype=np.float64)
    sharpening = np.exp((wilson_plot(np.abs(F) ** 2, inv_d2).b - ATOM_B) * inv_d2 / 4.0)
    shape = grid_shape(cell, d_min, OVERSAMPLING)
    density = density_from_structure_factors(half_complex(hkl, F * sharpening, shape), cell.volume, shape)
    return centres_of_atoms(find_atoms(density.to(torch.float64).numpy(), cell), cell)


def find_atoms(density: FloatArray, cell: gemmi.UnitCell) -> FloatArray:
    """Find peaks of a map, ``(nu, nv, nw)``, to a fraction of a grid step: fractional, shape ``(n, 3)``.

    Of peaks closer than the shortest bond only the highest is kept: the others are ripples or hydrogens.
    """
    positive = density.clip(min=0.0)
    level = PEAK_LEVEL * float((positive**2).sum() / max(positive.sum(), 1e-30))
    peaks = np.argwhere((density == maximum_filter(density, size=3, mode="wrap")) & (density > level))
    order = np.argsort(-density[tuple(peaks.T)], kind="stable")
    atoms = (peaks[order] + _parabolic_offsets(density, peaks[order])) / density.shape
    first, second, _ = _pairs(atoms, cell, 0.0, BOND[0])
    hidden = np.zeros(len(atoms), dtype=bool)
    for high, low in sorted(zip(first.tolist(), second.tolist(), strict=True)):
        if high < low and not hidden[high]:
            hidden[low] = True
    return np.asarray(atoms[~hidden])


def _parabolic_offsets(density: FloatArray, peaks: NDArray[np.int64]) -> FloatArray:
    """Offsets in grid steps, ``(n, 3)``, of the tops of parabolas through three points along each axis."""
    offsets = np.zeros(peaks.shape)
    for axis in range(3):
        step = np.zeros(3, dtype=np.int64)
        step[axis] = 1
        before, here, after = (density[tuple(((peaks + n * step) % density.shape).T)] for n in (-1, 0, 1))
        curvature = (2.0 * here - before - after).clip(min=1e-30)
        offsets[:, axis] = np.clip(0.5 * (after - before) / curvature, -0.5, 0.5)
    return offsets


def _pairs(
    xyz_frac: FloatArray, cell: gemmi.UnitCell, shortest: float, longest: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Pairs (i, j) of atoms or their nearest images more than `shortest` and less than `longest` Å apart.

    A cell must be wider than twice `longest`. Returns i and j, each ``(pairs,)``, every pair both ways, and
    the vectors from i to j in Å, ``(pairs, 3)``.
    """
    orth = np.array(cell.orth.mat.tolist())
    first, second, vectors = [], [], []
    for start in range(0, len(xyz_frac), _ROWS):
        step = xyz_frac[None] - xyz_frac[start : start + _ROWS, None]
        apart = (step - np.round(step)) @ orth.T
        length = np.linalg.norm(apart, axis=-1)
        i, j = np.nonzero((length > shortest) & (length < longest))
        first.append(i + start)
        second.append(j)
        vectors.append(apart[i, j])
    if not first:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3))
    return np.concatenate(first), np.concatenate(second), np.concatenate(vectors)


@dataclass(frozen=True, eq=False)
class _Bonds:
    """Vectors in Å from each atom to those bonded to it."""

    neighbours: dict[int, dict[int, FloatArray]]

    def volume(self, i: int, order: list[int]) -> float:
        """Chiral volume a·(b × c) of the bonds from `i` to three neighbours, Å³."""
        a, b, c = (self.neighbours[i][j] for j in order)
        return float(a @ np.cross(b, c))

    def length(self, i: int, j: int) -> float:
        """Bond length, Å."""
        return float(np.linalg.norm(self.neighbours[i][j]))

    def is_carbonyl(self, i: int) -> bool:
        """Tell whether an atom is flat, with three neighbours of which one is a lone oxygen."""
        around = list(self.neighbours[i])
        if len(around) != 3 or abs(self.volume(i, around)) > FLAT:
            return False
        return any(_within(self.length(i, j), CARBONYL) and len(self.neighbours[j]) == 1 for j in around)

    def amide_carbons(self, i: int, carbonyl: set[int]) -> set[int]:
        """Carbonyl carbons at amide distance from atom `i`."""
        return {j for j in self.neighbours[i] if j in carbonyl and _within(self.length(i, j), AMIDE)}


def centres_of_atoms(xyz_frac: FloatArray, cell: gemmi.UnitCell) -> ChiralCentres:
    """Recognise residues among atoms, fractional coordinates of shape ``(n, 3)``, and count their hands."""
    neighbours: dict[int, dict[int, FloatArray]] = {i: {} for i in range(len(xyz_frac))}
    for i, j, vector in zip(*_pairs(xyz_frac, cell, *BOND), strict=True):
        neighbours[int(i)][int(j)] = vector
    bonds = _Bonds(neighbours)
    carbonyl = {i for i in neighbours if bonds.is_carbonyl(i)}
    amides = {i: bonds.amide_carbons(i, carbonyl) for i in neighbours if 2 <= len(neighbours[i]) <= 3}
    volumes = [_ca_volume(bonds, i, carbonyl, amides) for i in neighbours if len(neighbours[i]) == 3]
    return ChiralCentres(
        left=sum(volume > CHIRAL for volume in volumes),
        right=sum(volume < -CHIRAL for volume in volumes),
        amides=sum(len(carbons) for i, carbons in amides.items() if i not in carbonyl),
    )


def _ca_volume(bonds: _Bonds, i: int, carbonyl: set[int], amides: dict[int, set[int]]) -> float:
    """Chiral volume (N, C', Cβ) of an atom if it is a Cα, else 0."""
    around = [j for j in bonds.neighbours[i] if _within(bonds.length(i, j), CA_BOND)]
    carbons = [j for j in around if j in carbonyl]
    nitrogens = [j for j in around if j not in carbonyl and amides.get(j)]
    others = [j for j in around if j not in carbons and j not in nitrogens]
    if (len(carbons), len(nitrogens), len(others)) != (1, 1, 1):
        return 0.0
    return bonds.volume(i, [nitrogens[0], carbons[0], others[0]])


def _within(length: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= length <= limits[1]
