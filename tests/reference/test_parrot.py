"""Density modification of measured data against Parrot 1.0.6 on the same files.

The numbers are from ../shared/data/modify/README.md: mean phase errors of all reflections, unweighted, after
10 cycles of solvent flattening, histogram matching and anisotropy correction. The prior has no part in this.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from rephase.io.observations import read_observations
from rephase.io.sequence import read_sequence
from rephase.io.start_phases import read_start_phases
from rephase.modify import matching_rows
from rephase.phasing.modification.cycles import modify_phases
from rephase.phasing.modification.modified_density import SolventAndHistogram
from rephase.phasing.modification.unique_grid import unique_grid
from rephase.phasing.prepare import prepare


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start_deg", "parrot_deg"), [("47", 46.5, 37.0), ("66", 65.7, 70.5), ("78", 78.2, 85.6)]
)
def test_phases_end_better_than_those_of_parrot_and_never_worse_than_they_began(
    shared: Path, name: str, start_deg: float, parrot_deg: float
) -> None:
    folder = shared / "data" / "modify"
    file = folder / f"1rx2_start{name}.mtz"
    observed = read_observations(file)
    prepared = prepare(observed, read_sequence(folder / "1rx2.fasta"))
    start = matching_rows(read_start_phases(f"{file}:PHIB,FOM", observed), observed, prepared)
    true = matching_rows(read_start_phases(f"{file}:PHIT", observed), observed, prepared).phi
    crystal = unique_grid(prepared, torch.device("cpu"))
    density = SolventAndHistogram(crystal, 1.0 - prepared.solvent_fraction)
    found = modify_phases(crystal, start.hl, density, cycles=10)
    errors = (np.angle(np.exp(1j * (phi - true))) for phi in (start.phi, found.phi))
    before, after = (np.degrees(np.abs(error)).mean() for error in errors)
    assert before == pytest.approx(start_deg, abs=0.1)
    assert after < min(parrot_deg, start_deg + 0.1)
    assert found.fom.mean() == pytest.approx(np.cos(found.phi - true).mean(), abs=0.04)
