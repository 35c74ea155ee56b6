"""Given phases made better by the command line: files, columns, verdict, and input that makes no sense."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from rephase.cli.main import run
from rephase.evaluate.phasematch import compare
from rephase.io.phase_sets import read_phase_set
from rephase.models.config import DensityPriorConfig
from rephase.models.prior import DensityPrior
from rephase.models.trained_prior import PriorRange, PriorRecord, save_prior
from rephase.modify import modify
from rephase.report.results import read_results

WRITTEN = {
    *("phased.mtz", "map.ccp4", "report.html", "results.json", "modify.log"),
    *("open_in_coot.py", "open.cxc", "open.pml"),
}
KAPPA = 1.2  # of the errors of the start: 48° on average
MERIT = 0.51  # ⟨cos Δφ⟩ = I1(κ)/I0(κ)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crystal of a peptide, with errors in its true phases beside the measured data as start.mtz."""
    folder = tmp_path_factory.mktemp("modify") / "example"
    assert run(["example", "MKDVEWLNSAGTREYF", "--d-min", "1.8", "-o", str(folder)]) == 0
    truth = gemmi.read_mtz_file(str(folder / "truth" / "truth.mtz"))
    phases = dict(
        zip(
            map(tuple, truth.make_miller_array().tolist()), truth.column_with_label("PHIC").array, strict=True
        )
    )
    mtz = gemmi.read_mtz_file(str(folder / "example.mtz"))
    true = np.array([phases[tuple(hkl)] for hkl in mtz.make_miller_array().tolist()])
    wrong = np.degrees(np.random.default_rng(0).vonmises(0.0, KAPPA, len(true)))
    data = np.column_stack([mtz.array, true + wrong, np.full(len(true), MERIT)])
    mtz.add_column("PHIB", "P")
    mtz.add_column("FOM", "W")
    mtz.set_data(data.astype(np.float32))
    mtz.write_to_file(str(folder / "start.mtz"))
    return folder


@pytest.fixture(scope="module")
def modified(example: Path) -> Path:
    """The folder that the command writes."""
    output = example.parent / "modified"
    told = ["--sequence", str(example / "example.fasta"), "--cycles", "6", "--prior", "none"]
    assert run(["modify", f"{example / 'start.mtz'}:FP,PHIB,FOM", *told, "-o", str(output)]) == 0
    return output


def error_of(phased: Path, labels: tuple[str, str], example: Path) -> float:
    """Mean phase difference to the truth in degrees, at the best origin."""
    truth = read_phase_set(example / "truth" / "truth.mtz", ("FC", "PHIC"))
    return compare(read_phase_set(phased, labels), truth).overall.dphi


def test_phases_get_better_and_the_report_says_so(example: Path, modified: Path) -> None:
    assert {path.name for path in modified.iterdir()} == WRITTEN
    results = read_results(modified / "results.json")
    assert results.verdict.word == "improved"
    assert "Improved" in (modified / "report.html").read_text(encoding="utf-8")
    before = error_of(example / "start.mtz", ("FP", "PHIB"), example)
    assert error_of(modified / "phased.mtz", ("FWT", "PHWT"), example) < before - 8.0
    assert "free correlation" in (modified / "modify.log").read_text(encoding="utf-8")


def test_the_users_columns_are_unchanged_and_ours_follow(example: Path, modified: Path) -> None:
    given = gemmi.read_mtz_file(str(example / "start.mtz"))
    written = gemmi.read_mtz_file(str(modified / "phased.mtz"))
    count = len(given.columns)
    np.testing.assert_array_equal(written.array[:, :count], given.array)
    ours = [(column.label, column.type) for column in written.columns][count:]
    assert [label for label, _ in ours] == ["PHIB", "FOM", "HLA", "HLB", "HLC", "HLD", "FWT", "PHWT"]
    fom = written.column_with_label("FOM").array
    measured = written.column_with_label("FP").array
    np.testing.assert_allclose(written.column_with_label("FWT").array, fom * measured, rtol=1e-4)


def test_the_same_command_gives_the_same_phases(example: Path, modified: Path, tmp_path: Path) -> None:
    again = modify(
        str(example / "start.mtz"),
        tmp_path / "again",
        sequence=example / "example.fasta",
        cycles=6,
        prior="none",
    )
    first = gemmi.read_mtz_file(str(modified / "phased.mtz")).array
    second = gemmi.read_mtz_file(str(tmp_path / "again" / "phased.mtz")).array
    np.testing.assert_array_equal(first, second)
    assert again.verdict == read_results(modified / "results.json").verdict


