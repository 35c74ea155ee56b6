"""An example experiment: a peptide of a given sequence in a crystal, measured with errors."""

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.packing import pack
from rephase.data.crystals.structure_factors import SIGNAL_AT_EDGE, measured_amplitudes
from rephase.data.peptides.peptide import Peptide, build_peptide

DRAWS = 8  # crystals from which the tightest is taken: orientations and angles vary
VOXEL = 0.4  # Å, grid of the molecular surface
FREE_SETS = 20  # as CCP4's freerflag: 5 % of the reflections in each set


@dataclass(frozen=True, eq=False)
class Example:
    """An example experiment and its truth.

    Attributes
    ----------
    peptide
        The molecule as built; its coordinates are not those in the crystal.
    model
        The crystal.
    reflections
        Amplitudes as measured.
    f_true
        Structure factors without errors of the same reflections, shape ``(n,)``, complex128.
    free
        Free set of each reflection, 0 to 19, shape ``(n,)``; 0 is the test set.
    """

    peptide: Peptide
    model: CrystalModel
    reflections: Reflections
    f_true: NDArray[np.complex128]
    free: NDArray[np.int64]


def make_example(
    sequence: str,
    *,
    spacegroup: str = "P 1",
    d_min: float = 1.5,
    solvent: float = 0.0,
    signal_at_edge: float = SIGNAL_AT_EDGE,
    seed: int = 0,
) -> Example:
    """Build the peptide, pack it, and measure it.

    Parameters
    ----------
    sequence
        One-letter codes of the 20 amino acids.
    spacegroup
        Any group without mirrors and inversions.
    d_min
        High-resolution limit in Å.
    solvent
        Least solvent content; with 0 the molecules are as close as the packing search brings them.
    signal_at_edge
        ⟨I/σ(I)⟩ at the high-resolution limit.
    seed
        The same seed gives the same example.

    Raises
    ------
    UserError
        If the sequence, group or solvent content is impossible.
    """
    rng = np.random.default_rng(seed)
    peptide = build_peptide(sequence, rng)
    model = pack(peptide.xyz_cart, peptide.elements, rng, spacegroup, solvent=solvent, draws=DRAWS)
    reflections, f_true = measured_amplitudes(model, d_min, rng, signal_at_edge)
    free = rng.integers(FREE_SETS, size=len(reflections))
    return Example(peptide, model, reflections, f_true, free)


def crystal_structure(peptide: Peptide, model: CrystalModel) -> gemmi.Structure:
    """Return the peptide at its place in the crystal as a structure of one chain, A."""
    names = gemmi.expand_one_letter_sequence(peptide.sequence, gemmi.ResidueKind.AA)
    chain = gemmi.Chain("A")
    for number, name in enumerate(names):
        residue = gemmi.Residue()
        residue.name = name
        residue.seqid = gemmi.SeqId(number + 1, " ")
        for i in np.flatnonzero(peptide.residue == number).tolist():
            residue.add_atom(_atom(str(peptide.atom_names[i]), model, i))
        chain.add_residue(residue)
    structure = gemmi.Structure()
    structure.cell = model.cell
    structure.spacegroup_hm = model.spacegroup.xhm()
    structure.add_model(gemmi.Model(1))
    structure[0].add_chain(chain)
    structure.setup_entities()
    return structure


def fraction_outside_molecules(structure: gemmi.Structure) -> float:
    """Return the part of the cell outside the van der Waals surfaces, on a grid of 0.4 Å.

    Cavities count as solvent, so it is 0.05 to 0.10 above the solvent content after Matthews.
    """
    masker = gemmi.SolventMasker(gemmi.AtomicRadiiSet.VanDerWaals)
    masker.rprobe = masker.rshrink = 0.0
    grid = gemmi.FloatGrid()
    grid.setup_from(structure, VOXEL)
    masker.put_mask_on_float_grid(grid, structure[0])
    return float(np.asarray(grid.array).mean())


def _atom(name: str, model: CrystalModel, i: int) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name = name
    atom.element = gemmi.Element(str(model.elements[i]))
    atom.pos = gemmi.Position(*model.xyz_cart[i])
    atom.b_iso = float(model.b_iso[i])
    return atom
