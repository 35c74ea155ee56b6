"""The crystals of a study: which they are, in which order, and on which grids."""

from pathlib import Path

import numpy as np
import pytest
from study_examples import D_MIN, EDGES, study_folder

from rephase.data.stream.stream_config import RateGrid, SpacingGrid
from rephase.errors import UserError
from rephase.study.study_set import SHELLS, batches_of, open_study_set, read_examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study_folder(tmp_path_factory.mktemp("study") / "set")


def test_the_first_crystals_are_those_of_the_whole(folder: Path) -> None:
    whole, some = open_study_set(folder), open_study_set(folder, examples=2)
    assert len(whole) == 6
    assert some.ids == whole.ids[:2]
    assert len(open_study_set(folder, examples=100)) == 6


def test_crystals_can_be_asked_for_by_name_in_any_order(folder: Path) -> None:
    ids = open_study_set(folder).ids
    assert open_study_set(folder, ids=[ids[3], ids[0]]).ids == [ids[3], ids[0]]


def test_parts_follow_each_other(folder: Path) -> None:
    whole = open_study_set(folder)
    assert whole.part(0, 4).ids + whole.part(4, 100).ids == whole.ids


def test_crystals_are_those_stored_on_a_grid_of_their_own(folder: Path) -> None:
    study_set = open_study_set(folder)
    examples = read_examples(study_set, RateGrid())
    assert [one.row for one in examples] == study_set.rows.tolist()
    assert {one.crystal.cell.a for one in examples} == set(EDGES)
    numbers = []
    for chosen, batch in batches_of(examples):
        assert {examples[number].shape for number in chosen} == {batch.shape}
        assert np.allclose(batch.d_min.numpy(), D_MIN)
        numbers += chosen
    assert sorted(numbers) == list(range(6))


def test_shells_have_equal_volumes_and_do_not_depend_on_the_choice_of_crystals(folder: Path) -> None:
    shells = open_study_set(folder).shells
    volume = np.diff(shells.edges**1.5)
    assert len(shells) == SHELLS
    assert volume == pytest.approx(volume[0], rel=1e-6)
    assert shells.edges[0] == 0.0
    assert shells.edges[-1] == pytest.approx(1.0 / D_MIN**2, rel=1e-5)
    assert np.array_equal(open_study_set(folder, examples=1).shells.edges, shells.edges)


def test_the_published_grid_is_too_coarse_for_better_data(tmp_path: Path) -> None:
    study_set = open_study_set(study_folder(tmp_path / "set", 2, d_min=0.9))
    with pytest.raises(UserError, match=r"data to 1 Å or worse.*\n.*d_min 0.90 Å"):
        read_examples(study_set, SpacingGrid())


def test_a_split_without_crystals_names_those_there_are(folder: Path) -> None:
    with pytest.raises(UserError, match=r"split val.*\n.*6 test"):
        open_study_set(folder, "val")


@pytest.mark.parametrize(("d_min", "crystals"), [(None, True), (2.0, False)])
def test_sets_without_crystals_or_limits_are_refused(
    d_min: float | None, crystals: bool, tmp_path: Path
) -> None:
    path = study_folder(tmp_path / "set", 2, d_min, crystals)
    with pytest.raises(UserError, match="build-tests"):
        open_study_set(path)


def test_a_directory_of_sets_names_them(folder: Path) -> None:
    with pytest.raises(UserError, match=rf"a directory of sets: set\n.*{folder}"):
        open_study_set(folder.parent)


def test_no_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such directory"):
        open_study_set(tmp_path / "none")
