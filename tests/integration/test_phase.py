"""Phasing from amplitudes alone, end to end, on crystals of known truth, and on noise."""

import gemmi
import numpy as np
import pytest
import torch

from rephase.crystal.reflections import Reflections
from rephase.crystal.symmetry import find_equivalents
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.structure_factors import measured_amplitudes
from rephase.data.peptides.example_crystal import make_example
from rephase.evaluate.alignment import align
from rephase.io.observations import Observations
from rephase.io.sequence import Sequence, parse_fasta
from rephase.phasing.phase import Solution, StartRecord, phase
from rephase.phasing.prepare import PreparedData, prepare

SPECIES = ("C", "C", "C", "N", "O")


def small_molecule(group: str, lengths: tuple[float, ...], atoms: int, seed: int = 0) -> CrystalModel:
    """Atoms at random, at least 1.3 Å from each other and from their symmetry mates."""
    spacegroup, cell = gemmi.SpaceGroup(group), gemmi.UnitCell(*lengths)
    operations, to_cart = list(spacegroup.operations()), np.array(cell.orth.mat.tolist())
    rng, kept, everything = np.random.default_rng(seed), [], np.zeros((0, 3))
    while len(kept) < atoms:
        point = rng.random(3)
        images = np.array([op.apply_to_xyz(point.tolist()) for op in operations])
        apart = np.concatenate([everything, images])[:, None] - images[None]
        distance = np.linalg.norm((apart - np.rint(apart)) @ to_cart.T, axis=-1)
        distance[len(everything) :][np.eye(len(images), dtype=bool)] = np.inf
        if distance.min() > 1.3:
            kept.append(point)
            everything = np.concatenate([everything, images])
    elements = np.array([SPECIES[i % len(SPECIES)] for i in range(atoms)])
    return CrystalModel(cell, spacegroup, np.array(kept), elements, np.full(atoms, 6.0))


def prepared_from(data: Reflections, sequence: Sequence | None = None) -> PreparedData:
    observed = Observations(
        hkl=data.hkl,
        value=data.f,
        sigma=data.sigf,
        kind="amplitude",
        labels=("F", "SIGF"),
        cell=data.cell,
        spacegroup=data.spacegroup,
        source=gemmi.Mtz(),
        free_label=None,
        test_value=None,
        notes=(),
    )
    return prepare(observed, sequence)


def solve(prepared: PreparedData, seconds: float, seed: int = 0) -> tuple[Solution, list[StartRecord], int]:
    seen: list[StartRecord] = []
    steps: list[int] = []
    solution = phase(
        prepared,
        seed=seed,
        device=torch.device("cpu"),
        time_limit=seconds,
        on_step=steps.append,
        on_round=seen.extend,
    )
    return solution, seen, sum(steps)


def map_correlation(prepared: PreparedData, solution: Solution, hkl: np.ndarray, F: np.ndarray) -> float:
    data = prepared.reflections
    mates = find_equivalents(hkl, data.hkl, data.spacegroup)
    known = mates.asu_index >= 0
    phi, f = mates.phases(solution.phi)[known], data.f[mates.asu_index[known]]
    return align(hkl[known], np.abs(F[known]), np.angle(F[known]), f, phi, data.spacegroup).score


def check_consistent(prepared: PreparedData, solution: Solution, seen: list[StartRecord]) -> None:
    n = len(prepared)
    assert solution.phi.shape == solution.fom.shape == solution.difference_deg.shape == (n,)
    assert np.isfinite(solution.phi).all()
    assert np.all((solution.fom >= 0.0) & (solution.fom <= 1.0))
    assert list(solution.starts) == seen
    assert solution.starts[solution.best_start].cc_free == pytest.approx(solution.judgement.figure)
    assert 1 <= solution.agreeing[0] <= solution.agreeing[1]


