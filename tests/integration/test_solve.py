"""From a measured file to phases, a map and a report, end to end."""

import shutil
from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.cli.main import run
from rephase.evaluate.phasematch import compare
from rephase.evaluate.phasematch_result import PhaseMatch
from rephase.io.ccp4map import read_ccp4_map
from rephase.io.phase_sets import read_phase_set
from rephase.report.results import Results, read_results
from rephase.solve import solve

ALWAYS = {
    *("phased.mtz", "map.ccp4", "report.html", "results.json", "solve.log"),
    *("open_in_coot.py", "open.cxc", "open.pml"),
}
OTHER_HAND = {"phased_other_hand.mtz", "map_other_hand.ccp4"}


def make_example(folder: Path, *options: str) -> Path:
    assert run(["example", *options, "-o", str(folder)]) == 0
    return folder


def solved(example: Path, output: Path, **options: float) -> Results:
    return solve(example / "example.mtz", output, sequence=example / "example.fasta", device="cpu", **options)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Results]:
    """The default example: its folder, the results' folder, and the record."""
    folder = make_example(tmp_path_factory.mktemp("loose") / "example", "MKDVEWLNSA", "--d-min", "1.8")
    output = folder.parent / "solved"
    return folder, output, solved(folder, output, time_limit=60.0)


def against_truth(example: Path, output: Path) -> PhaseMatch:
    return compare(
        read_phase_set(output / "phased.mtz", ("FWT", "PHWT")),
        read_phase_set(example / "truth" / "truth.mtz", ("FC", "PHIC")),
    )


def column(path: Path, label: str) -> np.ndarray:
    return np.array(gemmi.read_mtz_file(str(path)).column_with_label(label))


def test_loose_crystal_is_solved_and_the_verdict_says_so(loose: tuple[Path, Path, Results]) -> None:
    example, output, results = loose
    assert results.verdict.word == "solved"
    assert results.verdict.sentence.startswith("Solved: ")
    found = against_truth(example, output)
    assert found.overall.correlation_f > 0.95
    assert found.overall.dphi < 25.0
    if results.phasing.hand.status == "decided":
        assert found.hand == "same"


def test_all_promised_files_are_written(loose: tuple[Path, Path, Results]) -> None:
    _, output, results = loose
    names = {path.name for path in output.iterdir()}
    both = set() if results.phasing.hand.status == "decided" else OTHER_HAND
    assert names == ALWAYS | both
    assert {file.name for file in results.files} == names


def test_record_on_disk_is_the_record_returned(loose: tuple[Path, Path, Results]) -> None:
    _, output, results = loose
    assert read_results(output / "results.json") == results
    assert len(results.phasing.start_figures) == results.phasing.n_starts
    assert results.verdict.figure.value == results.phasing.start_figures[results.phasing.best_start or 0]
    assert sum(shell.n for shell in results.shells) == results.overall.n == results.input.n_reflections
    assert {stage.stage for stage in results.timings} >= {"data", "phasing", "hand", "files"}


def test_columns_of_the_user_are_unchanged(loose: tuple[Path, Path, Results]) -> None:
    example, output, _ = loose
    for label in ("H", "K", "L", "FP", "SIGFP", "FreeR_flag"):
        before, after = (column(path, label) for path in (example / "example.mtz", output / "phased.mtz"))
        np.testing.assert_array_equal(before, after)


def test_map_file_is_the_transform_of_the_map_coefficients(loose: tuple[Path, Path, Results]) -> None:
    _, output, results = loose
    density, cell, spacegroup = read_ccp4_map(output / "map.ccp4")
    mtz = gemmi.read_mtz_file(str(output / "phased.mtz"))
    again = np.array(mtz.transform_f_phi_to_map("FWT", "PHWT", exact_size=density.shape))
    np.testing.assert_allclose(density, again, atol=1e-3 * again.std())
    assert spacegroup.xhm() == results.input.spacegroup
    assert cell.parameters == pytest.approx(results.input.cell)