def test_without_figure_of_merit_one_is_estimated_with_a_warning(example: Path, tmp_path: Path) -> None:
    results = modify(
        f"{example / 'start.mtz'}:PHIB", tmp_path / "out", solvent=0.7, cycles=3, prior="none", device="cpu"
    )
    assert any("No figure of merit" in warning for warning in results.warnings)
    before = error_of(example / "start.mtz", ("FP", "PHIB"), example)
    assert error_of(tmp_path / "out" / "phased.mtz", ("FWT", "PHWT"), example) < before


def test_a_prior_that_knows_nothing_does_no_harm(example: Path, modified: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = DensityPriorConfig(width=8, blocks=1, maps=1)
    record = PriorRecord(
        network=settings, trained=PriorRange(d_min=(2.0, 2.6), solvent=(0.3, 0.8)), examples=0
    )
    save_prior(tmp_path / "untrained.safetensors", DensityPrior(settings), record)
    results = modify(
        str(example / "start.mtz"),
        tmp_path / "out",
        sequence=example / "example.fasta",
        cycles=3,
        prior=str(tmp_path / "untrained.safetensors"),
        device="cpu",
    )
    assert any("does not know such data: resolution limit 1.80" in warning for warning in results.warnings)
    assert results.phasing.prior is not None
    assert results.phasing.network is None
    assert results.verdict.word == "improved"
    before = error_of(example / "start.mtz", ("FP", "PHIB"), example)
    assert error_of(tmp_path / "out" / "phased.mtz", ("FWT", "PHWT"), example) < before - 5.0


def test_a_crystal_that_is_none_of_a_protein_is_told_of(tmp_path: Path, example: Path) -> None:
    mtz = gemmi.read_mtz_file(str(example / "start.mtz"))
    for_nucleotides = tmp_path / "dna.fasta"
    for_nucleotides.write_text(">dna\nACGTACGTACGTACGT\n")
    results = modify(
        str(example / "start.mtz"), tmp_path / "out", sequence=for_nucleotides, cycles=1, prior="none"
    )
    assert any("nucleotides" in warning for warning in results.warnings)
    assert mtz.nreflections == results.input.n_reflections


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--solvent", "1.2"], "--solvent: a fraction between 0 and 1"),
        (["--cycles", "0"], "--cycles: one or more"),
        (["--d-min", "-1"], "--d-min"),
        (["--prior", "nonsense"], "nonsense"),
        (["--sequence", "no.fasta"], "no.fasta"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    output = tmp_path / "out"
    assert run(["modify", str(example / "start.mtz"), *words, "-o", str(output)]) == 2
    assert told in capsys.readouterr().err
    assert not output.exists()


def test_data_without_phases_are_refused_before_anything_is_written(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["modify", str(example / "example.mtz"), "-o", str(tmp_path / "out")]) == 2
    assert "starting phases" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sequence_that_does_not_fit_the_cell_is_refused(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / "long.fasta"
    long.write_text(">long\n" + "MKDVEWLNSA" * 100 + "\n")
    words = ["modify", str(example / "start.mtz"), "--sequence", str(long), "-o", str(tmp_path / "out")]
    assert run(words) == 2
    assert "a sequence of at most" in capsys.readouterr().err


def test_measured_columns_are_named_by_the_option_that_the_error_prints(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mtz = gemmi.read_mtz_file(str(example / "start.mtz"))
    mtz.copy_column(-1, mtz.column_with_label("FP")).label = "F2"
    mtz.copy_column(-1, mtz.column_with_label("SIGFP")).label = "SIGF2"
    mtz.write_to_file(str(tmp_path / "two.mtz"))
    words = ["modify", str(tmp_path / "two.mtz"), "--prior", "none", "--cycles", "1"]
    assert run([*words, "-o", str(tmp_path / "out")]) == 2
    assert "--observations FP,SIGFP" in capsys.readouterr().err
    assert run([*words, "--observations", "FP,SIGFP", "-o", str(tmp_path / "out")]) == 0
    words[1] += ":FP,PHIB,FOM"
    assert run([*words, "--observations", "F2,SIGF2", "-o", str(tmp_path / "twice")]) == 2
    assert "named once" in capsys.readouterr().err


def test_phases_are_kept_where_nothing_beats_chance(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rephase.phasing.modification.cycles.chance_gain", lambda shells, trials: 1e9)
    command = ["modify", str(example / "start.mtz"), "--cycles", "1", "--prior", "none"]
    assert run([*command, "-o", str(tmp_path / "out")]) == 0
    assert read_results(tmp_path / "out" / "results.json").verdict.word == "unchanged"
    told = capsys.readouterr().out
    assert "the starting phases are kept" in told
    assert "too poor, or right already" in told
    assert "next: coot" not in told
    before = error_of(example / "start.mtz", ("FP", "PHIB"), example)
    assert error_of(tmp_path / "out" / "phased.mtz", ("FWT", "PHWT"), example) == pytest.approx(
        before, abs=0.1
    )
