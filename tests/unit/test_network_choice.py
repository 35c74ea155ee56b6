"""Which network is asked: the one that is named, one that knows such crystals, or none."""

from pathlib import Path

import pytest
import torch
from network_crystals import dipeptide, measured, record

from rephase.errors import UserError
from rephase.io.sequence import Sequence
from rephase.models import trained
from rephase.models.build import build_model
from rephase.models.trained import NetworkRecord, TrainedRange, save_network
from rephase.phasing import network_choice
from rephase.phasing.network_choice import NO_NETWORK, choose_network, outside_training
from rephase.phasing.prepare import PreparedData

CPU = torch.device("cpu")


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of released networks."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for module in (trained, network_choice):
        monkeypatch.setattr(module, "released_folder", lambda: folder)
    return folder


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedData:
    return measured(dipeptide(), tmp_path)


def save(path: Path, of: NetworkRecord) -> Path:
    save_network(path, build_model(of.network), of)
    return path


def release(
    folder: Path, name: str, *, alanine: bool = False, edges: tuple[float, float] = (9.0, 13.0)
) -> None:
    range_ = TrainedRange(
        residues=(2, 2), alanine=alanine, edges=edges, angles=(70.0, 110.0), d_min=(1.5, 1.5)
    )
    save(folder / f"{name}.safetensors", record(name=name).model_copy(update={"trained": range_}))


def sequence(*chains: str) -> Sequence:
    return Sequence(chains, tuple("" for _ in chains))


def name_of(weights: str | None, prepared: PreparedData, content: Sequence | None = None) -> str | None:
    found = choose_network(weights, prepared, content, CPU)
    return None if found is None else found.name


def test_without_released_networks_none_is_asked(released: Path, prepared: PreparedData) -> None:
    assert name_of(None, prepared) is None


def test_a_released_network_is_asked_about_crystals_it_knows(released: Path, prepared: PreparedData) -> None:
    release(released, "dipeptide")
    release(released, "large", edges=(30.0, 60.0))
    found = choose_network(None, prepared, None, CPU)
    assert found is not None
    assert (found.name, found.outside) == ("dipeptide", ())
    assert found.path.is_file()


def test_none_forbids_networks_even_where_one_knows_the_crystal(released: Path, prepared) -> None:
    release(released, "dipeptide")
    assert name_of(NO_NETWORK, prepared) is None


def test_side_chains_and_then_the_narrower_range_decide_between_networks(released: Path, prepared) -> None:
    release(released, "dialanine", alanine=True)
    release(released, "dipeptide")
    release(released, "wide", edges=(5.0, 50.0))
    assert name_of(None, prepared) == "dipeptide"
    assert name_of(None, prepared, sequence("FA")) == "dipeptide"
    assert name_of(None, prepared, sequence("AG")) == "dialanine"


def test_a_sequence_of_another_length_is_not_in_the_range(released: Path, prepared: PreparedData) -> None:
    release(released, "dipeptide")
    assert name_of(None, prepared, sequence("FAAAKL")) is None
    assert name_of(None, prepared, sequence("F", "A")) == "dipeptide"


def test_a_named_network_is_taken_outside_its_range_too_which_it_says(released: Path, prepared) -> None:
    release(released, "large", alanine=True, edges=(30.0, 60.0))
    found = choose_network("large", prepared, sequence("FAK"), CPU)
    assert found is not None
    edges, length, side_chains = found.outside
    assert "trained on 30.00 to 60.00 Å" in edges
    assert length == "a sequence of 3 residues, trained on 2"
    assert "alanine" in side_chains


def test_a_file_is_called_by_its_name(released: Path, prepared: PreparedData, tmp_path: Path) -> None:
    path = save(tmp_path / "mine.safetensors", record())
    assert name_of(str(path), prepared) == "mine.safetensors"


def test_an_unknown_name_is_refused_with_the_names_there_are(released: Path, prepared: PreparedData) -> None:
    release(released, "dipeptide")
    with pytest.raises(UserError, match="dipeptide"):
        choose_network("dipeptid", prepared, None, CPU)


def test_symmetry_is_outside_the_range_of_one_molecule_in_p1(tmp_path: Path) -> None:
    (found,) = outside_training(record(), measured(dipeptide("P 1 21 1"), tmp_path))
    assert found == "2 molecules by symmetry (P 1 21 1), trained on one in P 1"


@pytest.mark.parametrize(("d_min", "outside"), [(1.1, False), (1.5, False), (1.9, True)])
def test_only_too_low_a_resolution_is_outside_the_range(d_min: float, outside: bool, tmp_path: Path) -> None:
    data = measured(dipeptide(), tmp_path, d_min=d_min)
    assert bool(outside_training(record(), data)) == outside
