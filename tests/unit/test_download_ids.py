"""Codes of PDB entries from words and files, and the addresses of their files."""

from pathlib import Path

import pytest

from rephase.errors import UserError
from rephase.io.download_ids import read_entry_ids
from rephase.io.download_sources import PDBE, RCSB, read_source


def test_codes_come_once_in_lower_case_and_order() -> None:
    assert read_entry_ids(["4HHB", "1abc,2ABC 1ABC", "4hhb"]) == ["4hhb", "1abc", "2abc"]


def test_extended_code_of_an_old_entry_is_the_same_entry() -> None:
    assert read_entry_ids(["PDB_00001ABC", "1abc", "pdb_1000a2bc"]) == ["1abc", "pdb_1000a2bc"]


def test_codes_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_bytes("\ufeff# peptides\n1abc 2abc # and\r\n\r\n3abc,4abc\n".encode())
    expected = ["9xyz", "1abc", "2abc", "3abc", "4abc"]
    assert read_entry_ids(["9xyz", "@list.txt"]) == expected
    assert read_entry_ids(["9xyz", "list.txt"]) == expected


def test_file_named_like_a_code_does_not_hide_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1abc").write_text("2abc")
    assert read_entry_ids(["1abc"]) == ["1abc"]


@pytest.mark.parametrize(
    "word", ["1abcd", "abcd", "0abc", "1ab", "pdb_1abc", "1a/c", "../x", "1ab\u00e9", "½abc"]
)
def test_word_that_is_no_code_is_named(word: str) -> None:
    with pytest.raises(UserError) as told:
        read_entry_ids(["1abc", word])
    assert repr(word) in told.value.found


def test_line_of_a_bad_code_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("1abc\nnonsense\n")
    with pytest.raises(UserError, match=f"in line 2 of {path}"):
        read_entry_ids([f"@{path}"])


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"# nothing\n"])
def test_list_without_codes_is_the_users_to_put_right(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError):
        read_entry_ids([f"@{path}"])


def test_addresses_of_the_archive() -> None:
    assert RCSB.url("1abc", "mmcif") == "https://files.rcsb.org/download/1abc.cif.gz"
    assert RCSB.url("1abc", "bcif") == "https://models.rcsb.org/1abc.bcif.gz"
    assert PDBE.url("1abc", "pdb").endswith("/divided/pdb/ab/pdb1abc.ent.gz")
    assert PDBE.url("pdb_1000a2bc", "mmcif").endswith("/mmCIF/2b/pdb_1000a2bc.cif.gz")


def test_template_is_filled() -> None:
    source = read_source("http://mirror.org:80/{middle}/{ID}/{id}.cif")
    assert source.url("1abc", "pdb") == "http://mirror.org:80/ab/1ABC/1abc.cif"


@pytest.mark.parametrize(
    "word",
    [
        "rscb",
        "",
        "http://mirror.org/all.cif",
        "ftp://mirror.org/{id}",
        "/{id}.cif",
        "http://{id",
        "http:///{id}",
        "http://m.org/{id}{id.__class__}",
        "http://m.org/{id}/{}",
    ],
)
def test_word_that_is_no_source_is_the_users_to_put_right(word: str) -> None:
    with pytest.raises(UserError):
        read_source(word)
