"""Every measured data set at hand is read, with the right columns."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.errors import UserError
from rephase.io.observations import read_observations

OBSERVED = Path(__file__).parents[3] / "shared" / "data" / "observed"
pytestmark = pytest.mark.skipif(
    not OBSERVED.is_dir(), reason="shared/data/observed is not beside the checkout"
)

# file, kind, labels, usable reflections (counted in the files), d_min, value of the test set
CASES = [
    ("biotin.mtz", "intensity", "IMEAN,SIGIMEAN", 960, 0.85, None),
    ("6mw0-sf.cif.gz", "intensity", "IMEAN,SIGIMEAN", 4832, 0.78, None),
    ("1byz.mtz", "intensity", "I,SIGI", 23681, 0.90, 0),
    ("5e5z.mtz", "intensity", "I,SIGI", 403, 1.66, 0),
    ("1yjp-sf.cif", "amplitude", "FP,SIGFP", 495, 1.80, 0),
    ("1aba.mtz", "amplitude", "FP,SIGFP", 16153, 1.45, 0),
    ("1t00.mtz", "amplitude", "FP,SIGFP", 16627, 1.51, 0),
    ("1l2h.mtz.gz", "intensity", "IMEAN,SIGIMEAN", 31781, 1.54, 0),
    ("1ubq_fexp.mtz", "amplitude", "FOBS,SIGFOBS", 6029, 1.80, None),
    ("1rx2_phases.mtz", "amplitude", "FP,SIGFP", 14152, 1.80, None),
    ("1g1j.mtz", "amplitude", "FP,SIGFP", 6734, 1.86, 0),
    ("1dtx.mtz", "amplitude", "FP,SIGFP", 3589, 2.20, 0),
    ("1v9g-sf.cif.gz", "intensity", "IMEAN,SIGIMEAN", 2911, 1.60, 0),
]


@pytest.mark.parametrize(("name", "kind", "labels", "count", "d_min", "test"), CASES, ids=lambda v: str(v))
def test_columns_are_found_by_type(name, kind, labels, count, d_min, test):
    data = read_observations(OBSERVED / name)
    assert (data.kind, ",".join(data.labels), len(data)) == (kind, labels, count)
    assert data.cell.calculate_d_array(data.hkl).min() == pytest.approx(d_min, abs=0.01)
    assert data.test_value == test
    assert np.all(np.isfinite(data.value))
    assert np.all(data.sigma > 0)
    assert len(np.unique(data.hkl, axis=0)) == len(data)


def test_several_derivatives_ask_for_a_choice():
    with pytest.raises(UserError, match="--observations FTOXD3,SIGFTOXD3") as error:
        read_observations(OBSERVED / "toxd.mtz")
    assert "FAU20,SIGFAU20" in error.value.found
    assert len(read_observations(OBSERVED / "toxd.mtz", "FTOXD3,SIGFTOXD3")) == 3161


def test_amplitudes_can_be_asked_for_where_intensities_are_present():
    assert read_observations(OBSERVED / "1v9g-sf.cif.gz", "FP,SIGFP").kind == "amplitude"


@pytest.mark.parametrize("name", ["6mw0.cif", "1l2h.cif.gz"])
def test_coordinates_instead_of_data_are_recognised(name):
    with pytest.raises(UserError, match="atoms, no reflections"):
        read_observations(OBSERVED / name)


def test_pdb_file_instead_of_data_is_recognised():
    with pytest.raises(UserError, match="PDB file"):
        read_observations(OBSERVED / "1yjp.pdb")


def test_source_keeps_the_columns_of_the_user():
    data = read_observations(OBSERVED / "1aba.mtz", d_min=3.0)
    original = gemmi.read_mtz_file(str(OBSERVED / "1aba.mtz"))
    np.testing.assert_array_equal(np.array(data.source), np.array(original))
    assert data.cell.calculate_d_array(data.hkl).min() >= 3.0


def test_expansion_to_p1_multiplies_the_reflections():
    symmetric = read_observations(OBSERVED / "1ubq_fexp.mtz")
    triclinic = read_observations(OBSERVED / "1ubq_fexp.mtz", in_p1=True)
    assert triclinic.spacegroup.number == 1
    assert 3.3 < len(triclinic) / len(symmetric) < 4.0
