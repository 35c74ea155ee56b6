"""Tables of splits, and the names of fragments and entities."""

from pathlib import Path

import pytest

from rephase.data.fragment_ids import FragmentId, parse_fragment_id
from rephase.data.structures.split_table import read_split_table
from rephase.errors import UserError


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "splits.tsv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "id\tfile\tsplit\n4az3\ta.pdb\ttrain\n1ABC\tb.pdb\ttest\n",
        "split,id\r\ntrain,4az3\r\ntest,1abc\r\n",
        "# made by hand\nId  Split\n\n4AZ3_1  training\n1abc   TEST\n1ABC_2.pd_11 test\n",
        "\ufeffid;split\n4az3;train\n1abc;test\n",
        '"id","note","split"\n"4az3","a, b","train"\n1abc,,test\n',
    ],
)
def test_tables_as_people_write_them(tmp_path: Path, text: str) -> None:
    assert read_split_table(table(tmp_path, text)) == {"4AZ3": "train", "1ABC": "test"}


def test_long_ids(tmp_path: Path) -> None:
    path = table(tmp_path, "id\tsplit\npdb_1000a2bc\tval\npdb_1000a2bc_1.pd_11\tvalidation\n")
    assert read_split_table(path) == {"PDB_1000A2BC": "val"}


def test_a_long_id_holds_out_the_entry_of_the_short_one(tmp_path: Path) -> None:
    path = table(tmp_path, "id\tsplit\npdb_00004az3\ttest\n4AZ3_1\ttest\n")
    assert read_split_table(path) == {"4AZ3": "test"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("4az3\ttrain\n", "begins with"),
        ("id\tsplit\n4az3\n", "line 2"),
        (f"id,split\n{'x' * 200_000},test\n", "field"),
        ("id\tsplit\n\ttrain\n", "line 2"),
        ("id\tsplit\n4az3\tholdout\n", "holdout"),
        ("id\tsplit\n4az3\ttrain\n4AZ3\ttest\n", "4AZ3 is also train"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_split_table(table(tmp_path, text))


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a file"):
        read_split_table(tmp_path)
    (tmp_path / "binary").write_bytes(b"\x00\xff\xfe\x81" * 100)
    with pytest.raises(UserError, match="binary"):
        read_split_table(tmp_path / "binary")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("4AZ3_1.pd_11", ("4AZ3", "1", 11)),
        ("16VP_1_104", ("16VP", "1", 104)),
        ("PDB_00004AZ3_12.pd_1", ("PDB_00004AZ3", "12", 1)),
        ("MY-MODEL_A.pd_1", ("MY-MODEL", "A", 1)),
    ],
)
def test_ids_come_apart(text: str, parts: tuple[str, str, int]) -> None:
    found = parse_fragment_id(text)
    assert (found.entry, found.entity, found.start) == parts
    assert parse_fragment_id(str(found)) == found
    assert found.chain == f"{parts[0]}_{parts[1]}"


@pytest.mark.parametrize(
    "text", ["", "4AZ3", "4AZ3_1", "4AZ3_1.pd_", "4AZ3_1.pd_x", "4AZ3_1.pd_-3", "_1.pd_2"]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="fragment id"):
        parse_fragment_id(text)


def test_ids_are_written_as_in_the_paper() -> None:
    assert str(FragmentId("4AZ3", "1", 11)) == "4AZ3_1.pd_11"
