"""How good starting phases are, where their file does not say."""

import numpy as np
from numpy.typing import NDArray

from rephase.io.phased import hendrickson_lattman
from rephase.phasing.modification.cycles import ModifiedDensity, modify_phases
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]

_TRIED = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)


def estimate_fom(
    crystal: UniqueGrid, phi: FloatArray, known: NDArray[np.bool_], density: ModifiedDensity
) -> float:
    """Find the figure of merit, one for all, with which the start tells most of the amplitudes left out.

    One cycle is done with each of several values; the density it gives is most like the truth where noise of
    the right size was assumed.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    phi
        Starting phases in radians, shape ``(n,)``.
    known
        Where there is one, shape ``(n,)``.
    density
        How a map is modified.

    Returns
    -------
    Between 0 and 1.
    """
    gains = []
    for fom in _TRIED:
        hl = hendrickson_lattman(phi, np.where(known, fom, 0.0), crystal.centric)
        gains.append(modify_phases(crystal, hl, density, cycles=1).cycles[0].free_gain)
    return float(_TRIED[int(np.argmax(gains))])
