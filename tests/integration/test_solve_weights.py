"""`rephase solve --weights`: predictions as starts, what is said of them, and what is refused."""

import json
import shutil
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from rephase.cli.main import run
from rephase.crystal.reflections import Reflections
from rephase.data.crystals.crystal_model import CrystalModel
from rephase.data.crystals.structure_factors import structure_factors, unique_reflections
from rephase.data.peptides.peptide import chain_from_torsions
from rephase.io.checksums import sha256_of
from rephase.io.example_files import write_fasta, write_measured_mtz
from rephase.models.build import build_model
from rephase.models.config import FastUNetConfig, ModelConfig, UNetConfig
from rephase.models.trained import NetworkRecord, TrainedRange, save_network
from rephase.report.results import Results, read_results


def crystal(folder: Path) -> Path:
    """A dipeptide in a cubic cell of 12 Å; makes its MTZ and its FASTA file."""
    chain = chain_from_torsions("FA", [(-70.0, 130.0), (-120.0, 140.0)])
    xyz_frac = (chain.xyz_cart - chain.xyz_cart.mean(axis=0)) / 12.0 + 0.5
    cell, group = gemmi.UnitCell(12, 12, 12, 90, 90, 90), gemmi.SpaceGroup("P 1")
    model = CrystalModel(cell, group, xyz_frac, chain.elements, np.full(len(chain.elements), 20.0))
    hkl = unique_reflections(model, 1.5)
    f = np.abs(structure_factors(model, hkl))
    data = Reflections(hkl, f, 1e-3 * f + 1e-3, cell, group)
    write_measured_mtz(folder / "data.mtz", data, np.zeros(len(hkl), dtype=np.int64))
    write_fasta(folder / "FA.fasta", "FA", "FA")
    return folder / "data.mtz"


def weights(path: Path, edge: float = 12.0, model: ModelConfig | None = None) -> Path:
    """A network that has learnt nothing, trained in name on cubic cells of one edge."""
    torch.manual_seed(1)
    config = model or FastUNetConfig(width=8, blocks=1, maps=1, recycling=True, hand=True)
    range_ = TrainedRange(residues=(2, 2), edges=(edge, edge), angles=(90.0, 90.0), d_min=(1.5, 1.5))
    known = NetworkRecord(network=config, passes=int(config.recycling), trained=range_, examples=1234)
    save_network(path, build_model(config), known)
    return path


def solved(data: Path, output: Path, *options: str) -> Results:
    assert (
        run(["solve", str(data), "-o", str(output), "--device", "cpu", "--time-limit", "30", *options]) == 0
    )
    return read_results(output / "results.json")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Results]:
    folder = tmp_path_factory.mktemp("seeded")
    data, network = crystal(folder), weights(folder / "mine.safetensors")
    return data, network, solved(data, folder / "solved", "--weights", str(network))


def test_the_search_starts_from_the_predictions(seeded: tuple[Path, Path, Results]) -> None:
    data, _, results = seeded
    assert results.verdict.word == "solved"
    assert "prediction of the given network" in results.phasing.method
    told = (data.parent / "solved" / "solve.log").read_text()
    assert "starts predicted by the network mine.safetensors, trained on 1 234 examples" in told


def test_the_record_and_the_report_name_the_network(seeded: tuple[Path, Path, Results]) -> None:
    data, network, results = seeded
    used = results.phasing.network
    assert used is not None
    assert (used.name, used.examples, used.outside_range) == ("mine.safetensors", 1234, ())
    assert used.sha256 == sha256_of(network)
    page = (data.parent / "solved" / "report.html").read_text()
    assert used.sha256 in page
    assert "inside the range of its training" in page
    assert any("Pan et al." in citation.text for citation in results.citations)


def test_the_command_in_the_record_names_the_weights(seeded: tuple[Path, Path, Results]) -> None:
    _, network, results = seeded
    assert f"--weights {network}" in results.command


def test_a_crystal_outside_the_range_is_warned_of_and_phased(seeded, tmp_path: Path) -> None:
    data, _, _ = seeded
    foreign = weights(tmp_path / "foreign.safetensors", edge=30.0)
    results = solved(data, tmp_path / "solved", "--weights", str(foreign))
    assert results.verdict.word == "solved"
    (warning,) = [text for text in results.warnings if "network" in text]
    assert "cell edges 12.00, 12.00, 12.00 Å, trained on 30.00 Å" in warning
    assert results.phasing.network is not None
    assert results.phasing.network.outside_range
    assert "outside the range of its training" in (tmp_path / "solved" / "report.html").read_text()


def test_a_sequence_the_network_does_not_know_is_warned_of(seeded, tmp_path: Path) -> None:
    data, network, _ = seeded
    write_fasta(tmp_path / "FAF.fasta", "FAF", "FAF")
    options = ("--weights", str(network), "--sequence", str(tmp_path / "FAF.fasta"))
    results = solved(data, tmp_path / "solved", *options)
    assert any("a sequence of 3 residues, trained on 2" in text for text in results.warnings)


def test_none_gives_the_phases_of_a_run_without_networks(seeded, tmp_path: Path) -> None:
    data, _, _ = seeded
    results = solved(data, tmp_path / "solved", "--weights", "none")
    assert results.phasing.network is None
    assert "prediction" not in results.phasing.method
    assert "network" not in (tmp_path / "solved" / "solve.log").read_text()


def test_the_same_seed_gives_the_same_phases(seeded: tuple[Path, Path, Results], tmp_path: Path) -> None:
    data, network, _ = seeded
    solved(data, tmp_path / "again", "--weights", str(network))
    first, again = (
        np.array(gemmi.read_mtz_file(str(folder / "phased.mtz")).column_with_label("PHIB"))
        for folder in (data.parent / "solved", tmp_path / "again")
    )
    np.testing.assert_array_equal(first, again)


def test_a_published_network_sees_its_own_grid(seeded, tmp_path: Path) -> None:
    data, _, _ = seeded
    network = weights(tmp_path / "unet.safetensors", model=UNetConfig(outer=2, inner=2, blocks=1))
    assert solved(data, tmp_path / "solved", "--weights", str(network)).verdict.word == "solved"


def refused(data: Path, output: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["solve", str(data), "-o", str(output), "--weights", name]) == 2
    assert not output.exists()
    return capsys.readouterr().err


def test_weights_that_are_not_there_are_refused_before_anything_is_written(seeded, tmp_path, capsys) -> None:
    told = refused(seeded[0], tmp_path / "solved", "no-such-network", capsys)
    assert "no-such-network" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_files_that_are_no_weights_are_refused(seeded, tmp_path, content: bytes, capsys) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    assert "x.safetensors" in refused(seeded[0], tmp_path / "solved", str(tmp_path / "x.safetensors"), capsys)


def test_the_report_of_an_older_record_without_a_network_can_be_made(seeded, tmp_path: Path) -> None:
    folder = shutil.copytree(seeded[0].parent / "solved", tmp_path / "old")
    record = json.loads((folder / "results.json").read_text())
    del record["phasing"]["network"]
    (folder / "results.json").write_text(json.dumps(record))
    assert run(["report", str(folder)]) == 0
