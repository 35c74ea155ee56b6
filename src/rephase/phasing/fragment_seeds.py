"""Starting phases from a piece of standard backbone, turned until its amplitudes fit the data.

In P1 the origin is free: a fragment needs a rotation but no translation, and a tenth of the scattering placed
within a few degrees already gives phases that iterative projection completes. The search compares |E|² with
that of the turned fragment over the low-resolution reflections; a molecular-replacement rotation function in
reciprocal space (the idea of ARCIMBOLDO: Rodríguez et al., 2009, there with Phaser).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from rephase.crystal.shells import equal_count_shells
from rephase.data.peptides.backbone import HELIX, STRAND
from rephase.data.peptides.peptide import chain_from_torsions
from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.search import Problem

FloatArray = NDArray[np.float64]

SEARCH_D = (8.0, 2.0)  # Å; lower terms see the solvent, higher ones how real backbones differ
ROTATIONS = 12_000  # random, about 9° to the nearest: half of 2.0 Å at the end of a ten-residue helix
_CANDIDATES = 60
_REFINEMENT = (6.0, 4.0, 2.5, 1.5)  # degrees of the random turns of each cycle
_TRIALS = 24
_SAME_TURN = 2.9  # trace of the relative rotation above which two are one: 18°
_STRONGEST = 9.0  # E² above this counts as this
_SHELLS = 12
_BATCH = 64
_ELECTRONS = {"C": 6.0, "N": 7.0, "O": 8.0}


@dataclass(frozen=True, eq=False)
class BackbonePiece:
    """Polyalanine of standard geometry about its centre.

    Attributes
    ----------
    xyz
        Å, shape ``(n, 3)``.
    electrons
        Shape ``(n,)``.
    """

    xyz: FloatArray
    electrons: FloatArray


@cache
def helix(residues: int) -> BackbonePiece:
    """Build a right-handed α-helix."""
    return _piece(residues, HELIX)


@cache
def strand(residues: int) -> BackbonePiece:
    """Build an extended strand."""
    return _piece(residues, STRAND)


def fragment_starts(
    problem: Problem, grid: AmplitudeGrid, starts: int, generator: torch.Generator, *, piece: BackbonePiece
) -> Tensor:
    """Make maps of the known amplitudes with the phases of the best orientations of a piece.

    Parameters
    ----------
    problem
        Amplitudes and E values; omitted reflections are not looked at.
    grid
        Working amplitudes.
    starts
        Maps wanted.
    generator
        Draws the rotations.
    piece
        What to turn.

    Returns
    -------
    Shape ``(starts, nu, nv, nw)``. Where fewer distinct orientations are found, the best ones come again.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    turns = best_rotations(problem, piece, starts, seed)
    turns = turns[np.arange(starts) % len(turns)]
    F = _transform(piece, turns, problem, np.arange(len(problem.full))).numpy()
    relative = np.abs(F) / np.abs(F).mean(axis=1, keepdims=True)
    values = problem.full * np.exp(1j * np.angle(F)) * np.minimum(1.0, relative)
    values[:, problem.omitted] = 0.0
    return grid.density(grid.from_reflections(values))


def best_rotations(problem: Problem, piece: BackbonePiece, wanted: int, seed: int) -> FloatArray:
    """Find distinct orientations in which the amplitudes of a piece fit best, shape ``(≤ wanted, 3, 3)``."""
    cell, hkl = problem.grid.cell, problem.grid.expansion.hkl
    d = 1.0 / np.sqrt(np.asarray(cell.calculate_1_d2_array(hkl)))
    rows = np.flatnonzero((d <= SEARCH_D[0]) & (d >= SEARCH_D[1]) & ~problem.omitted)
    fit = _AmplitudeFit(problem, piece, rows)
    rng = np.random.default_rng(seed)
    turns = Rotation.random(ROTATIONS, rng=rng).as_matrix()
    turns = turns[np.argsort(-fit(turns))[:_CANDIDATES]]
    score = fit(turns)
    for degrees in _REFINEMENT:
        small = Rotation.from_rotvec(np.radians(degrees) * 0.6 * rng.normal(size=(_TRIALS, 3))).as_matrix()
        trials = np.concatenate([turns[:, None], np.einsum("pij,rjk->rpik", small, turns)], axis=1)
        scores = fit(trials.reshape(-1, 3, 3)).reshape(len(turns), -1)
        best = scores.argmax(axis=1)
        turns, score = trials[np.arange(len(turns)), best], scores.max(axis=1)
    return _distinct(turns[np.argsort(-score)], wanted)


