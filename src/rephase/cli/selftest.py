"""The self-test of `rephase doctor`: real work with a number and a limit for each piece."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rephase.data.crystals.crystal_model import CrystalModel

_SOLVENT = 0.85  # of the crystal that is phased: one that every start solves
_PHASING_TIME = 20.0  # s; it takes about two


@dataclass(frozen=True)
class Check:
    """One result of the self-test.

    Attributes
    ----------
    name
        What was tested.
    value, limit
        The figure found (None when the check broke), and the largest that is good.
    seconds
        Time it took.
    trouble
        Why there is no figure; empty where there is one.
    """

    name: str
    value: float | None
    limit: float
    seconds: float
    trouble: str = ""

    @property
    def passed(self) -> bool:
        """True when a figure was found and lies within the limit."""
        return self.value is not None and self.value <= self.limit


def run_checks() -> list[Check]:
    """Run every check; one that breaks is reported with its error, and the others still run."""
    return [check(name, measure, limit) for name, measure, limit in CHECKS]


def check(name: str, measure: Callable[[], float], limit: float) -> Check:
    """Time `measure` and hold its figure against `limit`."""
    start = time.perf_counter()
    value, trouble = None, ""
    try:
        value = measure()
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"
    return Check(name, value, limit, time.perf_counter() - start, trouble)


def fft_round_trip_error() -> float:
    """Return the largest error of a float32 map after a Fourier transform there and back."""
    import torch

    density = torch.randn((4, 48, 48, 48), generator=torch.Generator().manual_seed(1))
    back = torch.fft.irfftn(torch.fft.rfftn(density, dim=(-3, -2, -1)), s=density.shape[-3:])
    return float((back - density).abs().max())


def structure_factor_error() -> float:
    """Return the largest error of float32 structure factors of a small peptide, relative to their rms.

    The reference is direct summation by gemmi, in double precision.
    """
    import numpy as np
    import torch

    from rephase.crystal.grid import grid_shape
    from rephase.data.crystals import structure_factors as reference
    from rephase.physics.atoms import pack_atoms
    from rephase.physics.structure_factors import structure_factors

    model, d_min = _small_crystal(), 1.5
    hkl = reference.unique_reflections(model, d_min)
    expected = reference.structure_factors(model, hkl)
    symbols, element = np.unique(model.elements, return_inverse=True)
    atoms = pack_atoms(
        torch.tensor(model.xyz_frac, dtype=torch.float32),
        torch.tensor(element),
        torch.tensor([0, len(model)]),
        symbols.tolist(),
        torch.tensor(model.b_iso, dtype=torch.float32),
    )
    shape = grid_shape(model.cell, d_min)
    cell = torch.tensor([model.cell.parameters], dtype=torch.float32)
    grid = structure_factors(atoms, cell, 0.99 * d_min, shape)[0].numpy()
    h, k, l = np.where(hkl[:, 2:] < 0, -hkl, hkl).T  # noqa: E741
    found = np.where(hkl[:, 2] < 0, grid[h, k, l].conj(), grid[h, k, l])
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(np.abs(expected) ** 2)))


def phasing_error() -> float:
    """Return 1 − the correlation of the map of a small example, phased from its file, with the true map."""
    import tempfile
    from pathlib import Path

    import numpy as np
    import torch

    from rephase.crystal.symmetry import find_equivalents
    from rephase.data.peptides.example_crystal import make_example
    from rephase.evaluate.alignment import align
    from rephase.io.example_files import write_measured_mtz
    from rephase.io.observations import read_observations
    from rephase.io.sequence import parse_fasta
    from rephase.phasing.phase import phase
    from rephase.phasing.prepare import prepare

    made = make_example("ACDKWYLE", solvent=_SOLVENT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.mtz"
        write_measured_mtz(path, made.reflections, made.free)
        prepared = prepare(read_observations(path), parse_fasta(made.peptide.sequence))
    solution = phase(
        prepared,
        seed=0,
        device=torch.device("cpu"),
        time_limit=_PHASING_TIME,
        on_step=lambda steps: None,
        on_round=lambda starts: None,
    )
    data = prepared.reflections
    mates = find_equivalents(made.reflections.hkl, data.hkl, data.spacegroup)
    known = mates.asu_index >= 0
    true = made.f_true[known]
    found = mates.phases(solution.phi)[known], data.f[mates.asu_index[known]]
    fit = align(mates.hkl[known], np.abs(true), np.angle(true), found[1], found[0], data.spacegroup)
    return 1.0 - fit.score


def _small_crystal() -> "CrystalModel":
    """Return a peptide of five residues in P1."""
    import numpy as np

    from rephase.data.crystals.packing import pack
    from rephase.data.peptides.peptide import build_peptide

    rng = np.random.default_rng(1)
    peptide = build_peptide("ACDKW", rng)
    return pack(peptide.xyz_cart, peptide.elements, rng)


CHECKS: tuple[tuple[str, Callable[[], float], float], ...] = (
    ("Fourier transform of a map there and back, largest error", fft_round_trip_error, 1e-5),
    ("structure factors of a peptide against gemmi, largest error", structure_factor_error, 1e-4),
    ("phases of a peptide from its amplitudes, 1 − map correlation", phasing_error, 0.2),
)
