"""`rephase modify`."""

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rephase.errors import UserError


def modify(
    data: str,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    sequence: Path | None = None,
    observations: str | None = None,
    d_min: float | None = None,
    cycles: int = 60,
    solvent: float | None = None,
    prior: str | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 1,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Improve given phases by density modification.

    Flattens solvent and matches the histogram of protein density, then lets the density prior improve the
    starting phases pass after pass, and keeps what tells most of the amplitudes that it has not seen: nothing
    is taken on trust. Where no way tells more of them than chance, the starting phases are kept.

    Writes a new directory with phased.mtz (your columns, unchanged, plus phases and map coefficients),
    map.ccp4, report.html, results.json, modify.log and scripts that open the map in Coot, ChimeraX or PyMOL.

    For example:

    - `rephase modify phases.mtz --sequence seq.fasta -o modified`
    - `rephase modify phases.mtz:FP,PHIB,FOM --solvent 0.55 -o modified`
    - `rephase modify phases.mtz:FP,HLA,HLB,HLC,HLD --prior none -o modified`

    Parameters
    ----------
    data
        Reflection file, MTZ or -sf.cif, with measured data and starting phases; columns are found by their
        type, or named after a colon: a measured value, then a phase and its figure of merit, or four
        Hendrickson-Lattman coefficients.
    output
        New directory for the results.
    sequence
        FASTA file of the contents of the asymmetric unit; gives the solvent content.
    observations
        Measured columns, as F,SIGF or I,SIGI, where the file holds several and none is named after a colon.
    d_min
        Leave out reflections beyond this resolution, Å.
    cycles
        At most so many, of the prior as many passes; fewer are done where they bring no more.
    solvent
        Fraction of the cell that is solvent, 0 to 1, in place of that from the sequence.
    prior
        Density prior: the name of a released one, a file, or none. Left out, the one that comes with the
        program is used.
    device
        Where to compute; auto takes CUDA when there is some.
    threads
        CPU threads of a Fourier transform and of the prior.
    force
        Replace the results in an existing output directory.
    """
    _check_at_least_one("--cycles", cycles)
    _check_at_least_one("--threads", threads)
    if d_min is not None and not (math.isfinite(d_min) and d_min > 0.0):
        raise UserError("--d-min: a resolution in Å above zero", f"{d_min:g}", "correct it, or leave it out")
    if solvent is not None and not 0.0 < solvent < 1.0:
        raise UserError(
            "--solvent: a fraction between 0 and 1", f"{solvent:g}", "type for example --solvent 0.5"
        )

    import torch

    from rephase.modify import modify as modify_phases

    torch.set_num_threads(threads)
    modify_phases(
        data,
        output,
        sequence=sequence,
        observations=observations,
        d_min=d_min,
        cycles=cycles,
        solvent=solvent,
        prior=prior,
        device=device,
        force=force,
    )


def _check_at_least_one(option: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{option}: one or more", str(value), f"correct {option}, or leave it out")