def test_figures_of_merit_are_near_the_cosine_of_the_phase_error(loose: tuple[Path, Path, Results]) -> None:
    example, output, results = loose
    found = against_truth(example, output)
    assert results.overall.mean_fom is not None
    expected = np.degrees(np.arccos(results.overall.mean_fom))
    assert abs(expected - found.overall.dphi) < 20.0


def test_report_command_makes_the_page_again(loose: tuple[Path, Path, Results], tmp_path: Path) -> None:
    _, output, _ = loose
    copy = shutil.copytree(output, tmp_path / "copy")
    (copy / "report.html").unlink()
    assert run(["report", str(copy)]) == 0
    assert (copy / "report.html").read_text() == (output / "report.html").read_text()


def test_force_removes_files_of_the_earlier_run_only(
    loose: tuple[Path, Path, Results], tmp_path: Path
) -> None:
    example, _, _ = loose
    output = tmp_path / "out"
    output.mkdir()
    for name in ("peaks.pdb", "notes.txt"):
        (output / name).write_text("earlier")
    solved(example, output, time_limit=60.0, force=True)
    assert not (output / "peaks.pdb").exists()  # of atomic resolution only, which this is not
    assert (output / "notes.txt").read_text() == "earlier"


@pytest.mark.slow
def test_screw_axis_is_placed_where_the_truth_has_it(tmp_path: Path) -> None:
    example = make_example(
        tmp_path / "example", "GNNQQNYWLK", "--spacegroup", "P21", "--solvent", "0.8", "--d-min", "1.6"
    )
    results = solved(example, tmp_path / "out", time_limit=120.0)
    assert results.verdict.word == "solved"
    (screw,) = results.phasing.symmetry
    assert screw.operator == "-x,y+1/2,-z"
    assert screw.agreement > 0.8
    found = against_truth(example, tmp_path / "out")
    assert found.overall.correlation_f > 0.9


@pytest.mark.slow
def test_atomic_resolution_gives_the_atoms_as_peaks(shared: Path, tmp_path: Path) -> None:
    results = solve(shared / "data" / "observed" / "biotin.mtz", tmp_path / "out", device="cpu")
    assert results.verdict.word == "solved"
    peaks = gemmi.read_structure(str(tmp_path / "out" / "peaks.pdb"))
    truth = gemmi.read_structure(str(shared / "data" / "observed" / "biotin.pdb"))
    heavy = [site for site in truth[0].all() if site.atom.element.name != "H"]
    assert peaks[0].count_atom_sites() == len(heavy) == 16
    assert joined_distances(peaks) == pytest.approx(joined_distances(truth), abs=0.15)


def joined_distances(structure: gemmi.Structure) -> list[float]:
    """Distances between bonded atoms, ascending: what the hand and the origin leave alone."""
    xyz = [site.atom.pos for site in structure[0].all() if site.atom.element.name != "H"]
    return sorted(d for i, a in enumerate(xyz) for b in xyz[:i] if (d := a.dist(b)) < 2.0)


@pytest.mark.slow
def test_tight_crystal_is_not_called_solved_in_five_seconds(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, output = shared / "data" / "observed" / "5e5z.mtz", tmp_path / "out"
    assert run(["solve", str(data), "-o", str(output), "--time-limit", "5", "--device", "cpu"]) == 0
    told = capsys.readouterr().out
    results = read_results(output / "results.json")
    assert results.verdict.word != "solved"
    assert f"verdict: {results.verdict.word}" in told
    assert results.phasing.time_limit_hit
    assert any("--time-limit" in step for step in results.next_steps)
    if results.verdict.word == "not solved":
        assert results.overall.mean_fom is not None
        assert results.overall.mean_fom < 0.1
    assert {path.name for path in output.iterdir()} >= ALWAYS


def test_command_in_the_record_gives_the_same_phases_again(
    loose: tuple[Path, Path, Results], tmp_path: Path
) -> None:
    _, output, results = loose
    words = results.command.replace(str(output), str(tmp_path / "again")).split()
    assert words[0] == "rephase"
    assert run(words[1:]) == 0
    for label in ("PHIB", "FOM", "FWT"):
        first, again = (column(folder / "phased.mtz", label) for folder in (output, tmp_path / "again"))
        np.testing.assert_array_equal(first, again)
