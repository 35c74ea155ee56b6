"""Which files a build reads: directories, lists and files, in an order that names and contents decide."""

import os
from pathlib import Path

import pytest

from rephase.data.build.sources import Source, find_files, sum_files
from rephase.errors import UserError


def sources(*given: Path) -> list[Source]:
    return sum_files(find_files(given))


def filled(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_directory_stands_for_the_structures_in_and_below_it(tmp_path: Path) -> None:
    for name in ("b.pdb", "deep/er/a.CIF.gz", "c.bcif", "c.ent.gz", "README.txt", "table.tsv", "d.gz"):
        filled(tmp_path / name, name)
    assert [one.name for one in sources(tmp_path)] == ["b.pdb", "c.bcif", "c.ent.gz", "deep/er/a.CIF.gz"]


def test_a_list_names_files_beside_itself(tmp_path: Path) -> None:
    filled(tmp_path / "in" / "a.pdb")
    listed = filled(tmp_path / "list.txt", "# these\n\n  in/a.pdb  # the first\n")
    assert [one.name for one in sources(listed)] == ["a.pdb"]
    with pytest.raises(UserError, match="line 1"):
        find_files([filled(tmp_path / "other.lst", "in/b.pdb\n")])


def test_a_file_with_any_name_is_a_structure(tmp_path: Path) -> None:
    assert [one.name for one in sources(filled(tmp_path / "model"))] == ["model"]


def test_a_file_given_twice_or_copied_under_its_name_counts_once(tmp_path: Path) -> None:
    first, copy = filled(tmp_path / "a.pdb"), filled(tmp_path / "copies" / "a.pdb")
    other = filled(tmp_path / "others" / "a.pdb", "y")
    assert len(sources(first, first, tmp_path / "a.pdb")) == 1
    assert len(sources(first, copy)) == 1
    assert len(sources(first, other)) == 2


def test_a_link_that_leads_nowhere_is_reported_and_not_overlooked(tmp_path: Path) -> None:
    filled(tmp_path / "a.pdb")
    (tmp_path / "b.pdb").symlink_to(tmp_path / "gone.pdb")
    assert [(one.name, bool(one.sha256)) for one in sources(tmp_path)] == [("a.pdb", True), ("b.pdb", False)]


def test_a_pipe_is_no_structure_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdb")
    with pytest.raises(UserError, match="none of these"):
        find_files([tmp_path / "pipe.pdb"])


def test_the_order_of_the_arguments_does_not_matter(tmp_path: Path) -> None:
    files = [filled(tmp_path / f"{name}.pdb", name) for name in "cab"]
    assert sources(*files) == sources(*reversed(files))


def test_a_name_that_is_no_utf8_can_be_written_down(tmp_path: Path) -> None:
    odd = tmp_path / "caf\udce9.pdb"
    try:
        filled(odd)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    assert sources(odd)[0].name.encode("utf-8") == b"caf\\xe9.pdb"


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no .*nowhere"):
        find_files([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="none in"):
        find_files([tmp_path])
    with pytest.raises(UserError, match="none in no path"):
        find_files([])
