"""What a run with a density prior says: when the prior is left out, and what is cited."""

from pathlib import Path

import pytest
from prior_oracles import untrained

from rephase.logs import Log
from rephase.models.trained_prior import outside_prior_range
from rephase.phasing.prior_choice import ChosenPrior
from rephase.report.citations import citations
from rephase.report.terminal import tell_prior


def chosen(d_min: float) -> ChosenPrior:
    """Choose a prior that was trained from 1.2 to 2.6 Å for data to `d_min`."""
    trained = untrained()
    return ChosenPrior(
        Path("peptide.safetensors"), trained, tuple(outside_prior_range(trained.record, d_min))
    )


def warnings(d_min: float, asked_for: bool) -> tuple[bool, str]:
    """Whether the prior takes part, and what is warned of."""
    with Log() as log:
        used = tell_prior(log, chosen(d_min), d_min, asked_for)
        return used is not None, " ".join(log.warnings)


def test_data_that_are_too_good_can_be_cut() -> None:
    used, said = warnings(0.9, asked_for=False)
    assert not used
    assert "--d-min 1.2" in said
    assert "--prior peptide.safetensors" in said


def test_data_that_are_too_poor_cannot() -> None:
    used, said = warnings(3.0, asked_for=False)
    assert not used
    assert "--d-min" not in said
    assert "--prior peptide.safetensors" in said


@pytest.mark.parametrize(("d_min", "warned"), [(0.9, True), (1.8, False), (3.0, True)])
def test_a_prior_that_was_asked_for_takes_part(d_min: float, warned: bool) -> None:
    used, said = warnings(d_min, asked_for=True)
    assert used
    assert bool(said) == warned


@pytest.mark.parametrize("projections", [True, False])
def test_the_classical_search_is_cited_where_it_had_a_part(projections: bool) -> None:
    cited = citations(
        projections=projections,
        intensities=True,
        envelope=projections,
        sequence=False,
        l_test=False,
        network=False,
    )
    text = " ".join(one.text for one in cited)
    assert ("Luke" in text) == projections
    assert ("Wang" in text) == projections
    assert all(name in text for name in ("Brünger", "Sim (1959)", "French & Wilson", "GEMMI"))
