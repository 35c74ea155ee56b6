"""`rephase weights release`: the file of a released network."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


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
    the network. Evaluate this file, not the one of the run, and write its card from the results.

    For example:

    - `rephase weights release run/weights.safetensors dipeptide -o networks --passes 4`

    Parameters
    ----------
    weights
        File of a run, or the name of a network.
    name
        Lower-case letters, digits and hyphens.
    output
        Folder of the new file.
    passes
        How often the network is to be given its own density; as the run left it if not given.
    force
        Replace a file of that name.
    """
    from rephase.models.release import release_network

    path = release_network(weights, name, output, passes=passes, force=force)
    print(f"{path}, {path.stat().st_size / 2**20:.1f} MiB")
    print(f"\nnext: rephase evaluate {path} SET -o evaluated")
