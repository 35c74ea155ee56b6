"""What a prior is trained on: crystals by number, starts, trajectories, and the places of a pool."""

import dataclasses
import json
import math
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
from fragment_examples import fragments_named, many_ids
from prior_crystals import crystal
from small_entries import SEQUENCE, add_atom, pdb_text, strand, structure_of

from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.stream.examples import Example, MeasurementDraw, own_grid
from rephase.data.stream.fragment_source import FragmentsInMemory
from rephase.data.stream.stream_config import Measurement
from rephase.errors import UserError
from rephase.models.prior_states import starting_states
from rephase.train.prior import crystal_source
from rephase.train.prior.crystal_source import CrystalSource
from rephase.train.prior.crystals import TrueCrystal, true_crystal
from rephase.train.prior.phase_errors import (
    erroneous_phases,
    model_phases,
    noisy_phases,
    partial_model_phases,
    phases_with_errors,
    random_phases,
    spread_of,
)
from rephase.train.prior.prior_config import PriorCrystals, PriorStarts, PriorTrainConfig
from rephase.train.prior.protein_crystals import protein_crystal, protein_piece
from rephase.train.prior.starts import begun_trajectory
from rephase.train.prior.structure_list import structure_list
from rephase.train.prior.trajectory import (
    Trajectory,
    trajectory_from,
    trajectory_record,
    trajectory_tensors,
)
from rephase.train.prior.truth import cosine_of, in_nearer_hand, loss_of, moved_to

EXACT = MeasurementDraw(1.0, 1.0, 1.0, 0.0, 180.0, False, np.eye(3))
NOISY = MeasurementDraw(2.0, 1.0, 1.0, 0.0, 180.0, False, np.eye(3))
FRAGMENTS_ALONE = PriorCrystals(proteins=0.0, pieces=0.0, d_min=(2.4, 2.6))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def example(group: str = "P 1", drawn: MeasurementDraw = EXACT) -> Example:
    """Sixty carbon atoms at random in a cell of 14 × 15 × 16 Å."""
    cell = gemmi.UnitCell(14.0, 15.0, 16.0, 90.0, 90.0, 90.0)
    xyz_frac = np.random.default_rng(3).random((60, 3))
    model = CrystalModel(cell, gemmi.SpaceGroup(group), xyz_frac, np.full(60, "C"), np.full(60, 15.0))
    return Example(0, 0, model, 2.0, own_grid(cell, 2.0, 1.0), drawn)


def true(group: str = "P 1") -> TrueCrystal:
    return true_crystal(example(group), Measurement(), 0.0, 0, generator())


def mean_cosine(crystal: TrueCrystal, phi: torch.Tensor) -> float:
    return float(cosine_of(torch.polar(torch.ones_like(phi), phi)[None], crystal.truth[None], crystal.data))


def trajectory(**changed: object) -> Trajectory:
    settings = PriorStarts.model_validate(changed)
    return begun_trajectory(true(), 5, settings, seed=1, step=7, part=0.0)


# crystals


def test_amplitudes_without_errors_are_those_of_the_truth() -> None:
    found = true()
    torch.testing.assert_close(found.truth.abs(), found.data.amplitude, rtol=1e-3, atol=1e-4)
    e = (found.data.amplitude / found.data.expected)[found.data.within]
    assert float(e.square().mean()) == pytest.approx(1.0, abs=0.1)


def test_absent_reflections_stay_weak_where_data_have_errors_and_something_is_not_modelled() -> None:
    """Once they were multiplied by a ratio of amplitudes, and reached |E| of a thousand."""
    measurement = Measurement(i_over_sigma_edge=(2.0, 2.0))
    found = true_crystal(example("P 21 21 21", NOISY), measurement, 0.3, 0, generator())
    e = (found.data.amplitude / found.data.expected)[found.data.known]
    assert float(e.max()) < 6.0
    clean = true("P 21 21 21").data
    absent = clean.known & (clean.amplitude < 1e-3 * clean.expected)
    assert int(absent.sum()) > 10
    assert float((found.data.amplitude / found.data.expected)[absent].square().mean()) < 1.0


def source(**changed: object) -> CrystalSource:
    config = FRAGMENTS_ALONE.model_copy(update=changed)
    fragments = FragmentsInMemory(fragments_named(many_ids(9), split=0))
    return CrystalSource(fragments, "train", [], config, 4)