@pytest.mark.parametrize(
    ("group", "lengths", "atoms"),
    [
        ("P 1", (7.5, 8.0, 8.5, 85.0, 98.0, 103.0), 12),
        ("P 21 21 21", (7.5, 9.5, 12.0, 90.0, 90.0, 90.0), 12),
        ("C 1 2 1", (13.0, 7.5, 9.0, 90.0, 108.0, 90.0), 12),
        ("P 41", (7.5, 7.5, 12.0, 90.0, 90.0, 90.0), 9),
    ],
)
def test_a_small_structure_at_atomic_resolution_is_solved(group, lengths, atoms):
    model = small_molecule(group, lengths, atoms)
    data, true = measured_amplitudes(model, 0.9, np.random.default_rng(0), 5.0)
    prepared = prepared_from(data)
    solution, seen, _ = solve(prepared, 60.0)
    check_consistent(prepared, solution, seen)
    assert map_correlation(prepared, solution, data.hkl, true) > 0.85
    assert solution.judgement.word == "solved"
    assert not solution.time_limit_hit
    assert solution.finished.fit.agreement > 0.7


def test_a_peptide_in_much_solvent_is_solved_at_lower_resolution():
    made = make_example("ACDKWYLE", solvent=0.85)
    prepared = prepared_from(made.reflections, parse_fasta(made.peptide.sequence))
    solution, seen, steps = solve(prepared, 14.0)
    check_consistent(prepared, solution, seen)
    assert solution.judgement.word == "solved"
    assert map_correlation(prepared, solution, made.reflections.hkl, made.f_true) > 0.8
    assert solution.judgement.probability > 0.9
    assert steps == sum({record.seed: record.iterations for record in seen}.values())


def random_amplitudes(lengths: tuple[float, ...], d_min: float, group: str, seed: int) -> Reflections:
    """Amplitudes of no structure at all, as Wilson has them: acentric or centric, by the space group."""
    cell, spacegroup = gemmi.UnitCell(*lengths), gemmi.SpaceGroup(group)
    hkl = np.asarray(gemmi.make_miller_array(cell, spacegroup, d_min), dtype=np.int32)
    hkl = hkl[~spacegroup.operations().systematic_absences(hkl)]
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(2, len(hkl)))
    centric = spacegroup.operations().centric_flag_array(hkl)
    f = np.where(centric, np.abs(normal[0]), np.hypot(*normal) / np.sqrt(2.0))
    fall_off = 100.0 * np.exp(-2.0 * np.asarray(cell.calculate_1_d2_array(hkl)))
    return Reflections(hkl, f * fall_off, 0.05 * fall_off, cell, spacegroup)


@pytest.mark.parametrize(
    ("lengths", "d_min", "group"),
    [
        ((8.0, 9.0, 10.0, 85.0, 95.0, 105.0), 1.0, "P 1"),
        ((9.0, 10.0, 12.0, 90.0, 90.0, 90.0), 1.2, "P 21 21 21"),
        ((12.0, 13.0, 14.0, 90.0, 90.0, 90.0), 2.2, "P 1"),
    ],
)
def test_noise_is_never_solved(lengths, d_min, group):
    prepared = prepared_from(random_amplitudes(lengths, d_min, group, seed=1))
    solution, seen, _ = solve(prepared, 4.0)
    check_consistent(prepared, solution, seen)
    assert solution.judgement.word != "solved"
    assert solution.judgement.probability < 0.5
    assert solution.time_limit_hit


def test_the_same_seed_gives_the_same_phases():
    model = small_molecule("P 1", (6.5, 7.0, 7.5, 85.0, 98.0, 103.0), 8)
    data, _ = measured_amplitudes(model, 1.0, np.random.default_rng(0), 5.0)
    prepared = prepared_from(data)
    (first, seen, _), (again, seen_again, _) = (solve(prepared, 20.0, seed=3) for _ in range(2))
    assert first.judgement.word == "solved"
    np.testing.assert_array_equal(first.phi, again.phi)
    np.testing.assert_array_equal(first.fom, again.fom)
    assert seen == seen_again
