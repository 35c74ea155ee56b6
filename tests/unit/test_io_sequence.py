import gemmi
import pytest

from rephase.crystal.solvent import cell_content
from rephase.errors import UserError
from rephase.io.sequence import RESIDUE_ATOMS, parse_fasta, read_sequence


def test_several_chains_and_stray_formatting():
    sequence = parse_fasta("; comment\n>A one\nmkl v\n WW*\n\n>B\nGG\n>empty\n")
    assert sequence.chains == ("MKLVWW", "GG")
    assert sequence.names == ("A one", "B")
    assert sequence.residues == 8


def test_bare_sequence_without_header():
    assert parse_fasta("GNNQQNY\n").chains == ("GNNQQNY",)


def test_mass_and_atoms_of_a_known_peptide():
    """GNNQQNY: C33 H48 N12 O14 S0 (1yjp), 836.8 Da."""
    sequence = parse_fasta("GNNQQNY")
    assert sequence.composition == {"C": 33.0, "H": 48.0, "N": 12.0, "O": 14.0, "S": 0.0}
    assert sequence.mass == pytest.approx(836.8, abs=0.1)
    assert sequence.heavy_atoms == 59


@pytest.mark.parametrize("letter", sorted(RESIDUE_ATOMS))
def test_residues_weigh_what_gemmi_says(letter):
    residue = gemmi.find_tabulated_residue(gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA))
    # gemmi's free amino acids, R and K with one proton more, as in the PDB's dictionary
    protonated = 1.008 if letter in "RKH" else 0.0
    assert parse_fasta(letter).mass == pytest.approx(residue.weight - protonated, abs=0.02)


@pytest.mark.parametrize("text", ["", ">only a header\n", "\n\n"])
def test_no_sequence_is_explained(text):
    with pytest.raises(UserError, match="none in"):
        parse_fasta(text)


def test_illegal_letters_are_named():
    with pytest.raises(UserError, match="1 Z in") as error:
        parse_fasta(">x\nAC1Z\n")
    assert "first at 3" in error.value.found


def test_files_that_are_no_text(tmp_path):
    (tmp_path / "binary.fa").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("binary.fa", "none.fa"):
        with pytest.raises(UserError, match="FASTA"):
            read_sequence(tmp_path / name)
    (tmp_path / "good.fa").write_text(">a\nACD\n")
    assert read_sequence(tmp_path / "good.fa").residues == 3


def test_matthews_counts_the_copies():
    cell, group = gemmi.UnitCell(50.84, 42.77, 28.95, 90, 90, 90), gemmi.SpaceGroup("P 21 21 21")
    content = cell_content(cell, group, 8565.0)  # ubiquitin, one copy, V_M 1.84 (PDB entry 1UBQ)
    assert content.copies == 1
    assert content.vm == pytest.approx(1.84, abs=0.01)
    assert content.solvent_fraction == pytest.approx(0.33, abs=0.01)
    assert cell_content(cell, group, 2000.0).copies == 3


def test_more_protein_than_fits_is_an_error():
    with pytest.raises(UserError, match="20000 Da"):
        cell_content(gemmi.UnitCell(20, 20, 20, 90, 90, 90), gemmi.SpaceGroup("P 1"), 20000.0)
