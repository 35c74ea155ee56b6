"""Molecules of a stream: a fragment as it lies in the set, or a run of its residues, also as alanines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rephase.data.crystals.placement import Placement
from rephase.data.stream.stream_config import SubwindowRules

_ALANINE = ("N", "CA", "C", "O", "CB")


@dataclass(frozen=True, eq=False)
class Molecule:
    """A fragment as it lies in the set.

    Attributes
    ----------
    xyz_cart, atom_name, residue
        Å ``(n, 3)``; names such as CA, and residue numbers from 0, ``(n,)``.
    placement
        Its stored crystal, if wanted.
    d_min
        The resolution limit stored with it in Å; NaN where there is none.
    """

    xyz_cart: NDArray[np.float64]
    atom_name: NDArray[np.str_]
    residue: NDArray[np.int16]
    placement: Placement | None
    d_min: float = float("nan")

    @property
    def elements(self) -> NDArray[np.str_]:
        """Element symbols, shape ``(n,)``: the first letters of the names of protein atoms."""
        return self.atom_name.astype("U1")


def draw_subwindow(molecule: Molecule, rules: SubwindowRules, rng: np.random.Generator) -> Molecule | None:
    """Cut a run of residues out of a fragment, every possible one equally likely at the length drawn.

    Parameters
    ----------
    molecule
        The fragment; a crystal stored with it is dropped.
    rules
        Lengths, and whether residues become alanines.
    rng
        Source of length and place.

    Returns
    -------
    The run, its residues numbered from 0; None where the fragment is too short, or every run of that length
    has a glycine that would have to become an alanine.
    """
    shortest, longest = rules.length
    length = int(rng.integers(shortest, longest + 1))
    count = int(molecule.residue.max()) + 1
    usable = np.ones(count, dtype=bool)
    if rules.alanine:
        usable = np.isin(np.arange(count), molecule.residue[molecule.atom_name == "CB"])
    starts = [start for start in range(count - length + 1) if usable[start : start + length].all()]
    if not starts:
        return None
    start = int(rng.choice(starts))
    kept = (molecule.residue >= start) & (molecule.residue < start + length)
    if rules.alanine:
        kept &= np.isin(molecule.atom_name, _ALANINE)
    return Molecule(
        xyz_cart=molecule.xyz_cart[kept],
        atom_name=molecule.atom_name[kept],
        residue=molecule.residue[kept] - np.int16(start),
        placement=None,
        d_min=molecule.d_min,
    )
