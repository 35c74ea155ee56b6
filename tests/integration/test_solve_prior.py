"""`rephase solve --prior` and `--start-phases`: what is done, said, recorded and refused."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
from torch import nn

from rephase.cli.main import run
from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.data.peptides.peptide import chain_from_torsions
from rephase.io.checksums import sha256_of
from rephase.io.example_files import write_measured_mtz
from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.trained_prior import PriorRange, PriorRecord, save_prior
from rephase.report.results import Results, read_results

CELL = gemmi.UnitCell(12, 12, 12, 90, 90, 90)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dipeptide in P1 to 1.8 Å, its true phases with figures of merit, and a prior with random weights."""
    folder = tmp_path_factory.mktemp("prior")
    chain = chain_from_torsions("FA", [(-70.0, 130.0), (-120.0, 140.0)])
    xyz_frac = (chain.xyz_cart - chain.xyz_cart.mean(axis=0)) / 12.0 + 0.5
    group = gemmi.SpaceGroup("P 1")
    model = CrystalModel(CELL, group, xyz_frac, chain.elements, np.full(len(chain.elements), 20.0))
    hkl = unique_reflections(model, 1.8)
    F = structure_factors(model, hkl)
    data = Reflections(hkl, np.abs(F), 1e-3 * np.abs(F) + 1e-3, CELL, group)
    write_measured_mtz(folder / "data.mtz", data, np.zeros(len(hkl), dtype=np.int64))
    write_phases(folder / "start.mtz", hkl, np.degrees(np.angle(F)), CELL)
    torch.manual_seed(1)
    network = DensityPriorConfig(width=8, blocks=1, maps=1)
    prior = DensityPrior(network)
    nn.init.normal_(prior.decoding.weight, std=0.3)
    trained = PriorRange(d_min=(1.4, 2.6), solvent=(0.3, 0.9))
    save_prior(folder / "mine.safetensors", prior, PriorRecord(network=network, trained=trained, examples=77))
    return folder


def write_phases(path: Path, hkl: np.ndarray, phi_deg: np.ndarray, cell: gemmi.UnitCell) -> None:
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup, mtz.cell = gemmi.SpaceGroup("P 1"), cell
    mtz.add_dataset("start")
    mtz.add_column("PHI", "P")
    mtz.add_column("FOM", "W")
    mtz.set_data(np.column_stack([hkl, phi_deg, np.full(len(hkl), 0.9)]).astype(np.float32))
    mtz.write_to_file(str(path))


def solved(folder: Path, output: Path, *options: str) -> Results:
    command = ["solve", str(folder / "data.mtz"), "-o", str(output), "--device", "cpu", "--weights", "none"]
    assert run([*command, *options]) == 0
    return read_results(output / "results.json")


@pytest.fixture(scope="module")
def with_both(folder: Path) -> tuple[Path, Results]:
    output = folder / "both"
    options = (
        "--prior",
        str(folder / "mine.safetensors"),
        "--start-phases",
        f"{folder / 'start.mtz'}:PHI,FOM",
    )
    return output, solved(folder, output, *options, "--time-limit", "5")


def test_the_record_names_the_prior_and_the_phases(folder: Path, with_both: tuple[Path, Results]) -> None:
    _, results = with_both
    prior = results.phasing.prior
    assert prior is not None
    assert (prior.name, prior.examples, prior.outside_range) == ("mine.safetensors", 77, ())
    assert prior.sha256 == sha256_of(folder / "mine.safetensors")
    assert results.phasing.start_phases == f"{folder / 'start.mtz'}:PHI,FOM"
    assert "--prior" in results.command
    assert "--start-phases" in results.command


def test_log_and_report_say_what_took_part(with_both: tuple[Path, Results]) -> None:
    output, _ = with_both
    log = (output / "solve.log").read_text()
    assert "density prior mine.safetensors" in log
    assert "their mean figure of merit: 0.90" in log
    assert "density prior from the given phases" in log
    page = (output / "report.html").read_text()
    assert "Density prior" in page
    assert "Starting phases" in page


def test_classical_search_from_given_phases_stays_where_they_are(folder: Path, tmp_path: Path) -> None:
    """The given phases are right: the answer is at their origin and in their hand."""
    start = folder / "start.mtz"
    results = solved(
        folder, tmp_path / "out", "--prior", "none", "--start-phases", str(start), "--time-limit", "20"
    )
    assert results.phasing.prior is None
    assert results.verdict.word == "solved"
    assert "given phases" in results.phasing.method
    assert results.phasing.hand.status == "decided"
    true, found = phases_of(start, "PHI"), phases_of(tmp_path / "out" / "phased.mtz", "PHIB")
    assert true.keys() == found.keys()
    assert np.mean([np.cos(np.radians(found[hkl] - true[hkl])) for hkl in true]) > 0.8


def phases_of(path: Path, label: str) -> dict[tuple[int, ...], float]:
    mtz = gemmi.read_mtz_file(str(path))
    hkl = map(tuple, mtz.make_miller_array().tolist())
    return dict(zip(hkl, np.array(mtz.column_with_label(label)).tolist(), strict=True))


def test_a_prior_that_does_not_know_the_resolution_warns_if_it_was_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    mine = str(folder / "mine.safetensors")
    results = solved(folder, tmp_path / "out", "--prior", mine, "--d-min", "2.8", "--time-limit", "2")
    assert results.phasing.prior is not None
    assert results.phasing.prior.outside_range
    assert any("does not know such data" in warning for warning in results.warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--prior", "nonsense"), "nonsense"),
        (("--prior", "no/such/file.safetensors"), "no/such/file.safetensors"),
        (("--start-phases", "no_such.mtz"), "no_such.mtz"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, options: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(["solve", str(folder / "data.mtz"), "-o", str(output), *options]) == 2
    assert not output.exists()
    assert message in capsys.readouterr().err


def test_phases_of_another_crystal_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = gemmi.UnitCell(15, 17, 19, 90, 90, 90)
    hkl = np.asarray(gemmi.make_miller_array(foreign, gemmi.SpaceGroup("P 1"), 2.0), dtype=np.int32)
    write_phases(tmp_path / "foreign.mtz", hkl, np.linspace(-170, 170, len(hkl)), foreign)
    command = ["solve", str(folder / "data.mtz"), "-o", str(tmp_path / "out")]
    assert run([*command, "--start-phases", str(tmp_path / "foreign.mtz")]) == 2
    assert "cell" in capsys.readouterr().err
