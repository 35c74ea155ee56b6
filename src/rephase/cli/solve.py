"""`rephase solve`."""

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rephase.errors import UserError


def solve(
    data: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    sequence: Path | None = None,
    observations: str | None = None,
    d_min: float | None = None,
    in_p1: Annotated[bool, Parameter(negative="")] = False,
    weights: str | None = None,
    prior: str | None = None,
    start_phases: str | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 1,
    time_limit: float = 600.0,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Phase measured amplitudes or intensities.

    Writes a new directory with phased.mtz (your columns, unchanged, plus phases and map coefficients),
    map.ccp4, report.html, results.json, solve.log and scripts that open the map in Coot, ChimeraX or PyMOL.
    The verdict (solved, doubtful or not solved) is the first line of the report and the last of the log.

    For example:

    - `rephase solve data.mtz -o solved`
    - `rephase solve data-sf.cif.gz --sequence seq.fasta --d-min 1.2 -o solved`
    - `rephase solve data.mtz --observations FP,SIGFP --time-limit 1800 -o solved`
    - `rephase solve data.mtz --start-phases partial.mtz:PHIC,FOM -o solved`
    - `rephase solve peptide.mtz --d-min 1.5 --weights run/weights.safetensors -o solved`

    Parameters
    ----------
    data
        Reflection file, MTZ or -sf.cif, also gzipped. Columns are found by their type.
    output
        New directory for the results.
    sequence
        FASTA file of the contents of the asymmetric unit.
    observations
        Columns to use, as F,SIGF or I,SIGI, where the file holds several.
    d_min
        Leave out reflections beyond this resolution, Å.
    in_p1
        Forget the space group: expand the data and phase them in P1.
    weights
        Network that predicts where the search starts: the name of a released one, a file that rephase train
        wrote, or none. Left out, a released network is asked if it was trained on such crystals.
    prior
        Density prior, a network that knows what protein looks like locally and takes part in the search: the
        name of a released one, a file, or none. Left out, the one that comes with the program is used where
        it was trained on such a resolution.
    start_phases
        Phases of this crystal to start from, FILE or FILE:PHI,FOM or FILE:PHI. Figures of merit say how far
        they are to be believed.
    seed
        Of every random number: the same seed gives the same answer.
    device
        Where to compute; auto takes CUDA when there is some.
    threads
        CPU threads of a Fourier transform; more than one helps only large cells on an idle machine.
    time_limit
        Seconds after which no new start is made.
    force
        Replace the results in an existing output directory.
    """
    _check_positive("--d-min", d_min)
    _check_positive("--time-limit", time_limit)
    _check_positive("--threads", threads)
    if seed < 0:
        raise UserError(wanted="--seed: zero or more", found=str(seed), do="type for example --seed 1")

    import torch

    from rephase.solve import solve as solve_data

    torch.set_num_threads(threads)
    solve_data(
        data,
        output,
        sequence=sequence,
        observations=observations,
        d_min=d_min,
        in_p1=in_p1,
        weights=weights,
        prior=prior,
        start_phases=start_phases,
        seed=seed,
        device=device,
        time_limit=time_limit,
        force=force,
    )


def _check_positive(option: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UserError(
            wanted=f"{option}: a number above zero",
            found=f"{value:g}",
            do=f"correct {option}, or leave it out for the default",
        )
