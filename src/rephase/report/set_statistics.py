"""What a set of fragments is made of, in numbers: composition, backbone, resolution, crystals."""

from collections import Counter
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.crystal_model import solvent_fraction
from rephase.data.crystals.placement import placed
from rephase.data.crystals.placements import Placements
from rephase.data.fragments import Fragments
from rephase.data.peptides.internal_coordinates import torsion_deg
from rephase.data.sets.fragment_set import FragmentSet

FloatArray = NDArray[np.float64]

EXPECTED_PERCENT = {
    **{"L": 9.65, "A": 8.25, "G": 7.07, "V": 6.86, "E": 6.72, "S": 6.64, "I": 5.91, "K": 5.80, "R": 5.53},
    **{"D": 5.46, "T": 5.35, "P": 4.74, "N": 4.06, "Q": 3.93, "F": 3.86, "Y": 2.92, "M": 2.41, "H": 2.27},
    **{"C": 1.38, "W": 1.10},
}
"""Percent of the residues of known proteins (UniProtKB/Swiss-Prot, statistics of release 2021_03)."""

SAMPLE = 20_000
"""Fragments whose coordinates are looked at; the order of a set is random, so the first ones do."""
SOLVENT_SAMPLE = 2_000
_BOND = 2.0  # Å: C and N of neighbours in a chain lie 1.33 Å apart, across a gap more than 2


@dataclass(frozen=True, eq=False)
class CrystalStatistics:
    """Stored crystals of a sample.

    Attributes
    ----------
    cell
        Å and degrees, shape ``(n, 6)``.
    spacegroups
        Number of crystals by symbol, the most frequent first.
    solvent
        1 − 1.23 / V_M, shape ``(m,)``.
    """

    cell: FloatArray
    spacegroups: dict[str, int]
    solvent: FloatArray


@dataclass(frozen=True, eq=False)
class SetStatistics:
    """Figures of a set; the backbone and the crystals are those of a random sample.

    Attributes
    ----------
    atoms
        Heavy atoms of each fragment, shape ``(n,)``.
    length
        Residues of each fragment, shape ``(n,)``.
    resolution
        Of the entry in Å, shape ``(n,)``; NaN where nothing was measured.
    residues
        Number of residues by one-letter code.
    phi_psi_deg
        Backbone angles, shape ``(m, 2)``.
    sampled
        Fragments in the sample.
    crystals
        None where the set stores none.
    """

    atoms: NDArray[np.int32]
    length: NDArray[np.int64]
    resolution: FloatArray
    residues: dict[str, int]
    phi_psi_deg: FloatArray
    sampled: int
    crystals: CrystalStatistics | None


def set_statistics(fragments: FragmentSet) -> SetStatistics:
    """Collect the figures of a set.

    Parameters
    ----------
    fragments
        An open set.

    Raises
    ------
    UserError
        When one of the first shards is damaged.
    """
    sequences = [str(sequence) for sequence in fragments.manifest["sequence"].to_pylist()]
    rows = np.arange(min(SAMPLE, len(fragments)))
    sample = fragments.read(rows)
    crystals = crystal_statistics(sample, fragments.placements(rows)) if fragments.has_crystals else None
    return SetStatistics(
        atoms=fragments.atoms,
        length=np.array([len(sequence) for sequence in sequences], np.int64),
        resolution=fragments.manifest["resolution"].to_numpy().astype(np.float64),
        residues=dict(Counter("".join(sequences))),
        phi_psi_deg=phi_psi(sample),
        sampled=len(sample),
        crystals=crystals,
    )


def crystal_statistics(sample: Fragments, placements: Placements) -> CrystalStatistics:
    """Collect the cells, space groups and solvent contents of stored crystals."""
    groups = Counter(symbol.decode("ascii") for symbol in placements.spacegroup.tolist())
    solvent, elements = [], sample.elements
    for i in range(min(SOLVENT_SAMPLE, len(sample))):
        atoms = sample.atoms_of(i)
        xyz = sample.xyz_cart[atoms].astype(np.float64)
        solvent.append(solvent_fraction(placed(placements[i], xyz, elements[atoms])))
    return CrystalStatistics(
        cell=placements.cell.astype(np.float64),
        spacegroups={gemmi.SpaceGroup(symbol).xhm(): count for symbol, count in groups.most_common()},
        solvent=np.array(solvent),
    )


def phi_psi(fragments: Fragments) -> FloatArray:
    """Return φ and ψ in degrees of every residue that has both neighbours in its chain, shape ``(m, 2)``."""
    owner, backbone = _backbone(fragments)
    n, ca, c = backbone[:, 0], backbone[:, 1], backbone[:, 2]
    bonded = (owner[1:] == owner[:-1]) & (np.linalg.norm(n[1:] - c[:-1], axis=1) < _BOND)
    inner = np.flatnonzero(bonded[:-1] & bonded[1:]) + 1
    phi = torsion_deg(c[inner - 1], n[inner], ca[inner], c[inner])
    psi = torsion_deg(n[inner], ca[inner], c[inner], n[inner + 1])
    return np.stack([phi, psi], axis=1)


def _backbone(fragments: Fragments) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the fragment of each residue, and its N, CA and C, shape ``(residues, 3, 3)``; NaN if absent."""
    begins = np.ones(len(fragments.residue), np.bool_)
    begins[1:] = np.diff(fragments.residue) != 0
    begins[fragments.offset[:-1]] = True
    residue = np.cumsum(begins) - 1
    fragment = np.repeat(np.arange(len(fragments)), np.diff(fragments.offset))
    backbone = np.full((int(begins.sum()), 3, 3), np.nan)
    for place, name in enumerate(("N", "CA", "C")):
        atoms = np.flatnonzero(fragments.atom_name == name)
        backbone[residue[atoms], place] = fragments.xyz_cart[atoms]
    return fragment[begins], backbone
