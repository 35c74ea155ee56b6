"""`rephase weights release`: the file of a released network."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rephase.errors import UserError


def release(
    weights: str,
    name: str,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path(),
    passes: int | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make the file of a released network from the weights of a run.

    The file NAME.safetensors holds the weights in half precision, and the name, by which results will call
    the network or density prior. Evaluate this file, not the one of the run, and write its card from the
    results.

    For example:

    - `rephase weights release run/weights.safetensors dipeptide -o networks --passes 4`
    - `rephase weights release peptide-prior/weights.safetensors peptide -o priors`

    Parameters
    ----------
    weights
        File of a run, or the name of a network or density prior.
    name
        Lower-case letters, digits and hyphens.
    output
        Folder of the new file.
    passes
        How often the network is to be given its own density; as the run left it if not given. Priors have
        no such number.
    force
        Replace a file of that name.
    """
    from rephase.models.release import release_network, release_prior
    from rephase.models.trained_prior import is_prior

    if is_prior(weights):
        if passes is not None:
            raise UserError("--passes with a network", f"{weights}, a density prior", "leave it out")
        path = release_prior(weights, name, output, force=force)
        following = f"rephase solve data.mtz --prior {path} -o solved"
    else:
        path = release_network(weights, name, output, passes=passes, force=force)
        following = f"rephase evaluate {path} SET -o evaluated"
    print(f"{path}, {path.stat().st_size / 2**20:.1f} MiB")
    print(f"\nnext: {following}")
