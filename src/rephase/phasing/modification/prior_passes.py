"""Given phases through the density prior, pass after pass, with free sets that say how far to believe it.

One series of passes has all reflections; its phases are the result. Beside it a few others each leave out
their own twentieth, amplitude and starting phase, from the first pass to the last: what they predict of it
is free of all that was put in. The more reflections a series lacks, the worse it fares (LOG.md), so the
free sets are small, and not every reflection is in one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rephase.crystal.shells import Shells
from rephase.io.phased import hendrickson_lattman
from rephase.phasing.merit import correlation
from rephase.phasing.modification.combination import calculated_hl, combined_hl, phases_of_hl
from rephase.phasing.modification.cycles import Cycle, ModifiedPhases, choose_folds, phase_change
from rephase.phasing.modification.prior_density import PriorDensity
from rephase.phasing.modification.sigma_a import (
    SigmaA,
    chance_gain,
    estimate_sigma_a,
    normalise,
    resolution_shells,
)
from rephase.phasing.modification.unique_grid import UniqueGrid

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

PARTS = 20
"""Of the reflections, of which each free series leaves out one."""

FREE_SERIES = 4
_SETTLED_DEG = 0.2  # weighted mean change in a pass
_STILL = 3  # passes with so little change after which there is nothing to wait for
_SCALES = (0.3, 1.6)
"""By what figures of merit of the prior are corrected at most."""


def pass_through_prior(
    crystal: UniqueGrid,
    start_hl: FloatArray,
    density: PriorDensity,
    passes: int,
    on_cycle: Callable[[Cycle], None] = lambda _: None,
) -> ModifiedPhases:
    """Let the prior improve phases until they stand still; keep the pass that tells most of the free sets.

    Poor phases may need dozens of passes before anything is gained. The starting phases are shown to the
    prior in every one of them, so they are part of its phases already and are not multiplied in again.

    Parameters
    ----------
    crystal
        Amplitudes and grid.
    start_hl
        Hendrickson–Lattman coefficients of the starting phases, shape ``(n, 4)``; zero where there is none.
    density
        The prior, at the start.
    passes
        At most so many.
    on_cycle
        Called with the figures of each.
    """
    part = choose_folds(len(crystal), PARTS)
    rows = np.flatnonzero(part < FREE_SERIES)
    sets = [part == number for number in range(int(part[rows].max()) + 1)]
    nothing = np.zeros(len(crystal), dtype=bool)
    shells = resolution_shells(crystal.inv_d2[rows])
    start = phases_of_hl(start_hl, crystal.hkl, crystal.spacegroup)
    best = ModifiedPhases(*start, start_hl, (), None)
    to_beat = chance_gain(len(shells), passes) / len(rows)
    done: list[Cycle] = []
    before, still = start[0], 0
    for number in range(1, passes + 1):
        F = density.next_pass(nothing)
        free = np.choose(part[rows], [density.next_pass(one)[rows] for one in sets])
        e, sigma_a = _compare(crystal, free, rows, shells)
        hl = _calibrated(crystal, F, density.figure_of_merit(F), start_hl, (free, e, sigma_a, rows))
        phi, fom = phases_of_hl(hl, crystal.hkl, crystal.spacegroup)
        done.append(
            Cycle(
                number=number,
                free_correlation=float(correlation(e[None], crystal.e[rows])[0]),
                free_gain=sigma_a.gain,
                mean_fom=float(fom.mean()),
                phase_change_deg=phase_change(phi, start[0], crystal.amplitude * start[1]),
            )
        )
        on_cycle(done[-1])
        if sigma_a.gain > to_beat:
            best, to_beat = ModifiedPhases(phi, fom, hl, (), done[-1]), sigma_a.gain
        still = still + 1 if phase_change(phi, before, crystal.amplitude) < _SETTLED_DEG else 0
        if still == _STILL:
            break
        before = phi
    return replace(best, cycles=tuple(done))


def _compare(
    crystal: UniqueGrid, free: ComplexArray, rows: NDArray[np.intp], shells: Shells
) -> tuple[FloatArray, SigmaA]:
    """Compare free structure factors, those of `rows`, with the measured amplitudes: |E| and σA."""
    inv_d2 = crystal.inv_d2[rows]
    e = normalise(np.abs(free), inv_d2, crystal.epsilon[rows], shells)
    return e, estimate_sigma_a(crystal.e[rows], e, crystal.centric[rows], inv_d2, shells)


def _calibrated(
    crystal: UniqueGrid,
    F: ComplexArray,
    fom: FloatArray,
    start_hl: FloatArray,
    seen: tuple[ComplexArray, FloatArray, SigmaA, NDArray[np.intp]],
) -> FloatArray:
    """Coefficients of the phases of the prior, the figures of merit scaled by what the free sets say.

    Of a free reflection there are two independent witnesses: its starting phase, and the series that never
    saw it, with σA from the amplitudes. How well the phases of the full series agree with both together,
    as sure as those are, is what their mean figure of merit may be in each shell, or more: the full series
    knows more than they do.
    """
    free, e, sigma_a, rows = seen
    hkl, centric, inv_d2 = crystal.hkl[rows], crystal.centric[rows], crystal.inv_d2[rows]
    free_hl = calculated_hl(crystal.e[rows], e, np.angle(free), sigma_a.at(inv_d2), centric)
    phi, sure = phases_of_hl(
        combined_hl(start_hl[rows], free_hl, hkl, crystal.spacegroup), hkl, crystal.spacegroup
    )
    shell, count = sigma_a.shells.assign(inv_d2), len(sigma_a.shells)
    found = np.bincount(shell, sure * np.cos(np.angle(F[rows]) - phi), count)
    said = np.bincount(shell, fom[rows], count)
    scale = np.clip(found / np.maximum(said, 1e-9), *_SCALES)
    return hendrickson_lattman(
        np.angle(F), fom * scale[sigma_a.shells.assign(crystal.inv_d2)], crystal.centric
    )
