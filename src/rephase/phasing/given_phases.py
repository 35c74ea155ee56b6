"""Starts from phases that the user gives: a place to begin, and evidence if they say how good they are."""

from dataclasses import dataclass, replace
from functools import partial

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rephase.crystal.symmetry import P1Expansion, find_equivalents
from rephase.evaluate.alignment import align
from rephase.evaluate.origins import moved_phases
from rephase.io.start_phases import StartPhases
from rephase.models.prior_states import PriorStates
from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.constraints import MolecularEnvelope
from rephase.phasing.finish import FinishedPhases
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_projection import PriorProjection
from rephase.phasing.recipes import solvent_hypotheses
from rephase.phasing.search import Problem, Recipe

FloatArray = NDArray[np.float64]

STARTS = 8
"""Maps of one round: the given one, and others drawn from what the figures of merit leave open."""

_UNSAID = 0.5  # figure of merit taken for the spread of the starts where the file says none: 60° of error


@dataclass(frozen=True, eq=False)
class GivenPhases:
    """Phases of the prepared reflections, to start from.

    Attributes
    ----------
    phi
        Radians, shape ``(n,)``.
    fom
        ⟨cos Δφ⟩ they are said to have, 0–1, 0 where there is no phase, shape ``(n,)``.
    evidence
        Whether the figures of merit are the user's, so that the phases count as evidence.
    """

    phi: FloatArray
    fom: FloatArray
    evidence: bool

    def on(self, expansion: P1Expansion) -> "GivenPhases":
        """Expand to P1, arrays of shape ``(m,)``."""
        return GivenPhases(expansion.phases(self.phi), self.fom[expansion.asu_index], self.evidence)


def given_phases(start: StartPhases, observed_hkl: NDArray[np.int32], prepared: PreparedData) -> GivenPhases:
    """Take the phases of those observations that are phased.

    Parameters
    ----------
    start
        Phases of all observations.
    observed_hkl
        Their indices, shape ``(k, 3)``.
    prepared
        What is left of the observations.
    """
    kept = find_equivalents(prepared.reflections.hkl, observed_hkl, gemmi.SpaceGroup("P 1")).asu_index
    some = start.select(kept)
    fom = some.fom if some.fom_given else np.where(some.known, _UNSAID, 0.0)
    return GivenPhases(some.phi, fom, some.fom_given)


def from_given(given: GivenPhases, prepared: PreparedData) -> Recipe:
    """Envelope and positivity, from given phases."""
    solvent = solvent_hypotheses(prepared)[0]
    return Recipe(
        name="envelope from the given phases",
        solvent=solvent,
        sharpening=0.0,
        beta=0.90,
        zero_mean=False,
        constraint=partial(MolecularEnvelope, fraction=1.0 - solvent),
        start=partial(given_starts, given=given),
        most_starts=STARTS,
        given=True,
    )


def given_starts(
    problem: Problem, grid: AmplitudeGrid, starts: int, generator: torch.Generator, *, given: GivenPhases
) -> Tensor:
    """Make maps of the known amplitudes, weighted by the figures of merit.

    Parameters
    ----------
    problem
        Amplitudes.
    grid
        Working amplitudes.
    starts
        Maps wanted: the given phases first, then drawn ones.
    generator
        Draws them.
    given
        The phases of the unique reflections.

    Returns
    -------
    Shape ``(starts, nu, nv, nw)``.
    """
    rows = given.on(problem.grid.expansion)
    seed = int(torch.randint(2**31, (1,), generator=generator))
    phi = drawn_phases(rows, starts, seed)
    amplitude = np.where(problem.omitted, 0.0, problem.full * rows.fom)
    return grid.density(grid.from_reflections(amplitude * np.exp(1j * phi)))


def drawn_phases(given: GivenPhases, starts: int, seed: int) -> FloatArray:
    """Draw phases from wrapped normal distributions about given ones, ``(m,)`` → radians, ``(starts, m)``.

    The first start has the given phases themselves, and random ones where there are none.
    """
    rng = np.random.default_rng(seed)
    spread = np.sqrt(-2.0 * np.log(np.clip(given.fom, 1e-3, 1.0)))
    drawn = given.phi + spread * rng.normal(size=(starts, len(given.phi)))
    known = given.fom > 0.0
    drawn[0, known] = given.phi[known]
    drawn[:, ~known] = rng.uniform(-np.pi, np.pi, (starts, np.count_nonzero(~known)))
    return drawn


def prior_states_of(given: GivenPhases, starts: int, seed: int, projection: PriorProjection) -> PriorStates:
    """Begin the prior from given phases, shown as evidence beside each start if they are.

    Parameters
    ----------
    given
        At the rows of the expansion.
    starts
        Number of states.
    seed
        Of the drawn ones.
    projection
        Of the crystal, at the origin of the phases.
    """
    states = projection.start(drawn_phases(given, starts, seed))
    if not given.evidence:
        return states
    shown = projection.start(given.phi[None], given.fom[None]).given
    return replace(states, given=shown.expand_as(states.current))


def at_given_origin(
    finished: FinishedPhases, given: GivenPhases, prepared: PreparedData, expansion: P1Expansion
) -> FinishedPhases:
    """Move a solution to that of its permissible origins where it is nearest to the given phases.

    Parameters
    ----------
    finished
        What came of them, at any permissible origin, in the same hand.
    given
        The phases that it started from.
    prepared
        The data.
    expansion
        To P1, in the primitive cell.
    """
    data = prepared.reflections
    known = data.f * given.fom
    (same, *_) = align(data.hkl, known, given.phi, data.f, finished.phi_asu, data.spacegroup).fits
    phi = moved_phases(data.hkl, finished.phi_asu, np.array(same.shift), "same")
    return replace(finished, phi=expansion.phases(phi), phi_asu=phi)