def test_a_crystal_follows_from_seed_and_number() -> None:
    made = source(symmetric=0.0)
    one, again, other = made.crystal(3), made.crystal(3), made.crystal(4)
    assert torch.equal(one.truth, again.truth)
    assert torch.equal(one.data.amplitude, again.data.amplitude)
    assert one.data.shape != other.data.shape or not torch.equal(one.truth, other.truth)
    assert 2.4 <= one.data.d_min <= 2.6 + 1e-6


def test_crystals_that_never_fit_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crystal_source, "_ATTEMPTS", 20)
    with pytest.raises(UserError, match=r"crystals\.most_points"):
        source(most_points=8, symmetric=0.0).draw(0)


# whole proteins


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A chain of 49 residues that breaks after the thirtieth, with a water, in P2₁2₁2₁."""
    structure = structure_of(strand(SEQUENCE))
    for residue in list(structure[0][0])[30:]:
        for atom in residue:
            atom.pos += gemmi.Position(5.0, 0.0, 0.0)
    water = gemmi.Residue()
    water.name, water.seqid, water.het_flag = "HOH", gemmi.SeqId("900"), "H"
    add_atom(water, "O", (40.0, 40.0, 40.0))
    structure[0][0].add_residue(water)
    structure.cell, structure.spacegroup_hm = gemmi.UnitCell(30, 40, 50, 90, 90, 90), "P 21 21 21"
    path = tmp_path / "entry.pdb"
    path.write_text(pdb_text(structure))
    return path


def test_a_protein_is_read_with_its_water_which_counts_as_solvent(entry: Path) -> None:
    found = protein_crystal(entry)
    assert found is not None
    assert found.model.spacegroup.hm == "P 21 21 21"
    assert "H" not in found.model.elements
    dalton = 49 * 115.0
    assert found.solvent == pytest.approx(1.0 - 1.23 * dalton * 4 / (30 * 40 * 50), abs=0.06)


def test_atoms_of_unknown_element_are_left_out(entry: Path) -> None:
    water = next(line for line in entry.read_text().splitlines() if "HOH" in line)
    unknown = water.replace("HOH", "UNX").replace(" O ", " X ")[:77] + "X"
    entry.write_text(entry.read_text().replace(water, f"{water}\n{unknown}"))
    found = protein_crystal(entry)
    assert found is not None
    assert set(found.model.elements.tolist()) == {"C", "N", "O", "S"}


def test_a_run_of_residues_crosses_no_break(entry: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        piece = protein_piece(entry, 12, rng)
        assert piece is not None
        assert piece.residue.max() == 11
        carbon, nitrogen = (piece.xyz_cart[piece.atom_name == name] for name in ("C", "N"))
        assert np.linalg.norm(nitrogen[1:] - carbon[:-1], axis=1).max() < 1.5
    assert protein_piece(entry, 31, rng) is None


def test_an_entry_without_a_crystal_is_passed_over(tmp_path: Path) -> None:
    structure = structure_of(strand("MKTAYI"))
    structure.cell = gemmi.UnitCell(1, 1, 1, 90, 90, 90)
    path = tmp_path / "nmr.pdb"
    path.write_text(pdb_text(structure).replace("X-RAY DIFFRACTION", "SOLUTION NMR"))
    assert protein_crystal(path) is None


def listed(folder: Path, text: str, *files: str) -> Path:
    (folder / "manifest.tsv").write_text(text)
    for name in files:
        (folder / name).touch()
    return folder


def test_structures_of_a_split_come_in_the_order_of_their_table(tmp_path: Path) -> None:
    text = "id\tfile\tsplit\n2abc\tb.pdb\ttrain\n1abc\ta.pdb\ttrain\n3abc\tc.pdb\ttest\n"
    found = structure_list(listed(tmp_path, text, "a.pdb", "b.pdb", "c.pdb"), "train")
    assert [path.name for path in found] == ["b.pdb", "a.pdb"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tsplit\n1abc\ttrain\n", "column file"),
        ("id\tfile\tsplit\n1abc\ta.pdb\ttest\n", "split train"),
        ("id\tfile\tsplit\n1abc\ta.pdb\ttrain\n", r"no file .*a\.pdb"),
    ],
)
def test_what_is_wrong_with_a_list_of_structures_is_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        structure_list(listed(tmp_path, text), "train")


def test_a_missing_list_of_structures_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.tsv"):
        structure_list(tmp_path, "train")


# phase errors


@pytest.mark.parametrize("cosine", [0.2, 0.5, 0.9])
def test_errors_have_the_mean_cosine_they_are_meant_to(cosine: float) -> None:
    made = true()
    assert mean_cosine(made, phases_with_errors(made, spread_of(cosine), generator())) == pytest.approx(
        cosine, abs=0.05
    )


@pytest.mark.parametrize("kind", [erroneous_phases, noisy_phases, partial_model_phases])
def test_figures_of_merit_are_about_the_mean_cosine(kind: object) -> None:
    made = true()
    for seed in range(4):
        start = kind(made, generator(seed))  # type: ignore[operator]
        known = made.data.known
        cosines = torch.cos(start.phi - made.truth.angle())[known]
        assert float(start.fom[known].mean()) == pytest.approx(float(cosines.mean()), abs=0.2)
        assert float(start.fom.min()) >= 0.0


def test_weak_reflections_get_larger_errors_from_noise() -> None:
    made = true()
    cosines = torch.zeros(2)
    strong = made.data.amplitude / made.data.expected > 1.0
    weak = made.data.known & (made.data.amplitude / made.data.expected < 0.5)
    for seed in range(6):
        phi = noisy_phases(made, generator(seed)).phi
        turned = torch.cos(phi - made.truth.angle())
        cosines += torch.stack([turned[strong].mean(), turned[weak].mean()])
    assert float(cosines[0]) > float(cosines[1]) + 0.3


def test_the_whole_model_gives_the_true_phases() -> None:
    made = true()
    start = model_phases(made, made.model)
    assert mean_cosine(made, start.phi) == pytest.approx(1.0, abs=1e-3)


def test_random_phases_know_nothing() -> None:
    made = true()
    start = random_phases(made, generator())
    assert abs(mean_cosine(made, start.phi)) < 0.1
    assert float(start.fom.max()) == 0.0


# truth


def test_the_truth_itself_has_no_loss() -> None:
    made = true()
    assert float(loss_of(made.truth[None], made.truth[None], made.data)) == 0.0
    assert float(loss_of(torch.zeros_like(made.truth)[None], made.truth[None], made.data)) == pytest.approx(
        1.0
    )


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.31, 0.77, 0.12), (0.5, 0.013, 0.9)])
def test_a_crystal_is_found_wherever_its_origin_went(shift: tuple[float, float, float]) -> None:
    data, truth = crystal()
    u, v, w = data.shape
    h = torch.meshgrid(
        torch.fft.fftfreq(u, 1 / u), torch.fft.fftfreq(v, 1 / v), torch.arange(w // 2 + 1.0), indexing="ij"
    )
    angle = 2.0 * math.pi * sum(x * index for x, index in zip(shift, h, strict=True))
    predicted = (truth * torch.polar(torch.ones_like(angle), angle) * 0.3)[None]
    found = moved_to(truth, predicted, data)
    assert float(cosine_of(predicted, found, data)) > 0.999


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_nearer_hand_is_told_wherever_its_origin_went(mirrored: bool) -> None:
    data, truth = crystal()
    along_a = torch.fft.fftfreq(data.shape[0], 1.0 / data.shape[0])[:, None, None]
    shifted = truth * torch.polar(torch.ones_like(along_a), 2.0 * math.pi * 0.37 * along_a)
    predicted = (shifted.conj() if mirrored else shifted)[None] * 0.6
    found, told = in_nearer_hand(truth, predicted, data)
    assert told.tolist() == [mirrored]
    assert float(cosine_of(predicted, found, data)) > 0.999


def test_a_prediction_of_nothing_has_some_origin() -> None:
    data, truth = crystal()
    assert bool(moved_to(truth, torch.zeros_like(truth)[None], data).isfinite().all())


# starts and trajectories


def test_states_begin_with_what_is_known_of_their_phases() -> None:
    made = true()
    phi = made.truth.angle()[None]
    unknown, known = starting_states(made.data, phi), starting_states(made.data, phi, torch.ones_like(phi))
    assert float(unknown.given.abs().max()) == 0.0
    torch.testing.assert_close(known.given, known.current)


def test_random_starts_get_more_frequent_between_two_parts_of_a_run() -> None:
    starts = PriorStarts(random=(0.1, 0.5), rise=(0.2, 0.4))
    assert [starts.random_at(part) for part in (0.0, 0.2, 0.3, 0.4, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5, 0.5]
    )
    at_once = PriorStarts(random=(0.0, 1.0), rise=(0.5, 0.5))
    assert [at_once.random_at(part) for part in (0.4, 0.5)] == [0.0, 1.0]


def test_crystals_with_symmetry_never_begin_at_random() -> None:
    made = true("P 21 21 21")
    starts = PriorStarts(random=(1.0, 1.0), erroneous=0.0, noisy=0.0, partial_model=0.0)
    for number in range(5):
        begun = begun_trajectory(made, number, starts, seed=0, step=0, part=0.0)
        assert not begun.origin_free
        assert begun.passes_left <= starts.most_passes_with_symmetry


def test_small_crystals_have_several_states() -> None:
    points = math.prod(true().data.shape)
    assert len(trajectory(points=3 * points).states) == 3
    assert len(trajectory(points=1).states) == 1
    assert len(trajectory(points=100 * points, most_states=5).states) == 5


def test_a_trajectory_goes_on_from_the_prediction_and_comes_to_its_end() -> None:
    begun = trajectory(passes=(2, 2), random=(0.0, 0.0), noise=1.0, beyond=0.0)
    aim = begun.aim(begun.states.current)
    predicted = aim.truth * 0.5
    after = begun.after(predicted, aim, seed=0)
    assert after.passes_left == begun.passes_left - 1
    assert torch.equal(after.states.predicted, predicted)
    assert torch.equal(after.states.current, begun.after(predicted, aim, seed=0).states.current)
    assert not torch.equal(after.states.current, begun.after(predicted, aim, seed=1).states.current)


def either_hand() -> Trajectory:
    starts = {"random": (1.0, 1.0), "erroneous": 0.0, "noisy": 0.0, "partial_model": 0.0}
    return trajectory(hand="either", noise=0.0, beyond=0.0, passes_from_random=(3, 3), **starts)


def test_a_start_that_knows_no_hand_goes_on_in_the_right_one() -> None:
    """Of two states that are about to find the mirror image and the crystal, the first is inverted."""
    begun = either_hand()
    predicted = torch.stack([begun.truth.conj(), begun.truth]) * 0.8
    aim = begun.aim(predicted)
    assert aim.mirrored.tolist() == [True, False]
    assert float(cosine_of(predicted, aim.truth, begun.data).min()) > 0.99
    states = begun.states.chosen(torch.tensor([0, 0]))
    two = dataclasses.replace(begun, states=states, noise=begun.noise[:2], beyond=begun.beyond[:2])
    after = two.after(predicted, aim, seed=0)
    for states in (after.states.current, after.states.predicted):
        assert float(cosine_of(states, begun.truth[None], begun.data).min()) > 0.99
    assert after.aim(after.states.predicted).mirrored.tolist() == [False, False]


def test_a_state_between_the_hands_is_left_as_it_is() -> None:
    begun = either_hand()
    predicted = begun.states.current
    after = begun.after(predicted, begun.aim(predicted), seed=0)
    assert torch.equal(after.states.predicted, predicted)


def test_starts_that_know_something_keep_their_hand() -> None:
    begun = trajectory(hand="either", random=(0.0, 0.0))
    aim = begun.aim(begun.truth.conj()[None])
    assert not bool(aim.mirrored.any())
    assert torch.equal(aim.truth[0], begun.truth)


def test_a_trajectory_that_was_written_down_is_the_same() -> None:
    begun = trajectory()
    record = trajectory_record(begun)
    record = type(record).model_validate(json.loads(record.model_dump_json()))
    read = trajectory_from(record, trajectory_tensors(begun))
    assert record == trajectory_record(read)
    assert (read.begun, read.hand_free) == (7, begun.hand_free)
    assert (read.data.d_min, read.data.shape) == (begun.data.d_min, begun.data.shape)
    for mine, theirs in ((begun.states, read.states), (begun.data, read.data)):
        for name in ("current", "given", "amplitude", "known"):
            if hasattr(mine, name):
                assert torch.equal(getattr(mine, name), getattr(theirs, name))
    assert torch.equal(read.truth, begun.truth)


# settings


def settings(**changed: object) -> PriorTrainConfig:
    given = {"kind": "density-prior", "set": "set", "structures": "structures"}
    return PriorTrainConfig.model_validate(given | changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"structures": None}, "structures: a folder"),
        ({"pool": 10, "crystals_per_step": 4}, "pool: a multiple"),
        ({"machine": {"compile": True}}, "machine.compile"),
        ({"crystals": {"proteins": 0.7, "pieces": 0.5}}, "at most 1"),
        ({"crystals": {"tight": 0.0, "loose": 0.0}}, "tight and loose"),
        ({"starts": {"passes": (5, 2)}}, "smaller first"),
        ({"starts": {"symmetric": (0.0, 0.0, 0.0)}}, "not all of them 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changed)


def test_structures_are_needed_for_proteins_alone() -> None:
    assert settings(structures=None, crystals={"proteins": 0.0, "pieces": 0.0}).structures is None
