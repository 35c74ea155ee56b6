"""`rephase example` writes what it says, and refuses what it cannot do."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from rephase.cli.main import run


def column(mtz: gemmi.Mtz, label: str) -> np.ndarray:
    found = mtz.column_with_label(label)
    assert found is not None
    return np.array(found, dtype=np.float64)


def make(folder: Path, *options: str, d_min: str = "2.5", solvent: str = "0") -> Path:
    target = folder / "made"
    words = ["example", "GAVLK", "-o", str(target), "--d-min", d_min, "--solvent", solvent, *options]
    assert run(words) == 0
    return target


@pytest.mark.parametrize("spacegroup", ["P1", "P21", "P212121", "C2", "R3"])
def test_files_agree_with_each_other(tmp_path: Path, spacegroup: str) -> None:
    made = make(tmp_path, "--spacegroup", spacegroup)
    measured = gemmi.read_mtz_file(str(made / "example.mtz"))
    truth = gemmi.read_mtz_file(str(made / "truth" / "truth.mtz"))
    structure = gemmi.read_structure(str(made / "truth" / "truth.pdb"))
    assert [c.type for c in measured.columns] == list("HHHFQI")
    np.testing.assert_array_equal(measured.make_miller_array(), truth.make_miller_array())
    assert measured.spacegroup == truth.spacegroup == structure.find_spacegroup()
    np.testing.assert_allclose(measured.cell.parameters, structure.cell.parameters, atol=0.01)
    assert gemmi.one_letter_code(structure[0]["A"].whole().extract_sequence()) == "GAVLK"
    assert (made / "example.fasta").read_text(encoding="utf-8").splitlines()[1:] == ["GAVLK"]
    deviation = (column(measured, "FP") - column(truth, "FC")) / column(measured, "SIGFP")
    assert 0.8 < deviation.std() < 1.2


@pytest.mark.parametrize("spacegroup", ["P1", "P21", "R3"])
def test_truth_phases_are_those_of_the_truth_model(tmp_path: Path, spacegroup: str) -> None:
    made = make(tmp_path, "--spacegroup", spacegroup)
    truth = gemmi.read_mtz_file(str(made / "truth" / "truth.mtz"))
    structure = gemmi.read_structure(str(made / "truth" / "truth.pdb"))
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    hkl = truth.make_miller_array().tolist()
    from_model = np.array([calculator.calculate_sf_from_model(structure[0], index) for index in hkl])
    written = column(truth, "FC") * np.exp(1j * np.radians(column(truth, "PHIC")))
    error = np.linalg.norm(from_model - written) / np.linalg.norm(written)
    assert error < 5e-3  # the PDB file keeps three decimals of an Å


def test_free_set_is_a_twentieth(tmp_path: Path) -> None:
    made = make(tmp_path, d_min="1.2")
    free = column(gemmi.read_mtz_file(str(made / "example.mtz")), "FreeR_flag")
    assert set(np.unique(free)) == set(range(20))
    assert 0.03 < np.mean(free == 0) < 0.07


def test_summary_names_cell_group_solvent_and_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(tmp_path, "--spacegroup", "P21", solvent="0.6")
    told = capsys.readouterr().out
    mtz = gemmi.read_mtz_file(str(made / "example.mtz"))
    assert f"{mtz.cell.a:.2f} {mtz.cell.b:.2f} {mtz.cell.c:.2f}" in told
    assert "P 1 21 1" in told
    assert f"{mtz.nreflections} to" in told
    assert told.splitlines()[-1] == (
        f"next: rephase solve {made / 'example.mtz'} --sequence {made / 'example.fasta'} -o solved"
    )


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "same", "other"):
        (tmp_path / folder).mkdir()
    one, same = (make(tmp_path / folder, "--seed", "4") for folder in ("one", "same"))
    other = make(tmp_path / "other", "--seed", "5")
    for name in ("example.mtz", "example.fasta", "truth/truth.pdb", "truth/truth.mtz"):
        assert (one / name).read_bytes() == (same / name).read_bytes()
    assert (one / "truth" / "truth.pdb").read_bytes() != (other / "truth" / "truth.pdb").read_bytes()


def test_existing_directory_is_kept_without_force_and_renewed_with_it(tmp_path: Path) -> None:
    made = make(tmp_path)
    before = (made / "truth" / "truth.pdb").read_bytes()
    assert run(["example", "GGGG", "-o", str(made), "--d-min", "2.5"]) == 2
    assert (made / "truth" / "truth.pdb").read_bytes() == before
    assert run(["example", "GGGG", "-o", str(made), "--d-min", "2.5", "--force"]) == 0
    assert (made / "truth" / "truth.pdb").read_bytes() != before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["GAXK"], "sequence"),
        ([""], "sequence"),
        (["GAVK", "--spacegroup", "P21/c"], "chiral"),
        (["GAVK", "--spacegroup", "Q7"], "space group"),
        (["GAVK", "--solvent", "80"], "solvent"),
        (["GAVK", "--d-min", "0"], "--d-min"),
        (["GAVK", "--d-min", "nan"], "--d-min"),
        (["GAVK", "--signal", "-1"], "--signal"),
        (["GAVK", "--seed", "-1"], "--seed"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(["example", *words, "-o", str(tmp_path / "made")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_a_file_in_the_way_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "made").write_text("mine", encoding="utf-8")
    assert run(["example", "GAVK", "-o", str(tmp_path / "made"), "--force"]) == 2
    assert "a file of that name" in capsys.readouterr().err
    assert (tmp_path / "made").read_text(encoding="utf-8") == "mine"
