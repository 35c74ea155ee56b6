"""What is told of a map of a crystal whose truth is known: as it stands, at its best origin, and its hand."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rephase.crystal.shells import Shells
from rephase.evaluate.alignment import TIE
from rephase.evaluate.map_agreement import MapAgreement, TrueMaps, agreement, mean_phase_errors
from rephase.evaluate.map_figures import SOLVED_MAP_CORRELATION
from rephase.evaluate.map_origins import fit_origins, moved


@dataclass(frozen=True, eq=False)
class JudgedMaps:
    """Figures of a batch of maps, each of shape ``(batch,)`` unless stated.

    Attributes
    ----------
    pearson, box, phase_error, shell_errors
        The main figures, see `MapAgreement`; `shell_errors` has shape ``(batch, shells)``.
    aligned_pearson, aligned_phase_error
        At the origin that suits the map best, in its own hand.
    either_pearson, either_phase_error
        At the best origin of that hand which agrees better.
    right_hand
        Whether its own hand does, bool.
    solved
        Whether it does, with a correlation of at least 0.80, bool.
    """

    pearson: Tensor
    box: Tensor
    phase_error: Tensor
    shell_errors: Tensor
    aligned_pearson: Tensor
    aligned_phase_error: Tensor
    either_pearson: Tensor
    either_phase_error: Tensor
    right_hand: Tensor
    solved: Tensor


def judge_in_place(F: Tensor, truth: TrueMaps, shells: Shells) -> JudgedMaps:
    """Judge maps that claim to know origin and hand; the main figures are those without any alignment.

    Parameters
    ----------
    F
        Structure factors of the maps on any scale, complex128, shape ``(batch, nu, nv, nw//2 + 1)``.
    truth
        The true maps.
    shells
        For the phase errors.
    """
    same, other = _in_both_hands(F, truth)
    return _judged(agreement(F, truth, shells), same, other, truth, shells)


def judge_at_best_origin(F: Tensor, truth: TrueMaps, shells: Shells) -> JudgedMaps:
    """Judge maps at any origin; the main figures are those at the best one, in the hand of the map.

    The parameters are those of `judge_in_place`.
    """
    same, other = _in_both_hands(F, truth)
    return _judged(agreement(same.F, truth, shells), same, other, truth, shells)


@dataclass(frozen=True, eq=False)
class _Moved:
    """Maps at their best origins, and their correlations there."""

    F: Tensor
    score: Tensor


def _in_both_hands(F: Tensor, truth: TrueMaps) -> tuple[_Moved, _Moved]:
    return _at_best_origin(F, truth), _at_best_origin(F.conj(), truth)


def _at_best_origin(F: Tensor, truth: TrueMaps) -> _Moved:
    fit = fit_origins(truth.F, F, truth.shape)
    return _Moved(moved(F, fit.shift, truth.shape), fit.score)


def _judged(main: MapAgreement, same: _Moved, other: _Moved, truth: TrueMaps, shells: Shells) -> JudgedMaps:
    right = same.score >= other.score - TIE
    errors = [mean_phase_errors(one.F, truth, shells)[0] for one in (same, other)]
    return JudgedMaps(
        pearson=main.pearson,
        box=main.box,
        phase_error=main.phase_error,
        shell_errors=main.shell_errors,
        aligned_pearson=same.score,
        aligned_phase_error=errors[0],
        either_pearson=torch.where(right, same.score, other.score),
        either_phase_error=torch.where(right, errors[0], errors[1]),
        right_hand=right,
        solved=right & (same.score >= SOLVED_MAP_CORRELATION),
    )
