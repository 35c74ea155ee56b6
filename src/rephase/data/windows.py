"""Windows of a fixed number of residues, cut from cleaned chains."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from rephase.data.build_config import WindowRules
from rephase.data.cleaning import CleanResidue, atom_names
from rephase.data.residue_topology import CB, C, N

_LONGEST_LINK = 2.0  # Å between C and the next N; 1.33 in a peptide bond, over 2.4 across any gap
_OVERLAP = 1.0  # Å; no two atoms come closer, bonded or not


def cut_windows(residues: list[CleanResidue], rules: WindowRules) -> tuple[list[int], Counter[str]]:
    """Find the windows of a chain that break no rule.

    Windows begin at the modelled residues 1, 1 + step, 1 + 2·step … as in the ids of RecCrysFormer.

    Returns
    -------
    Index of the first residue of each good window, and how many of the others broke which rule first.
    """
    linked = _links(residues)
    good: list[int] = []
    rejected: Counter[str] = Counter()
    for first in range(0, len(residues) - rules.length + 1, rules.step):
        window = residues[first : first + rules.length]
        reason = _rejection(window, linked[first : first + rules.length - 1], rules)
        if reason:
            rejected[reason] += 1
        else:
            good.append(first)
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


def _rejection(window: list[CleanResidue], linked: NDArray[np.bool_], rules: WindowRules) -> str:
    flaw = next((residue.flaw for residue in window if residue.flaw), "")
    if flaw:
        return flaw
    if not linked.all():
        return "chain break"
    if rules.alanine and any(residue.letter == "G" for residue in window):
        return "glycine"
    return "clash" if _clashes(window, rules) else ""


def _links(residues: list[CleanResidue]) -> NDArray[np.bool_]:
    """Tell which residues are bonded to the next, shape ``(n - 1,)``; false beside a flaw."""
    nowhere = np.full(3, np.nan)
    ends = np.array([nowhere if r.flaw else r.xyz_cart[C] for r in residues[:-1]]).reshape(-1, 3)
    starts = np.array([nowhere if r.flaw else r.xyz_cart[N] for r in residues[1:]]).reshape(-1, 3)
    return np.asarray(np.linalg.norm(starts - ends, axis=1) < _LONGEST_LINK)


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
