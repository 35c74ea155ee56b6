"""Small crystals on the grid that density modification works on, with their true phases."""

from dataclasses import dataclass

import gemmi
import numpy as np
from phasing_crystals import CPU, truth

from rephase.io.observations import Observations
from rephase.phasing.modification.unique_grid import UniqueGrid, unique_grid
from rephase.phasing.prepare import prepare


@dataclass(frozen=True, eq=False)
class KnownCrystal:
    """Grid and true structure factors of its unique reflections, shape ``(n,)``."""

    grid: UniqueGrid
    F: np.ndarray

    @property
    def phi(self) -> np.ndarray:
        return np.angle(self.F)


def known_crystal(
    group: str = "P 21 21 21", *, atoms: int = 12, d_min: float = 1.6, scale: float = 2.5, seed: int = 0
) -> KnownCrystal:
    """Carbon-like atoms in the asymmetric unit of a roomy cell, amplitudes without errors."""
    made = truth(group, atoms=atoms, d_min=d_min, b_iso=12.0, seed=seed, scale=scale)
    spacegroup = gemmi.SpaceGroup(group)
    hkl = made.setting.hkl_from_primitive(made.hkl)
    cell = made.setting.cell if spacegroup.centring_type() == "P" else centred_cell(group, scale)
    f = np.abs(made.F)
    sigma = 0.01 * f + 0.001 * f.mean()
    observed = Observations(
        hkl, f, sigma, "amplitude", ("F", "SIGF"), cell, spacegroup, gemmi.Mtz(), None, None, ()
    )
    grid = unique_grid(prepare(observed), CPU)
    listed = dict(zip(map(tuple, hkl.tolist()), made.F, strict=True))
    return KnownCrystal(grid, np.array([listed[tuple(one)] for one in grid.hkl.tolist()]))


def centred_cell(group: str, scale: float) -> gemmi.UnitCell:
    """The cell that `phasing_crystals.truth` gives a centred group."""
    from phasing_crystals import EDGES

    parameters = EDGES[gemmi.SpaceGroup(group).crystal_system_str()]
    return gemmi.UnitCell(*(scale * x for x in parameters[:3]), *parameters[3:])


def perturbed(crystal: KnownCrystal, kappa: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True phases with von Mises errors, and the figures of merit that they have."""
    from scipy.special import i0e, i1e

    rng = np.random.default_rng(seed)
    n, centric = len(crystal.grid), crystal.grid.centric
    flip = np.where(rng.random(n) > 1.0 / (1.0 + np.exp(-2.0 * kappa)), np.pi, 0.0)
    wrong = np.where(centric, flip, rng.vonmises(0.0, kappa, n))
    return crystal.phi + wrong, np.where(centric, np.tanh(kappa), i1e(kappa) / i0e(kappa))


def mean_error(phi: np.ndarray, true: np.ndarray) -> float:
    """Mean |Δφ| in degrees."""
    return float(np.degrees(np.abs(np.angle(np.exp(1j * (phi - true))))).mean())
