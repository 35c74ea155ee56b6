"""`rephase data peptides` writes a set that opens, and refuses what it cannot do."""

from pathlib import Path

import numpy as np
import pytest

from rephase.cli.main import run
from rephase.data.sets.fragment_set import FragmentSet


def make(folder: Path, *options: str, n: str = "20") -> FragmentSet:
    assert run(["data", "peptides", "--n", n, "-o", str(folder), *options]) == 0
    return FragmentSet.open(folder)


def test_larger_set_of_a_seed_contains_the_smaller_one(tmp_path: Path) -> None:
    small, large = make(tmp_path / "small"), make(tmp_path / "large", n="30")
    ids = [f"PEP0-{number:07d}_1.pd_1" for number in range(20)]
    one, other = (held.read(held.indices_of(ids)) for held in (small, large))
    assert one.sequence.tolist() == other.sequence.tolist()
    np.testing.assert_array_equal(one.xyz_cart, other.xyz_cart)


def test_same_command_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / name / "set", "--length", "2-9", "--seed", "4")
    for path in sorted((tmp_path / "a").rglob("*.*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_settings_come_from_the_file_and_options_go_before_it(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("length: [4, 4]\ncomposition: uniform\nval: 1.0\n", encoding="utf-8")
    made = make(tmp_path / "set", "--config", str(config), "--length", "6")
    assert set(made.record.splits.items()) == {("train", 0), ("val", 20), ("test", 0)}
    assert made.record.residues == 120
    assert made.record.origin.config["composition"] == "uniform"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--n", "0"], "--n"),
        (["--n", "5", "--seed", "-1"], "--seed"),
        (["--n", "5", "--length", "short"], "--length"),
        (["--n", "5", "--length", "0"], "length"),
        (["--n", "5", "--length", "9-2"], "length"),
        (["--n", "5", "--set", "lenght=3"], "did you mean length?"),
        (["--n", "5", "--set", "spread=2"], "spread"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert run(["data", "peptides", *options, "-o", str(tmp_path / "set")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_existing_set_is_kept_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "set")
    before = (tmp_path / "set" / "set.json").read_bytes()
    assert run(["data", "peptides", "--n", "5", "-o", str(tmp_path / "set")]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "set" / "set.json").read_bytes() == before
    assert len(make(tmp_path / "set", "--force", n="5")) == 5
