"""What is known of the density of a molecule in a crystal: positive, inside an envelope, made of atoms."""

import math
from typing import Protocol

import torch
from torch import Tensor

from rephase.phasing.amplitude_grid import AmplitudeGrid
from rephase.phasing.projections import envelope, keep_positive, rms

VOLUME_PER_ATOM = 17.5  # Å³ of protein per non-hydrogen atom: 1.23 Å³/Da × 14.2 Da, hydrogens shared out


class Constraint(Protocol):
    """Knowledge of the density as a projection that may learn from the current map."""

    def learn(self, rho: Tensor, progress: float) -> None:
        """Update what is known from maps of the measured amplitudes, `progress` 0–1 through the run."""

    def __call__(self, rho: Tensor) -> Tensor:
        """Project maps of shape ``(starts, nu, nv, nw)``."""


class MolecularEnvelope:
    """Positive density inside an envelope of known size that follows the map; flat solvent outside.

    The envelope is drawn from the positive density averaged over a radius that shrinks from
    `FIRST_RADIUS` to `LAST_RADIUS` over two thirds of a run.

    Parameters
    ----------
    grid
        Amplitudes being phased.
    fraction
        Part of the cell inside the envelope, 0–1.
    """

    FIRST_RADIUS = 3.0  # Å; from 2 to 4 made no difference on validation fragments (LOG.md)
    LAST_RADIUS = 1.5  # Å

    def __init__(self, grid: AmplitudeGrid, fraction: float) -> None:
        self.grid = grid
        self.fraction = fraction
        self.support: Tensor | None = None
        self._zero = grid.amplitude.new_zeros(())
        self._infinite = grid.amplitude.new_full((), torch.inf)

    def learn(self, rho: Tensor, progress: float) -> None:
        """Redraw the envelope from maps of shape ``(starts, nu, nv, nw)``."""
        shrinking = min(1.0, 1.5 * progress)
        radius = self.FIRST_RADIUS + (self.LAST_RADIUS - self.FIRST_RADIUS) * shrinking
        self.support = envelope(rho, self.grid, self.fraction, radius)

    def __call__(self, rho: Tensor) -> Tensor:
        """Set density outside the envelope and negative density to zero."""
        return keep_positive(rho, self._zero, self._infinite, self.support)


class AtomsInEnvelope:
    """Both at once: separate peaks inside a molecular envelope, for data that nearly resolve atoms.

    Parameters
    ----------
    grid
        Amplitudes being phased.
    fraction
        Part of the cell that the molecules take, 0–1.
    floor
        Lowest density kept, in units of the root mean square of the map.
    """

    def __init__(self, grid: AmplitudeGrid, fraction: float, floor: float) -> None:
        self._envelope = MolecularEnvelope(grid, fraction)
        self._atoms = SparseAtoms(grid, fraction, floor)

    def learn(self, rho: Tensor, progress: float) -> None:
        """Redraw the envelope and the levels from maps of shape ``(starts, nu, nv, nw)``."""
        self._envelope.learn(rho, progress)
        self._atoms.learn(rho, progress)

    def __call__(self, rho: Tensor) -> Tensor:
        """Remove what lies outside the envelope, or is too low or too high for atoms."""
        return self._envelope(self._atoms(rho))


class SparseAtoms:
    """Few separate peaks: nothing below a level, and no peak higher than atoms can be.

    The density of n equal atoms, from m reflections, has peaks of √(m/n) times its root mean square: a map of
    random phases has none, and the false solution with one giant atom (all phases equal, always at hand
    in P1) has one of √m. A ceiling keeps that one out; a floor makes the map sparse.

    Parameters
    ----------
    grid
        Sharpened amplitudes being phased.
    fraction
        Part of the cell that the molecules take, 0–1; it gives the number of atoms.
    floor
        Lowest density kept, in units of the root mean square of the map.
    """

    CEILING = 1.5  # in units of the height of an average atom; sulphur has 16/6.7 of it but is rare

    def __init__(self, grid: AmplitudeGrid, fraction: float, floor: float) -> None:
        reflections = 2.0 * len(grid.expansion)
        atoms = max(1.0, fraction * grid.cell.volume / VOLUME_PER_ATOM)
        self._height = self.CEILING * max(2.0, math.sqrt(reflections / atoms))
        self._relative_floor = floor
        self._floor = grid.amplitude.new_zeros(())
        self._ceiling = grid.amplitude.new_full((), torch.inf)

    def learn(self, rho: Tensor, progress: float) -> None:
        """Take floor and ceiling from the root mean square of maps ``(starts, nu, nv, nw)``."""
        level = rms(rho)
        self._floor = self._relative_floor * level
        self._ceiling = self._height * level

    def __call__(self, rho: Tensor) -> Tensor:
        """Remove what is too low or too high for atoms."""
        return keep_positive(rho, self._floor, self._ceiling)
