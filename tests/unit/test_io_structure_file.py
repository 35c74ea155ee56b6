"""Reading entries: three formats give the same, and every broken file is named."""

import gzip
from datetime import date
from pathlib import Path

import gemmi
import pytest
from small_entries import (
    CIF_FACTS,
    HEADER,
    SEQUENCE,
    WRITERS,
    binary_cif,
    cif_text,
    entry_of,
    pdb_text,
    strand,
    structure_of,
)

from rephase.data.structures.build_config import BuildConfig, ChainRules
from rephase.data.structures.extraction import extract
from rephase.errors import UserError
from rephase.io import structure_file
from rephase.io.structure_file import read_structure_file


def written(tmp_path: Path, content: bytes, name: str = "entry") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_states_the_same(tmp_path: Path, form: str) -> None:
    structure = structure_of(strand(SEQUENCE))
    entry = read_structure_file(written(tmp_path, WRITERS[form](structure)))  # the name tells nothing
    assert (entry.id, entry.methods) == ("4AZ3", ("X-RAY DIFFRACTION",))
    assert (entry.deposited, entry.released) == (date(1997, 12, 13), date(1998, 4, 8))
    assert (entry.resolution, entry.r_free) == (1.8, 0.215)
    found = [site.atom for site in entry.structure[0].all()]
    expected = [site.atom for site in structure[0].all()]
    assert [atom.name for atom in found] == [atom.name for atom in expected]
    assert max(a.pos.dist(b.pos) for a, b in zip(found, expected, strict=True)) < 0.001


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("FREE R VALUE                     : 0.202", 0.202),
        ("FREE R VALUE                  (NO CUTOFF) : 0.174", 0.174),
        ("FREE R VALUE                  (F>4SIG(F)) : 0.16", 0.16),
        ("FREE R VALUE                     : 20.2", 0.202),
        ("FREE R VALUE                     : NULL", None),
        ("FREE R VALUE TEST SET SIZE   (%) : 9.900", None),
        ("BIN FREE R VALUE                 : 0.321", None),
    ],
)
def test_r_free_of_pdb_files(tmp_path: Path, line: str, value: float | None) -> None:
    header = HEADER.replace("FREE R VALUE                     : 0.215", line)
    assert entry_of(tmp_path, structure_of(strand("AC")), header).r_free == pytest.approx(value)


def test_a_header_that_says_little(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, structure_of(strand("ACD")), "")
    assert (entry.methods, entry.deposited, entry.released) == ((), None, None)
    assert (entry.resolution, entry.r_free) == (None, None)
    assert entry.id == "ENTRY"


def test_an_impossible_date_is_no_date(tmp_path: Path) -> None:
    header = HEADER.replace("13-DEC-97", "31-FEB-97").replace("08-APR-98", "08-XXX-98")
    entry = entry_of(tmp_path, structure_of(strand("AC")), header)
    assert (entry.deposited, entry.released) == (None, None)


def test_two_digits_below_seventy_are_years_after_2000(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, structure_of(strand("AC")), HEADER.replace("13-DEC-97", "13-DEC-07"))
    assert entry.deposited == date(2007, 12, 13)


def test_several_methods(tmp_path: Path) -> None:
    header = HEADER.replace("X-RAY DIFFRACTION", "X-RAY DIFFRACTION; NEUTRON DIFFRACTION")
    entry = entry_of(tmp_path, structure_of(strand("AC")), header)
    assert entry.methods == ("X-RAY DIFFRACTION", "NEUTRON DIFFRACTION")


def test_of_a_joint_refinement_the_x_ray_figures_count(tmp_path: Path) -> None:
    joint = """
loop_
_refine.pdbx_refine_id
_refine.ls_d_res_high
_refine.ls_R_factor_R_free
'NEUTRON DIFFRACTION' 2.2 0.31
'X-RAY DIFFRACTION' 1.5 0.19
"""
    facts = CIF_FACTS[: CIF_FACTS.index("_refine")] + joint
    text = cif_text(structure_of(strand("AC")), facts)
    for content in (text.encode(), binary_cif(text)):
        entry = read_structure_file(written(tmp_path, content))
        assert (entry.resolution, entry.r_free) == (1.5, 0.19)


