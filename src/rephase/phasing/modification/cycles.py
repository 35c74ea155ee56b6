"""Density modification in cycles, every reflection estimated by runs that never see its amplitude."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rephase.phasing.merit import correlation
from rephase.phasing.modification.combination import combined_hl, phases_of_hl
from rephase.phasing.modification.estimates import Estimate, estimated_hl, free_estimate
from rephase.phasing.modification.sigma_a import SigmaA, chance_gain, normalise, resolution_shells
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
BoolArray = NDArray[np.bool_]

FOLDS = 8
"""Parts of the reflections left out in turn. Each costs a run, and its maps miss what it leaves out."""
_LEAST_CYCLES = 8  # poor phases gain little at first
_PATIENCE = 3  # cycles
_LEAST_STEP = 0.005  # relative growth of the free figure in a cycle that is worth another one
_LEAST_PER_FOLD = 5  # reflections


class ModifiedDensity(Protocol):
    """A way to modify a map, which may remember the cycles before."""

    def __call__(self, number: int, omitted: BoolArray, phi: FloatArray, fom: FloatArray) -> ComplexArray:
        """Estimate structure factors, arbitrary scale, in cycle `number` from 1; all arrays ``(n,)``.

        Amplitudes and phases of reflections that are `omitted` must not be used.
        """


@dataclass(frozen=True, eq=False)
class Cycle:
    """Figures of one cycle.

    Attributes
    ----------
    number
        From 1.
    free_correlation
        Of measured E and that of the modified density, each reflection left out of its own estimate.
    free_gain
        Log-likelihood per reflection gained by the modified density, see `SigmaA`.
    mean_fom
        Of the combined phases.
    phase_change_deg
        Mean difference to the starting phases, weighted with F and the starting figure of merit.
    """

    number: int
    free_correlation: float
    free_gain: float
    mean_fom: float
    phase_change_deg: float


@dataclass(frozen=True, eq=False)
class ModifiedPhases:
    """Combined phases of the best cycle.

    Attributes
    ----------
    phi, fom
        Radians and 0–1, shape ``(n,)``.
    hl
        Hendrickson–Lattman coefficients, shape ``(n, 4)``.
    cycles
        All that were done.
    kept
        The one whose phases these are; None for the starting phases.
    """

    phi: FloatArray
    fom: FloatArray
    hl: FloatArray
    cycles: tuple[Cycle, ...]
    kept: Cycle | None


def modify_phases(
    crystal: UniqueGrid,
    start_hl: FloatArray,
    density: ModifiedDensity,
    cycles: int,
    on_cycle: Callable[[Cycle], None] = lambda _: None,
) -> ModifiedPhases:
    """Modify and recombine until no cycle says more of the reflections left out.

    Every run leaves out the amplitudes and starting phases of one fold in all of its cycles, so that nothing
    it says of them has been put in: σA is estimated from them alone, and the final probability of each
    reflection is that of its start times that of the run which never saw it. Where the modified density
    says nothing, σA is zero and the start remains.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    start_hl
        Hendrickson–Lattman coefficients of the starting phases, shape ``(n, 4)``; zero where there is none.
    density
        How a map is modified.
    cycles
        At most so many.
    on_cycle
        Called with the figures of each.

    Notes
    -----
    Reflections left out in turn: Roberts & Brünger (1995), Acta Cryst. D51, 990–1002; Cowtan & Main (1996),
    Acta Cryst. D52, 43–48.
    """
    fold = choose_folds(len(crystal))
    shells = resolution_shells(crystal.inv_d2)
    start = phases_of_hl(start_hl, crystal.hkl, crystal.spacegroup)
    runs = [start] * (int(fold.max()) + 1)
    best = ModifiedPhases(*start, start_hl, (), None)
    to_beat = chance_gain(len(shells), cycles) / len(crystal)
    done: list[Cycle] = []
    for number in range(1, cycles + 1):
        modified = [density(number, fold == k, phi, fom) for k, (phi, fom) in enumerate(runs)]
        free = free_estimate(crystal, modified, fold, shells)
        modified_hl = estimated_hl(crystal, free.F, free.e, free.sigma_a)
        hl = combined_hl(start_hl, modified_hl, crystal.hkl, crystal.spacegroup)
        phi, fom = phases_of_hl(hl, crystal.hkl, crystal.spacegroup)
        done.append(_figures(crystal, number, free, phi, fom, start))
        on_cycle(done[-1])
        if free.sigma_a.gain > to_beat:
            best, to_beat = ModifiedPhases(phi, fom, hl, (), done[-1]), free.sigma_a.gain
        if _at_rest(done):
            break
        runs = [_recombine(crystal, start_hl, F, free.sigma_a) for F in modified]
    return replace(best, cycles=tuple(done))


def best_of(ways: Sequence[ModifiedPhases]) -> ModifiedPhases:
    """Return the one that gains most on reflections it has not seen, the first one where none gains."""
    gains = [-np.inf if way.kept is None else way.kept.free_gain for way in ways]
    return ways[int(np.argmax(gains))]


def choose_folds(count: int, folds: int = FOLDS) -> NDArray[np.intp]:
    """Divide reflections at random into folds of equal size, fewer where there are few; shape ``(n,)``."""
    folds = int(np.clip(count // _LEAST_PER_FOLD, 2, folds))
    return np.random.default_rng(0).permutation(np.arange(count) % folds)


def _recombine(
    crystal: UniqueGrid, start_hl: FloatArray, F: ComplexArray, sigma_a: SigmaA
) -> tuple[FloatArray, FloatArray]:
    """Phases and figures of merit for the next cycle of one run."""
    e = normalise(np.abs(F), crystal.inv_d2, crystal.epsilon, sigma_a.shells)
    modified_hl = estimated_hl(crystal, F, e, sigma_a)
    hl = combined_hl(start_hl, modified_hl, crystal.hkl, crystal.spacegroup)
    return phases_of_hl(hl, crystal.hkl, crystal.spacegroup)


def _at_rest(done: Sequence[Cycle]) -> bool:
    """Tell whether the last cycles have brought next to nothing."""
    if len(done) <= max(_PATIENCE, _LEAST_CYCLES - 1):
        return False
    before = max(cycle.free_gain for cycle in done[:-_PATIENCE])
    return max(cycle.free_gain for cycle in done[-_PATIENCE:]) < before * (1.0 + _PATIENCE * _LEAST_STEP)


def _figures(
    crystal: UniqueGrid,
    number: int,
    free: Estimate,
    phi: FloatArray,
    fom: FloatArray,
    start: tuple[FloatArray, FloatArray],
) -> Cycle:
    return Cycle(
        number=number,
        free_correlation=float(correlation(free.e[None], crystal.e)[0]),
        free_gain=free.sigma_a.gain,
        mean_fom=float(fom.mean()),
        phase_change_deg=phase_change(phi, start[0], crystal.amplitude * start[1]),
    )


def phase_change(phi: FloatArray, before: FloatArray, weight: FloatArray) -> float:
    """Weighted mean |Δφ| in degrees, 0 without any weight; all of shape ``(n,)``, phases in radians."""
    change = np.degrees(np.abs(np.angle(np.exp(1j * (phi - before)))))
    return float(np.average(change, weights=weight)) if weight.any() else 0.0
