"""Which prior is used: the named one, the released one that suits the crystal, or none."""

from dataclasses import replace
from pathlib import Path

import gemmi
import pytest
from network_crystals import dipeptide, measured
from phasing_crystals import CPU
from prior_oracles import RECORD, untrained

from rephase.crystal.reflections import Reflections
from rephase.errors import UserError
from rephase.models.trained_prior import save_prior
from rephase.phasing import prior_choice
from rephase.phasing.prepare import PreparedData
from rephase.phasing.prior_choice import PEPTIDE, PROTEIN, choose_prior, prior_of_search


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of that of the released priors, with one of them."""
    monkeypatch.setattr(prior_choice, "released_priors", lambda: tmp_path)
    monkeypatch.setattr("rephase.models.trained_prior.released_priors", lambda: tmp_path)
    save_prior(
        tmp_path / f"{PEPTIDE}.safetensors", untrained().network, RECORD.model_copy(update={"name": PEPTIDE})
    )
    return tmp_path


def test_without_a_name_the_default_is_taken_if_it_is_there(released):
    chosen = choose_prior(None, 2.0, CPU, PEPTIDE)
    assert chosen is not None
    assert (chosen.name, chosen.outside) == (PEPTIDE, ())
    assert chosen.path == released / f"{PEPTIDE}.safetensors"
    assert choose_prior(None, 2.0, CPU, PROTEIN) is None


def test_a_file_is_taken_whatever_its_name(released, tmp_path):
    path = tmp_path / "mine.st"
    save_prior(path, untrained().network, RECORD)
    chosen = choose_prior(str(path), 2.0, CPU)
    assert chosen is not None
    assert chosen.name == "mine.st"


def test_none_is_a_word(released):
    assert choose_prior("none", 2.0, CPU, PEPTIDE) is None


def test_a_resolution_that_it_does_not_know_is_said(released):
    chosen = choose_prior(PEPTIDE, 3.1, CPU)
    assert chosen is not None
    assert "3.10" in chosen.outside[0]


def test_a_misspelt_name_is_put_right(released):
    with pytest.raises(UserError, match="peptide"):
        choose_prior("peptid", 2.0, CPU)


def crystal(tmp_path: Path, group: str, scale: float) -> PreparedData:
    """Only cell, group and solvent content are looked at."""
    prepared = measured(dipeptide(cell=(12.0, 12.0, 12.0, 90.0, 90.0, 90.0)), tmp_path)
    data = prepared.reflections
    cell = gemmi.UnitCell(*(scale * 12.0 for _ in range(3)), 90, 90, 90)
    moved = Reflections(data.hkl, data.f, data.sigf, cell, gemmi.SpaceGroup(group))
    return replace(prepared, reflections=moved, solvent_fraction=0.5)


@pytest.mark.parametrize(
    ("group", "scale", "name"),
    [
        ("P 1", 1.0, PEPTIDE),
        ("P 1", 2.5, PEPTIDE),
        ("P 1", 6.0, PROTEIN),
        ("P 1 21 1", 2.0, PEPTIDE),
        ("P 1 21 1", 6.0, PROTEIN),
    ],
)
def test_peptides_and_p1_have_their_own_prior(tmp_path, group, scale, name):
    assert prior_of_search(crystal(tmp_path, group, scale)) == name
