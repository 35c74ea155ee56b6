"""Small crystals of carbon-like atoms with known structure factors, by direct summation."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
import torch

from rephase.crystal.primitive import PrimitiveSetting, primitive_setting
from rephase.phasing.amplitude_grid import AmplitudeGrid, amplitude_grid
from rephase.phasing.constraints import MolecularEnvelope
from rephase.phasing.merit import choose_omitted
from rephase.phasing.projections import random_starts
from rephase.phasing.search import Problem, Recipe
from rephase.physics.reflection_grid import grid_to_hkl

CPU = torch.device("cpu")
EDGES = {"triclinic": (9, 10, 11, 80, 95, 105), "monoclinic": (9, 8, 10, 90, 105, 90)}
EDGES |= {"orthorhombic": (8, 9, 11, 90, 90, 90), "tetragonal": (9, 9, 12, 90, 90, 90)}
EDGES |= {"trigonal": (10, 10, 12, 90, 90, 120), "cubic": (12, 12, 12, 90, 90, 90)}


@dataclass(frozen=True, eq=False)
class Truth:
    """A crystal in its primitive cell: atoms ``(n, 3)`` fractional, unique reflections, structure factors."""

    setting: PrimitiveSetting
    atoms: np.ndarray
    hkl: np.ndarray
    F: np.ndarray
    b_iso: float

    def structure_factors(self, hkl: np.ndarray) -> np.ndarray:
        """Σ 6 exp(−B s²/4) exp(2πi h·x)."""
        inv_d2 = np.asarray(self.setting.cell.calculate_1_d2_array(hkl.astype(np.int32)))
        waves = np.exp(2j * np.pi * (hkl @ self.atoms.T)).sum(axis=1)
        return np.asarray(6.0 * np.exp(-self.b_iso * inv_d2 / 4.0) * waves)


def truth(
    group: str, *, atoms: int = 5, d_min: float = 1.2, b_iso: float = 8.0, seed: int = 0, scale: float = 1.0
) -> Truth:
    """Scatter atoms in the asymmetric unit, at least 1.3 Å from each other and from their mates."""
    spacegroup = gemmi.SpaceGroup(group)
    parameters = EDGES[spacegroup.crystal_system_str()]
    cell = gemmi.UnitCell(*(scale * x for x in parameters[:3]), *parameters[3:])
    setting = primitive_setting(cell, spacegroup)
    rng = np.random.default_rng(seed)
    kept = np.zeros((0, 3))
    while len(kept) < atoms * len(setting.operations.sym_ops):
        point = rng.random(3)
        images = np.array([op.apply_to_xyz(point.tolist()) for op in setting.operations.sym_ops])
        if _closest(np.concatenate([kept, images]), setting.cell) > 1.3:
            kept = np.concatenate([kept, images])
    centred = np.asarray(gemmi.make_miller_array(cell, spacegroup, d_min), dtype=np.int32)
    absent = spacegroup.operations().systematic_absences(centred)
    hkl = setting.hkl_to_primitive(centred[~absent])
    made = Truth(setting, kept, hkl, np.zeros(0), b_iso)
    return replace(made, F=made.structure_factors(hkl))


def grid_of(crystal: Truth, *, zero_mean: bool = False) -> AmplitudeGrid:
    """Amplitudes of the crystal, on the grid's scale."""
    setting = crystal.setting
    return amplitude_grid(setting.cell, setting.operations, crystal.hkl, np.abs(crystal.F), CPU, zero_mean)


def problem_of(crystal: Truth, *, fraction: float = 0.6, omitted: float = 0.08, beta: float = 0.8) -> Problem:
    """Pose the crystal with an envelope and positivity alone."""
    grid = grid_of(crystal)
    recipe = Recipe(
        "envelope",
        1.0 - fraction,
        0.0,
        beta,
        False,
        lambda working: MolecularEnvelope(working, fraction),
        lambda problem, working, starts, generator: random_starts(working, starts, generator),
    )
    full = grid_to_hkl(grid.amplitude, grid.index).numpy().astype(np.float64)
    inv_d2 = np.asarray(grid.cell.calculate_1_d2_array(grid.expansion.hkl))
    to_e = np.exp(crystal.b_iso * inv_d2 / 4.0)
    to_e /= np.sqrt(np.mean((full * to_e) ** 2))
    drawn = choose_omitted(len(crystal.hkl), grid.expansion.asu_index, omitted, np.random.default_rng(1))
    return Problem(recipe, grid, full, to_e, drawn)


def true_phases(
    crystal: Truth, grid: AmplitudeGrid, shift: tuple[float, float, float] = (0, 0, 0)
) -> np.ndarray:
    """P1 phases in radians of the crystal moved by `shift`."""
    hkl = grid.expansion.hkl
    return np.asarray(np.angle(crystal.structure_factors(hkl)) + 2 * np.pi * (hkl @ np.array(shift)))


def true_map(crystal: Truth, grid: AmplitudeGrid) -> torch.Tensor:
    """Map of the grid's amplitudes with true phases and F000, shape ``(1, nu, nv, nw)``."""
    amplitude = grid_to_hkl(grid.amplitude, grid.index).numpy()
    F = grid.from_reflections(amplitude * np.exp(1j * true_phases(crystal, grid)))
    F[0, 0, 0] = (
        6.0 * len(crystal.atoms) * amplitude.sum() / np.abs(crystal.F[grid.expansion.asu_index]).sum()
    )
    return grid.density(F)[None]


def map_correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    """Pearson correlation of two maps."""
    return float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])


def _closest(xyz_frac: np.ndarray, cell: gemmi.UnitCell) -> float:
    apart = xyz_frac[:, None] - xyz_frac[None]
    apart = (apart - np.rint(apart)) @ np.array(cell.orth.mat.tolist()).T
    distance = np.linalg.norm(apart, axis=-1)
    return float(distance[~np.eye(len(distance), dtype=bool)].min(initial=np.inf))
