"""Windows of a fixed number of residues, cut from cleaned chains."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from rephase.data.peptides.residue_topology import CB, C, N
from rephase.data.structures.build_config import WindowRules
from rephase.data.structures.cleaning import CleanResidue, atom_names

_LONGEST_LINK = 2.0  # Å between C and the next N; 1.33 in a peptide bond, over 2.4 across any gap
_OVERLAP = 1.0  # Å; no two atoms come closer, bonded or not


@dataclass(frozen=True, eq=False)
class Window:
    """Residues that follow one another.

    Attributes
    ----------
    start
        Place of the first in its chain, from 1; only modelled amino acids of the twenty kinds (and
        selenomethionine) count.
    residues
        As many as the rules say.
    """

    start: int
    residues: list[CleanResidue]


def cut_windows(chain: list[CleanResidue], rules: WindowRules) -> tuple[list[Window], Counter[str]]:
    """Find the windows of a chain that break no rule.

    Windows begin at the residues 1, 1 + step, 1 + 2·step … as in the ids of RecCrysFormer.

    Returns
    -------
    The good windows, and how many of the others broke which rule first.
    """
    places = [place for place, residue in enumerate(chain) if residue.letter != "X"]
    residues = [chain[place] for place in places]
    gaps = _gaps(residues, np.diff(places) > 1)
    good: list[Window] = []
    rejected: Counter[str] = Counter()
    for first in range(0, len(residues) - rules.length + 1, rules.step):
        window = residues[first : first + rules.length]
        reason = _rejection(window, gaps[first : first + rules.length - 1], rules)
        if reason:
            rejected[reason] += 1
        else:
            good.append(Window(first + 1, window))
    return good, rejected


def window_atoms(
    residues: list[CleanResidue], alanine: bool
) -> tuple[str, NDArray[np.float64], NDArray[np.str_], NDArray[np.int16]]:
    """Return sequence, coordinates in Å, atom names and residue numbers of a good window."""
    kept = [CleanResidue("A", r.xyz_cart[: CB + 1], "") for r in residues] if alanine else residues
    return (
        "".join(residue.letter for residue in kept),
        np.concatenate([residue.xyz_cart for residue in kept]),
        np.concatenate([atom_names(residue.letter) for residue in kept]),
        np.repeat(np.arange(len(kept), dtype=np.int16), [len(residue.xyz_cart) for residue in kept]),
    )


def _rejection(window: list[CleanResidue], gaps: list[str], rules: WindowRules) -> str:
    flaw = next((residue.flaw for residue in window if residue.flaw), "") or next(filter(None, gaps), "")
    if flaw:
        return flaw
    if rules.alanine and any(residue.letter == "G" for residue in window):
        return "glycine"
    return "clash" if _clashes(window, rules) else ""


def _gaps(residues: list[CleanResidue], left_out: NDArray[np.bool_]) -> list[str]:
    """Say what parts each residue from the next, "" where they are bonded or one of them has a flaw."""
    gaps = []
    for (residue, following), between in zip(pairwise(residues), left_out.tolist(), strict=True):
        if between:
            gaps.append("non-standard residue")
        elif residue.flaw or following.flaw:
            gaps.append("")
        else:
            link = float(np.linalg.norm(following.xyz_cart[N] - residue.xyz_cart[C]))
            gaps.append("chain break" if link > _LONGEST_LINK else "")
    return gaps


def _clashes(window: list[CleanResidue], rules: WindowRules) -> bool:
    """Tell whether atoms overlap, or residues that are not neighbours come too close."""
    _, xyz_cart, names, residue = window_atoms(window, rules.alanine)
    distance = pdist(xyz_cart)
    if distance.min(initial=np.inf) < _OVERLAP:
        return True
    first, second = np.triu_indices(len(names), 1)
    close = np.flatnonzero(distance < rules.shortest_contact)
    apart = residue[second[close]] - residue[first[close]] > 1
    disulfide = (names[first[close]] == "SG") & (names[second[close]] == "SG")
    return bool(np.any(apart & ~disulfide))
