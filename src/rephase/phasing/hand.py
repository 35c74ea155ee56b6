"""Decide the hand of phases from the density alone.

Amplitudes fit a structure and its inverse equally well, so phasing ends with one of the two. Residues of
proteins are L: at atomic resolution their Cα centres are counted one by one, at lower resolution short
L-peptides are fitted to both maps. Where neither says enough the answer is None.
"""

import math
from dataclasses import dataclass
from typing import Literal

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from rephase.evaluate.origins import Hand
from rephase.phasing.hand_peaks import ChiralCentres, count_chiral_centres
from rephase.phasing.hand_templates import contrast_of_hands, phased_map
from rephase.physics.density import structure_factors_from_density

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]

LEAST_LOG_ODDS = math.log(49.0)
"""A hand is stated when it is right with 98 %."""

ATOMIC_D_MIN = 1.15
"""Å; beyond it few bonded atoms make separate peaks (1byz, and models with B = 20 Å²)."""

LOWEST_D_MIN = 2.6
"""Å; beyond it the templates were not calibrated."""

CENTRE_ODDS = 4.0
"""Odds that one Cα centre more on one side is due to the hand: low, for peptides with D residues are often
studied at atomic resolution. Three centres more decide."""

LEAST_AMIDES = 3
"""Peptide bonds, per molecule, that must be seen at atomic resolution before templates are tried: the hand of
another compound is none of their business."""

DECISIVE_CONTRAST = 1.5
"""Per cent: 3.5 times the deviation of maps of random phases, which have contrasts of 0 ± 0.42 and 1.26 at
most (80 validation crystals, 1.5 and 2.0 Å). Right maps with 30° of error have more (benchmarks/hand.py)."""


@dataclass(frozen=True)
class HandDecision:
    """What the density says about its hand.

    Attributes
    ----------
    hand
        "same" when the map as given shows L residues, "other" when its inverse does, None when nothing
        decides.
    evidence
        One sentence with the number behind it.
    score
        Logarithm of the odds for "same" against "other"; 0 without evidence.
    source
        "atoms" (Cα centres counted), "templates" (peptides fitted), "screw axes", "network", "prior", "given"
        (that of the starting phases) or "nothing".
    """

    hand: Hand | None
    evidence: str
    score: float
    source: Literal["atoms", "templates", "screw axes", "network", "prior", "given", "nothing"]


def decide_hand(
    hkl: IndexArray,
    f: FloatArray,
    phi: FloatArray,
    cell: gemmi.UnitCell,
    d_min: float | None = None,
    *,
    seed: int = 0,
    copies: int = 1,
) -> HandDecision:
    """Decide the hand of phased reflections of one hemisphere in P1.

    Parameters
    ----------
    hkl
        Miller indices of one of each Friedel pair, shape ``(n, 3)``.
    f, phi
        Amplitudes, any scale, and phases in radians, shape ``(n,)``.
    cell
        Cell of the P1 description.
    d_min
        High-resolution limit in Å; reflections beyond are left out. That of the list if None.
    seed
        Of the orientation of the set of rotations searched.
    copies
        Number of symmetry operators of the crystal: copies of a residue are no independent witnesses.
    """
    d = np.asarray(cell.calculate_d_array(hkl), dtype=np.float64)
    limit = float(d.min()) if d_min is None else d_min
    kept = d >= limit * (1 - 1e-6)
    hkl, F = hkl[kept], f[kept] * np.exp(1j * phi[kept])
    if limit > LOWEST_D_MIN:
        return nothing_decides(
            f"data to {limit:.2f} Å do not show the hand; {LOWEST_D_MIN} Å or better would"
        )
    if limit <= ATOMIC_D_MIN:
        centres = count_chiral_centres(hkl, F, cell, limit)
        verdict = verdict_of_centres(centres, copies)
        few = centres.left + centres.right < LEAST_AMIDES * copies
        if verdict.hand is not None or not few or centres.amides < LEAST_AMIDES * copies:
            return verdict
    with torch.inference_mode(False):  # the refinement of the fits needs gradients, whoever calls
        contrast = contrast_of_hands(phased_map(hkl, F, cell, limit), seed, copies)
    return verdict_of_contrast(contrast)


def decide_hand_of_map(
    rho: FloatArray, cell: gemmi.UnitCell, d_min: float, *, seed: int = 0, copies: int = 1
) -> HandDecision:
    """Decide the hand of a map of one P1 cell, shape ``(nu, nv, nw)``; parameters as in `decide_hand`."""
    F = structure_factors_from_density(torch.from_numpy(np.ascontiguousarray(rho)), cell.volume).numpy()
    hkl = np.asarray(gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), d_min), dtype=np.int32)
    hkl = hkl * np.where(hkl[:, 2:] < 0, -1, 1)
    fits = np.all(2 * np.abs(hkl) < np.array(rho.shape), axis=1)
    hkl = hkl[fits]
    values = F[hkl[:, 0], hkl[:, 1], hkl[:, 2]]  # negative indices count from the end, as in the transform
    return decide_hand(hkl, np.abs(values), np.angle(values), cell, d_min, seed=seed, copies=copies)


def verdict_of_centres(centres: ChiralCentres, copies: int = 1) -> HandDecision:
    """Decide by counted Cα centres, each symmetry-independent one with odds of `CENTRE_ODDS`."""
    left, right = centres.left, centres.right
    if left + right == 0:
        return nothing_decides("no Cα centre was recognised among the atoms")
    score = (left - right) / copies * math.log(CENTRE_ODDS)
    hand = hand_of_score(score)
    found = f"{left} L and {right} D residues were recognised in the map"
    if hand is None:
        return HandDecision(None, f"{found}: too few, or too even, to decide the hand", score, "atoms")
    side = "the map shows L residues" if hand == "same" else "the inverse map shows L residues"
    return HandDecision(hand, f"{found}: {side}", score, "atoms")


def verdict_of_contrast(contrast: float) -> HandDecision:
    """Decide by the contrast, in per cent, of the fit of L-peptides to the map and its inverse."""
    score = contrast / DECISIVE_CONTRAST * LEAST_LOG_ODDS
    hand = hand_of_score(score)
    if hand is None:
        evidence = f"L-peptides fit the map and its inverse alike (difference {contrast:+.1f} %)"
        return HandDecision(None, evidence, score, "templates")
    better = "the map better than its inverse" if hand == "same" else "the inverse better than the map"
    return HandDecision(hand, f"L-peptides fit {better} (difference {contrast:+.1f} %)", score, "templates")


def nothing_decides(why: str) -> HandDecision:
    """No evidence, with the reason."""
    return HandDecision(None, why, 0.0, "nothing")


def hand_of_score(score: float) -> Hand | None:
    """Turn log-odds into a hand, if they are large enough."""
    if abs(score) < LEAST_LOG_ODDS:
        return None
    return "same" if score > 0 else "other"
