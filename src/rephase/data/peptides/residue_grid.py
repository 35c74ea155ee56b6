"""Fragments as residues × atom slots, and their torsion angles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.fragments import Fragments
from rephase.data.peptides.internal_coordinates import torsion_deg
from rephase.data.peptides.residue_topology import (
    ATOM_NAMES,
    CA,
    CHI_COUNT,
    MOST_CHI,
    REFERENCES,
    RESIDUES,
    SLOTS,
    C,
    N,
    O,
    chi_atom,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ResidueGrid:
    """Residues of fragments that have the same number of them.

    Attributes
    ----------
    residue
        Index into `RESIDUES`, shape ``(n, length)``.
    xyz_cart
        Å, shape ``(n, length, SLOTS, 3)``; NaN in slots without an atom.
    """

    residue: NDArray[np.int64]
    xyz_cart: FloatArray


def residue_grid(fragments: Fragments) -> ResidueGrid:
    """Sort the atoms of fragments of one length into residues and slots.

    Raises
    ------
    ValueError
        If the lengths differ, or an atom is not one of the heavy atoms of its residue.
    """
    letters = np.array([list(sequence) for sequence in fragments.sequence.tolist()])
    if letters.ndim != 2:
        raise ValueError("fragments of different lengths")
    residue = np.searchsorted(np.array(list(RESIDUES)), letters)
    fragment = np.repeat(np.arange(len(fragments)), np.diff(fragments.offset))
    place = fragments.residue.astype(np.int64)
    found = ATOM_NAMES[residue[fragment, place]] == fragments.atom_name[:, None]
    if not found.any(axis=1).all():
        raise ValueError("an atom that is not of its residue")
    xyz = np.full((*residue.shape, SLOTS, 3), np.nan)
    xyz[fragment, place, found.argmax(axis=1)] = fragments.xyz_cart
    return ResidueGrid(residue, xyz)


@dataclass(frozen=True, eq=False)
class Torsions:
    """Torsion angles in degrees of n chains of one length, NaN where undefined.

    Attributes
    ----------
    phi, psi, omega
        Shape ``(n, length)``; ω is that of the bond before the residue. ψ is taken from O, which lies
        opposite the next N, so that the last residue has it too.
    chi
        Shape ``(n, length, MOST_CHI)``.
    """

    phi: FloatArray
    psi: FloatArray
    omega: FloatArray
    chi: FloatArray


def measure_torsions(grid: ResidueGrid) -> Torsions:
    """Measure the torsion angles of chains."""
    n, ca, c, o = (grid.xyz_cart[:, :, slot] for slot in (N, CA, C, O))
    phi, omega = np.full((2, *grid.residue.shape), np.nan)
    phi[:, 1:] = torsion_deg(c[:, :-1], n[:, 1:], ca[:, 1:], c[:, 1:])
    omega[:, 1:] = torsion_deg(ca[:, :-1], c[:, :-1], n[:, 1:], ca[:, 1:])
    psi = wrap_deg(torsion_deg(n, ca, c, o) + 180.0)
    return Torsions(phi, psi, omega, _measure_chi(grid))


def _measure_chi(grid: ResidueGrid) -> FloatArray:
    chi = np.full((*grid.residue.shape, MOST_CHI), np.nan)
    for residue in range(len(RESIDUES)):
        rows = grid.residue == residue
        xyz = grid.xyz_cart[rows]
        for number in range(1, int(CHI_COUNT[residue]) + 1):
            slot = chi_atom(residue, number)
            a, b, c = REFERENCES[residue, slot]
            chi[rows, number - 1] = torsion_deg(xyz[:, a], xyz[:, b], xyz[:, c], xyz[:, slot])
    return chi


def wrap_deg(angle: FloatArray) -> FloatArray:
    """Bring angles in degrees into [−180, 180)."""
    return np.asarray((angle + 180.0) % 360.0 - 180.0)