def test_resolution_of_the_data_stands_in(tmp_path: Path) -> None:
    text = cif_text(structure_of(strand("AC")), "_reflns.d_resolution_high 2.1\n")
    entry = read_structure_file(written(tmp_path, text.encode()))
    assert (entry.resolution, entry.r_free) == (2.1, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pdb4az3.ent.gz", "4AZ3"),
        ("4az3.pdb.gz", "4AZ3"),
        ("my model_3 (final).pdb", "MY-MODEL-3-FINAL"),
        ("modèle.pdb", "MOD-LE"),
        ("_.cif", "UNNAMED"),
    ],
)
def test_without_a_header_the_name_is_the_id(tmp_path: Path, name: str, expected: str) -> None:
    path = written(tmp_path, pdb_text(structure_of(strand("ACD")), "").encode(), name)
    assert read_structure_file(path).id == expected


def test_ids_of_twelve_characters(tmp_path: Path) -> None:
    for stated, expected in (("pdb_1000a2bc", "PDB_1000A2BC"), ("pdb_00004az3", "4AZ3")):
        text = cif_text(structure_of(strand("ACD"))).replace("_entry.id 4AZ3", f"_entry.id {stated}")
        assert read_structure_file(written(tmp_path, text.encode())).id == expected


@pytest.mark.parametrize(
    "change", [(b"\n", b"\r\n"), (b"HYDROLASE", b"HYDR\xd6LASE"), (b"HEADER", b"HEADER")]
)
def test_line_ends_and_letters_of_other_systems(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    content = pdb_text(structure_of(strand("ACDEF"))).encode().replace(*change)
    entry = read_structure_file(written(tmp_path, content))
    assert (entry.id, entry.r_free, entry.resolution) == ("4AZ3", 0.215, 1.8)
    assert entry.released == date(1998, 4, 8)
    assert len(entry.structure[0][0]) == 5


@pytest.mark.parametrize("form", ["pdb", "cif"])
@pytest.mark.parametrize("name", ["NE1", "TRP", " A"])
def test_a_damaged_byte_in_a_name_is_no_crash(tmp_path: Path, form: str, name: str) -> None:
    content = WRITERS[form](structure_of(strand("AWA")))
    for byte in (b"\xd6", b"\xff", b"\xc3\xa9"):
        damaged = written(tmp_path, content.replace(name.encode(), name[:-1].encode() + byte))
        extract(damaged, BuildConfig(chains=ChainRules(residues=1)))


def test_cif_after_a_byte_order_mark_or_with_other_letters(tmp_path: Path) -> None:
    content = cif_text(structure_of(strand("ACDEF"))).encode()
    for changed in (b"\n# comment\n" + content, content.replace(b"\n", b"\r\n"), content + b"_a.b '\xe9'\n"):
        assert read_structure_file(written(tmp_path, changed)).r_free == 0.215


PDB = pdb_text(structure_of(strand("ACDEF"))).encode()
CIF = cif_text(structure_of(strand("ACDEF")), "")
BROKEN = {
    "is empty": b"",
    "is empty ": b" \n\n",
    "none of these": b"This is a letter to the editor.\n" * 40,
    "none of these ": b"MTZ \x00\x01\x02" + bytes(200),
    "none of these  ": bytes(range(256)) * 4,
    "holds no atoms": HEADER.encode() + b"MODEL        1\nENDMDL\nEND\n",
    "holds no atoms ": b"data_r1abcsf\n_cell.length_a 10\nloop_\n_refln.index_h\n_refln.index_k\n1 2\n",
    "end-of-stream": gzip.compress(PDB)[:-200],
    "Wrong number of values": CIF.encode()[: CIF.index("\n12 ") + 9],
    "damaged BinaryCIF": binary_cif(CIF)[:-500],
}


@pytest.mark.parametrize("reason", BROKEN)
def test_broken_files_are_named(tmp_path: Path, reason: str) -> None:
    path = written(tmp_path, BROKEN[reason], "broken.dat")
    with pytest.raises(UserError, match=reason.strip()) as caught:
        read_structure_file(path)
    assert "broken.dat" in caught.value.found


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_structure_file(tmp_path / "absent.pdb")
    with pytest.raises(UserError, match="is a directory"):
        read_structure_file(tmp_path)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure_file, "_LARGEST_TEXT", 10_000)
    path = written(tmp_path, gzip.compress(PDB + b"REMARK" * 10_000))
    with pytest.raises(UserError, match="larger"):
        read_structure_file(path)


def test_binary_cif_keeps_quotes_and_missing_values(tmp_path: Path) -> None:
    chain = strand("ACDEF")
    chain[0][0].name = "O5'"
    text = cif_text(structure_of(chain))
    found = read_structure_file(written(tmp_path, binary_cif(text))).structure
    assert found[0][0][0][0].name == "O5'"
    assert found[0][0][0][0].altloc == "\0"
    assert found[0][0][0].seqid == gemmi.SeqId("1")
