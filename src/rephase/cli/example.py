"""`rephase example`: make a crystal to try the program on."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rephase.errors import UserError

if TYPE_CHECKING:
    from rephase.data.peptides.example_crystal import Example

SEQUENCE = "MKDVEWLNSAGPTRY"
LOOSE = 0.85
D_MIN_RANGE = (0.5, 8.0)  # Å: from the best crystals of peptides to a handful of reflections


def example(
    sequence: str = SEQUENCE,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    spacegroup: str = "P1",
    d_min: float = 1.5,
    solvent: float = LOOSE,
    signal: float = 2.5,
    seed: int = 0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a crystal of a peptide, with measured amplitudes and the truth beside them.

    The peptide has standard geometry; it is packed so that no contact is shorter than 3.45 Å, and its
    amplitudes get errors as in a measurement. Writes example.mtz and example.fasta, which `rephase solve`
    takes, and truth/truth.pdb and truth/truth.mtz (FC, PHIC), which it must not see. The default crystal,
    with 85 % solvent, is an easy one; less solvent makes it harder.

    For example:

    - `rephase example -o example`
    - `rephase example GNNQQNYWLKTE -o harder --spacegroup P21 --solvent 0 --d-min 1.8`

    Parameters
    ----------
    sequence
        One-letter codes of the 20 amino acids.
    output
        New directory for the files.
    spacegroup
        Any group of chiral molecules: P1, P21, C2, P212121 …
    d_min
        High-resolution limit, Å.
    solvent
        Least solvent content, 0 to 0.99; 0 packs the molecules as closely as the search can.
    signal
        Mean I/σ(I) at the high-resolution limit.
    seed
        Of every random number: the same seed gives the same crystal.
    force
        Replace the files of an example in an existing directory.
    """
    if not D_MIN_RANGE[0] <= d_min <= D_MIN_RANGE[1]:
        raise UserError(
            f"--d-min: {D_MIN_RANGE[0]:g} to {D_MIN_RANGE[1]:g} Å", f"{d_min:g}", "correct --d-min"
        )
    if not (math.isfinite(signal) and signal > 0):
        raise UserError("--signal: a number above zero", f"{signal:g}", "type for example --signal 2.5")
    if seed < 0:
        raise UserError("--seed: zero or more", str(seed), "type for example --seed 1")

    from rephase.data.peptides.example_crystal import make_example
    from rephase.io.example_files import check_new_directory

    check_new_directory(output, force)
    made = make_example(
        sequence.upper(),
        spacegroup=spacegroup,
        d_min=d_min,
        solvent=solvent,
        signal_at_edge=signal,
        seed=seed,
    )
    _write(output, made)
    print(_summary(output, made))


def _write(output: Path, made: "Example") -> None:
    from rephase.data.peptides.example_crystal import crystal_structure
    from rephase.io.example_files import write_fasta, write_measured_mtz, write_pdb, write_phased_mtz

    truth = output / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    write_measured_mtz(output / "example.mtz", made.reflections, made.free)
    write_fasta(output / "example.fasta", "example, one copy in the asymmetric unit", made.peptide.sequence)
    write_pdb(truth / "truth.pdb", crystal_structure(made.peptide, made.model))
    write_phased_mtz(
        truth / "truth.mtz", made.reflections.hkl, made.f_true, made.model.cell, made.model.spacegroup
    )


def _summary(output: Path, made: "Example") -> str:
    from rephase.data.crystals.contacts import closest_contact
    from rephase.data.crystals.crystal_model import solvent_fraction
    from rephase.data.peptides.example_crystal import crystal_structure, fraction_outside_molecules

    cell = made.model.cell
    outside = fraction_outside_molecules(crystal_structure(made.peptide, made.model))
    return "\n".join(
        [
            f"peptide      {made.peptide.sequence}, {len(made.model)} atoms",
            f"cell         {cell.a:.2f} {cell.b:.2f} {cell.c:.2f} Å  "
            f"{cell.alpha:g} {cell.beta:g} {cell.gamma:g}°, {made.model.spacegroup.xhm()}",
            f"solvent      {solvent_fraction(made.model):.0%} (1 − 1.23 / V_M), "
            f"{outside:.0%} outside the van der Waals surface",
            f"contacts     above {closest_contact(made.model, limit=50.0):.2f} Å",
            f"reflections  {len(made.reflections)} to {made.reflections.d_min:.2f} Å",
            f"written      {output / 'example.mtz'}, {output / 'example.fasta'}, {output / 'truth'}",
            "",
            f"next: rephase solve {output / 'example.mtz'} --sequence {output / 'example.fasta'} -o solved",
        ]
    )