class _AmplitudeFit:
    """Correlation of observed E² with those of a turned piece, over some rows of the expansion."""

    def __init__(self, problem: Problem, piece: BackbonePiece, rows: NDArray[np.intp]) -> None:
        self.problem, self.piece, self.rows = problem, piece, rows
        observed = (problem.full * problem.to_e)[rows] ** 2
        self.observed = torch.from_numpy((np.minimum(observed, _STRONGEST)).astype(np.float32))
        self.observed -= self.observed.mean()
        inv_d2 = np.asarray(problem.grid.cell.calculate_1_d2_array(problem.grid.expansion.hkl[rows]))
        self.shell = torch.from_numpy(equal_count_shells(inv_d2, _SHELLS).assign(inv_d2))
        turns = Rotation.random(256, rng=np.random.default_rng(0)).as_matrix()
        some = _transform(piece, turns, problem, rows)
        mean = some.abs().square().mean(dim=0)
        total = torch.zeros(_SHELLS).index_add_(0, self.shell, mean)
        count = torch.bincount(self.shell, minlength=_SHELLS).clamp_min(1)
        self.weight = (count / total.clamp_min(1e-12))[self.shell]

    def __call__(self, turns: FloatArray) -> FloatArray:
        """Score rotations, shape ``(r, 3, 3)`` → ``(r,)``."""
        scores = []
        for start in range(0, len(turns), _BATCH):
            F = _transform(self.piece, turns[start : start + _BATCH], self.problem, self.rows)
            e2 = (F.abs().square() * self.weight).clamp(max=_STRONGEST)
            e2 = e2 - e2.mean(dim=1, keepdim=True)
            scores.append((e2 @ self.observed) / (e2.norm(dim=1) * self.observed.norm()).clamp_min(1e-12))
        return torch.cat(scores).numpy().astype(np.float64)


def _transform(piece: BackbonePiece, turns: FloatArray, problem: Problem, rows: NDArray[np.intp]) -> Tensor:
    """Σ Z exp(2πi h·x) of a turned piece at rows of the expansion, shape ``(r, rows)``, by separable sums."""
    hkl = problem.grid.expansion.hkl[rows].astype(np.int64)
    to_frac = np.array(problem.grid.cell.frac.mat.tolist())
    xyz = torch.from_numpy(np.einsum("rij,aj->rai", turns, piece.xyz) @ to_frac.T).float()
    limits = np.abs(hkl).max(axis=0)
    h, k, l = (  # noqa: E741
        torch.exp(2j * np.pi * xyz[..., axis, None] * torch.arange(-int(n), int(n) + 1))
        for axis, n in enumerate(limits)
    )
    h = h * torch.from_numpy(piece.electrons).float()[:, None]
    columns = (k[..., :, None] * l[..., None, :]).flatten(2)
    grid = (h.mT @ columns).reshape(len(turns), h.shape[-1], k.shape[-1], l.shape[-1])
    i, j, m = torch.from_numpy(hkl + limits).T
    return grid[:, i, j, m]


def _distinct(turns: FloatArray, wanted: int) -> FloatArray:
    kept: list[int] = []
    for i in range(len(turns)):
        if all(np.trace(turns[i] @ turns[j].T) < _SAME_TURN for j in kept):
            kept.append(i)
        if len(kept) == wanted:
            break
    return turns[kept]


def _piece(residues: int, phi_psi: tuple[float, float]) -> BackbonePiece:
    chain = chain_from_torsions("A" * residues, [phi_psi] * residues)
    xyz = np.asarray(chain.xyz_cart, dtype=np.float64)
    electrons = np.array([_ELECTRONS[element] for element in chain.elements.tolist()])
    return BackbonePiece(xyz - xyz.mean(axis=0), electrons)
