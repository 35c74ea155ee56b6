"""What is found of crystals whose density is known, and of networks whose knowledge is known."""

from pathlib import Path

import gemmi
import numpy as np
import pyarrow as pa
import pytest
import torch
from study_examples import oracle, study_folder, untrained

from rephase.data.crystals.crystal_model import primitive_p1
from rephase.data.crystals.structure_factors import structure_factors
from rephase.data.stream.map_batches import maps_of
from rephase.data.stream.stream_config import RateGrid
from rephase.errors import UserError
from rephase.evaluate.map_agreement import RANDOM_PHASE_ERROR
from rephase.study.phased_maps import one_of, prepared_data, simulated_data
from rephase.study.predicted_maps import predicted_maps, true_maps
from rephase.study.study import study_network
from rephase.study.study_config import AMPLITUDES, ENSEMBLE, NETWORK, RANDOM, StudyConfig
from rephase.study.study_set import StudySet, batches_of, open_study_set, read_examples

UNPHASED = StudyConfig(phasing=False)


@pytest.fixture(scope="module")
def crystals(tmp_path_factory: pytest.TempPathFactory) -> StudySet:
    return open_study_set(study_folder(tmp_path_factory.mktemp("study") / "set"))


def column(table: pa.Table, name: str, figure: str) -> list[float]:
    return [float(one) for one in table[f"{name}/{figure}"].to_pylist()]


def test_a_network_that_knows_the_truth_is_perfect(crystals: StudySet) -> None:
    table = study_network(oracle(crystals), crystals, UNPHASED)
    assert table["id"].to_pylist() == crystals.ids
    for name in (NETWORK, AMPLITUDES):
        assert column(table, name, "pearson") == pytest.approx([1.0] * 6, abs=1e-5)
        assert column(table, name, "box") == pytest.approx([1.0] * 6, abs=1e-5)
        assert column(table, name, "phase_error") == pytest.approx([0.0] * 6, abs=0.5)
        assert column(table, name, "aligned_pearson") == pytest.approx([1.0] * 6, abs=1e-5)
        assert all(table[f"{name}/right_hand"].to_pylist())
        assert all(table[f"{name}/solved"].to_pylist())


def test_the_inverse_of_the_truth_is_not_solved_but_right_in_the_other_hand(crystals: StudySet) -> None:
    table = study_network(oracle(crystals, wrong_hand=True), crystals, UNPHASED)
    assert max(column(table, NETWORK, "pearson")) < 0.9
    assert column(table, NETWORK, "either_pearson") == pytest.approx([1.0] * 6, abs=1e-5)
    assert column(table, NETWORK, "either_phase_error") == pytest.approx([0.0] * 6, abs=0.5)
    assert not any(table[f"{NETWORK}/right_hand"].to_pylist())
    assert not any(table[f"{NETWORK}/solved"].to_pylist())


def test_random_phases_have_right_amplitudes_and_errors_of_90_degrees(crystals: StudySet) -> None:
    table = study_network(untrained(), crystals, UNPHASED)
    assert np.mean(column(table, RANDOM, "phase_error")) == pytest.approx(RANDOM_PHASE_ERROR, abs=5.0)
    assert abs(np.mean(column(table, RANDOM, "pearson"))) < 0.25
    _, batch = next(batches_of(read_examples(crystals, RateGrid())))
    maps = maps_of(batch)
    found = predicted_maps(untrained(), maps, batch.rows.tolist(), UNPHASED)[RANDOM].F
    truth = true_maps(maps)
    volume = 10.0**3 if float(maps.cell[0, 0]) == 10.0 else 9.0**3
    assert torch.allclose(volume * found.abs(), truth.F.abs(), rtol=1e-3, atol=1e-2)


def test_figures_of_a_crystal_do_not_depend_on_the_others(crystals: StudySet) -> None:
    whole = study_network(untrained(), crystals, UNPHASED)
    alone = study_network(untrained(), crystals.part(3, 4), UNPHASED)
    assert whole["id"][3] == alone["id"][0]
    for name in whole.column_names[3:]:
        if not name.endswith("seconds"):
            first, second = (np.array(one.as_py(), dtype=float) for one in (whole[name][3], alone[name][0]))
            assert first == pytest.approx(second, rel=1e-4, abs=1e-4, nan_ok=True), name


def test_amplitudes_put_back_leave_the_phases(crystals: StudySet) -> None:
    table = study_network(untrained(), crystals, UNPHASED)
    own, back = (column(table, name, "phase_error") for name in (NETWORK, AMPLITUDES))
    assert own == pytest.approx(back, abs=0.05)


def test_several_settings_add_their_mean(crystals: StudySet) -> None:
    config = StudyConfig(phasing=False, settings=3)
    table = study_network(untrained(), crystals.part(0, 2), config)
    single = study_network(untrained(), crystals.part(0, 2), UNPHASED)
    assert column(table, NETWORK, "pearson") == pytest.approx(column(single, NETWORK, "pearson"), abs=1e-6)
    assert column(table, ENSEMBLE, "pearson") != pytest.approx(column(table, NETWORK, "pearson"), abs=1e-3)


def test_advance_counts_every_crystal(crystals: StudySet) -> None:
    done: list[int] = []
    study_network(untrained(), crystals, UNPHASED, done.append)
    assert sum(done) == len(crystals)


def test_passes_of_a_network_without_recycling_are_refused(crystals: StudySet) -> None:
    with pytest.raises(UserError, match="recycling"):
        study_network(oracle(crystals), crystals, StudyConfig(phasing=False, passes=2))


def test_data_for_phasing_are_the_structure_factors_of_the_atoms(crystals: StudySet) -> None:
    examples = read_examples(crystals, RateGrid())
    chosen, batch = next(batches_of(examples))
    data = simulated_data(one_of(maps_of(batch), 0))
    model = primitive_p1(examples[chosen[0]].crystal)
    expected = np.abs(structure_factors(model, data.hkl))
    assert data.f == pytest.approx(expected, rel=1e-3, abs=0.02)
    assert len(data.hkl) == len(gemmi.make_miller_array(data.cell, model.spacegroup, 2.0))
    prepared = prepared_data(data, 10)
    assert prepared.solvent_fraction == pytest.approx(1.0 - 175.0 / data.cell.volume)
    assert prepared.copies == 1
    assert len(prepared) == len(data.hkl)
    assert prepared.reflections.f == pytest.approx(data.f)


def test_a_crystal_with_too_few_reflections_is_named(tmp_path: Path) -> None:
    coarse = open_study_set(study_folder(tmp_path / "set", 1, d_min=3.5))
    with pytest.raises(UserError, match=rf"at least 100 reflections\nfound: .*{coarse.ids[0]}"):
        study_network(untrained(), coarse, StudyConfig())
